package org.replicationserver.demo;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.OptionChecks;
import org.replicationserver.process.RunException;
import org.replicationserver.process.SizeConverter;
import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.config.OneLineMistakes;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line of the demo. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Replicates a disk over TLS to a server of its own, kills that server with SIGKILL in the middle, starts it"
                    + " again, changes files, runs two more cycles, and proves the replica identical. Everything happens in"
                    + " a temporary directory that is removed at the end; no root is needed.",
            "",
            "With a control plane it is a whole migration of about a minute: the server is paired, its bandwidth limited, the"
                    + " control plane away for a while, the server killed and replaced by another one, replication stopped."
                    + " It ends with what the control plane was told, and fails if any of that was out of order."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:the replica is identical",
            "1:it is not, or the demo could not go on, or the control plane was told something irregular",
            "2:wrong command line",
            "143:after SIGTERM",
            "130:after SIGINT"
        })
public final class DemoMain implements Callable<Integer> {
    /** Smaller disks are replicated before anybody could kill the server in the middle. */
    private static final long SIZE_MIN = 256 * ByteSize.MIB;

    @Option(
            names = "--source",
            paramLabel = "FILE|DEVICE",
            description = "A disk image or block device of 256MiB or more, only read and not to be written meanwhile."
                    + " Default: a file system of this machine's files is made.")
    private @Nullable Path source;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = SizeConverter.class,
            description = "Size of the file system that is made, from 256MiB. Default: ${DEFAULT-VALUE}.",
            defaultValue = "384MiB")
    private long sizeBytes;

    @Option(
            names = "--streams",
            paramLabel = "N",
            description = "Data connections, 1 to 16. Default: ${DEFAULT-VALUE}.",
            defaultValue = "5")
    private int streams;

    @Option(names = "--with-control-plane", description = "Runs a migration that a control plane leads, over HTTPS.")
    private boolean withControlPlane;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Runs the demo and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new DemoMain())
                .setCommandName(System.getProperty("command.name", "demo"))
                .setParameterExceptionHandler(new OneLineMistakes());
    }

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        checkOptions();
        try (Demo demo = new Demo(out, streams, withControlPlane ? MigrationStory::play : KillStory::play)) {
            return demo.run(source, sizeBytes) ? 0 : 1;
        } catch (RunException e) {
            out.flush();
            spec.commandLine().getErr().println("demo: " + e.getMessage());
            return 1;
        } catch (InterruptedException e) {
            out.flush();
            spec.commandLine().getErr().println("demo: stopped");
            return 1;
        }
    }

    private void checkOptions() {
        OptionChecks checks = new OptionChecks(spec);
        checks.requireStreams(streams);
        checks.requireSize(sizeBytes, SIZE_MIN);
        if (source != null) {
            requireDisk(checks, source);
        }
    }

    private void requireDisk(OptionChecks checks, Path disk) {
        checks.require(Files.exists(disk) && !Files.isDirectory(disk), "--source=" + disk, "an image or block device");
        try {
            long bytes = DemoDisk.sizeBytes(disk);
            checks.require(
                    bytes >= SIZE_MIN && bytes % ProtocolLimits.SECTOR_BYTES == 0,
                    "--source=" + disk + " has " + bytes + " bytes",
                    ByteSize.format(SIZE_MIN) + " and more, multiples of " + ProtocolLimits.SECTOR_BYTES);
        } catch (RunException e) {
            throw new ParameterException(spec.commandLine(), "--source: " + e.getMessage(), e);
        }
    }
}
