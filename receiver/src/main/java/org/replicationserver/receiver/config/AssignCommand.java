package org.replicationserver.receiver.config;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.PemFiles;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.config.VolumeText.Field;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Adds a source server to the file of assignments, or changes it there. */
@Command(
        name = "assign",
        mixinStandardHelpOptions = true,
        description =
                "Adds a source server to the file of assignments, which a server with control.mode=local follows, or changes it"
                        + " there. With control.mode=https the control plane assigns.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:assigned",
            "2:wrong command line, an option that cannot be read",
            "74:the file cannot be written",
            "78:mistakes in what is assigned, in the configuration or in the file, a line each"
        })
public final class AssignCommand implements Callable<Integer> {
    private static final int USAGE = 2;
    private static final int IO_ERROR = 74;
    private static final String REMOVE_OPTION = "--remove-volume";
    private static final String SOURCE_OPTION = "--source-server-id";
    private static final String PIN_OPTION = "--agent-pin";
    private static final String CERTIFICATE_OPTION = "--agent-certificate";

    @Mixin
    private ConfigOptions options = new ConfigOptions();

    @Option(names = SOURCE_OPTION, paramLabel = "ID", required = true, description = "The source server's id.")
    private String sourceServerId = "";

    @Option(
            names = PIN_OPTION,
            paramLabel = "PIN",
            description =
                    "sha256:<64 hexadecimal digits> of the agent's key. Repeatable, for the current and the next key;"
                            + " replaces the pins that the source server has.")
    private List<String> agentPins = new ArrayList<>();

    @Option(
            names = CERTIFICATE_OPTION,
            paramLabel = "PEM",
            description = "The agent's certificate, of which the pin is taken. Repeatable.")
    private List<Path> agentCertificates = new ArrayList<>();

    @Option(
            names = "--volume",
            paramLabel = "KEYS",
            description =
                    "deviceName=/dev/sda,volumeId=vol-1,sizeBytes=8GiB[,path=PATH][,fresh]. Repeatable. A volume is added,"
                            + " or replaces the one with its id; without path volume.discovery decides where it is.")
    private List<String> volumes = new ArrayList<>();

    @Option(
            names = REMOVE_OPTION,
            paramLabel = "ID",
            description =
                    "Takes a volume away from the source server: it is closed and keeps what it holds. Repeatable.")
    private List<String> removedVolumes = new ArrayList<>();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        Mistakes usage = new Mistakes();
        List<VolumeText> volumeTexts = VolumeOption.parseAll(volumes, usage);
        List<Field> pins = pins(usage);
        try {
            usage.throwIfAny();
        } catch (ConfigException e) {
            return fail(e, USAGE);
        }
        try {
            ServerConfig config = options.load().toServerConfig();
            return assign(config, pins, volumeTexts);
        } catch (ConfigException e) {
            return fail(e, ConfigException.EXIT_CODE);
        }
    }

    private int assign(ServerConfig config, List<Field> pins, List<VolumeText> volumeTexts) throws ConfigException {
        Path file = config.assignmentsFile();
        VolumePaths paths = config.volumePaths();
        Field id = new Field(SOURCE_OPTION, sourceServerId);
        List<Field> removed = removedVolumes.stream()
                .map(volume -> new Field(REMOVE_OPTION, volume))
                .toList();
        try {
            List<AssignedSource> changed = AssignmentsFile.change(
                    file,
                    paths,
                    current -> new AssignmentsEditor(current, paths).assign(id, pins, volumeTexts, removed));
            spec.commandLine()
                    .getOut()
                    .println(
                            "assigned: " + AssignmentsFile.summary(changed) + " in " + file + "; "
                                    + (config.control().mode() == ControlMode.LOCAL
                                            ? "a server that runs follows it within seconds"
                                            : "the server does not read it, with control.mode=https its control plane assigns"));
            tellJudgedImages(changed, paths);
            return 0;
        } catch (IOException e) {
            spec.commandLine().getErr().println(file + ": cannot be written: " + IoReason.of(e, file.toString()));
            return IO_ERROR;
        }
    }

    /** Of the source server that was assigned. */
    private void tellJudgedImages(List<AssignedSource> changed, VolumePaths paths) {
        changed.stream()
                .map(AssignedSource::assignment)
                .filter(source -> source.sourceServerId().equals(sourceServerId))
                .flatMap(source -> source.volumes().stream())
                .filter(paths::isJudgedImage)
                .forEach(volume -> spec.commandLine()
                        .getOut()
                        .println("warning: volume " + volume.volumeId() + " is " + VolumePaths.JUDGED_IMAGE));
    }

    private List<Field> pins(Mistakes usage) {
        List<Field> pins = new ArrayList<>();
        agentPins.forEach(pin -> pins.add(new Field(PIN_OPTION, pin)));
        for (Path certificate : agentCertificates) {
            try {
                String pin = Pin.of(PemFiles.readCertificate(certificate)).toString();
                pins.add(new Field(CERTIFICATE_OPTION, pin));
            } catch (CertificateStoreException e) {
                usage.add(CERTIFICATE_OPTION, Mistakes.display(String.valueOf(e.getMessage())));
            }
        }
        return pins;
    }

    private int fail(ConfigException mistakes, int exitCode) {
        mistakes.lines().forEach(spec.commandLine().getErr()::println);
        return exitCode;
    }
}
