package org.replicationserver.controlplane;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.BindException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.InstanceMetadataStub.Instance;
import org.replicationserver.process.OptionChecks;
import org.replicationserver.receiver.StopSignals;
import org.replicationserver.receiver.config.IoReason;
import org.replicationserver.receiver.config.OneLineMistakes;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The program {@code control-plane}: the simulator for people who point a server at it. */
@Command(
        name = "./run control-plane",
        mixinStandardHelpOptions = true,
        description = {
            "A control plane to try a replication server with: it speaks deploy/control-api/openapi.yaml over HTTPS, and stands in"
                    + " for the metadata service of the server's instance. It prints what a server and its operator must know and"
                    + " lines to copy, keeps its fleet in memory, and runs until it is told to stop."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "2:wrong command line",
            "69:cannot listen, or another control plane has the directory",
            "74:the directory cannot be made, read or written",
            "143:after SIGTERM",
            "130:after SIGINT"
        })
public final class ControlPlaneMain implements Callable<Integer> {
    static final String CREDENTIALS_FILE = "credentials";

    private static final String LOCK_FILE = "control-plane.lock";

    private static final int UNAVAILABLE = 69;
    private static final int IO_ERROR = 74;
    private static final int PORT_MAX = 65_535;
    private static final String LOGGING = "logback.configurationFile";

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            description = "Address to listen on. Default: ${DEFAULT-VALUE}.",
            defaultValue = "127.0.0.1")
    private String host = "";

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description = "Port of the control API; 0 for one that is free. Default: ${DEFAULT-VALUE}.",
            defaultValue = "8443")
    private int port;

    @Option(
            names = "--admin-port",
            paramLabel = "PORT",
            description = "Port of the operator's interface, on the loopback only. Default: ${DEFAULT-VALUE}.",
            defaultValue = "8444")
    private int adminPort;

    @Option(
            names = "--metadata-port",
            paramLabel = "PORT",
            description = "Port of the instance's metadata service, on the loopback only. Default: ${DEFAULT-VALUE}.",
            defaultValue = "8445")
    private int metadataPort;

    @Option(
            names = "--directory",
            paramLabel = "DIRECTORY",
            description = "Where the certificate to trust and the credentials are written. Default: ${DEFAULT-VALUE}.",
            defaultValue = "control-plane-state")
    private Path directory = Path.of("");

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description =
                    "A host name or IP address for the certificate, beside localhost, 127.0.0.1 and ::1. Repeatable.")
    private List<String> names = new ArrayList<>();

    @Option(
            names = "--region",
            paramLabel = "REGION",
            description = "Region that requests are signed for. Default: ${DEFAULT-VALUE}.",
            defaultValue = "us-east-1")
    private String region = "";

    @Option(
            names = "--instance-id",
            paramLabel = "ID",
            description = "Id of the instance whose metadata is told. Default: ${DEFAULT-VALUE}.",
            defaultValue = "i-0123456789abcdef0")
    private String instanceId = "";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private final Supplier<IntSupplier> stopSignals;

    private ControlPlaneMain(Supplier<IntSupplier> stopSignals) {
        this.stopSignals = stopSignals;
    }

    public static void main(String[] args) {
        // The server's configuration is on the class path too, and writes to standard output.
        if (System.getProperty(LOGGING) == null) {
            System.setProperty(LOGGING, "agent-logback.xml");
        }
        System.exit(commandLine(() -> StopSignals.install()::await).execute(args));
    }

    /**
     * The command line.
     *
     * @param stopSignals begins to listen for signals; what it gives waits for the first one and gives the exit code for it
     */
    static CommandLine commandLine(Supplier<IntSupplier> stopSignals) {
        return new CommandLine(new ControlPlaneMain(stopSignals))
                .setCommandName(System.getProperty("command.name", "./run control-plane"))
                .setParameterExceptionHandler(new OneLineMistakes())
                .setUsageHelpAutoWidth(true)
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF));
    }

    @Override
    public Integer call() {
        requirePort("--port", port);
        requirePort("--admin-port", adminPort);
        requirePort("--metadata-port", metadataPort);
        IntSupplier stop = stopSignals.get();
        SimulatorOptions options = new SimulatorOptions(host, port, region, names, directory);
        Instance instance = new Instance(instanceId, region, "AWSApplicationMigrationReplicationServerRole");
        try (FileChannel _ = lockDirectory();
                ControlPlaneSimulator simulator =
                        listening("--port", port, () -> ControlPlaneSimulator.start(options));
                AdminServer admin =
                        listening("--admin-port", adminPort, () -> AdminServer.start(simulator, adminPort));
                InstanceMetadataStub metadata = listening(
                        "--metadata-port",
                        metadataPort,
                        () -> InstanceMetadataStub.start(instance, simulator.accessKeys(), metadataPort))) {
            writeCredentials(simulator.accessKeys());
            print(simulator, admin, metadata);
            return stop.getAsInt();
        } catch (CertificateStoreException | FileSystemException e) {
            return fail(IO_ERROR, e);
        } catch (IOException e) {
            return fail(UNAVAILABLE, e);
        }
    }

    private interface Start<T> {
        T start() throws IOException;
    }

    /** Starts what listens on a port, which the kernel's words for a port that is taken do not tell. */
    private static <T> T listening(String option, int port, Start<T> start) throws IOException {
        try {
            return start.start();
        } catch (IOException e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof BindException) {
                    throw new IOException("cannot listen on " + option + "=" + port + ": " + cause.getMessage(), e);
                }
            }
            throw e;
        }
    }

    /**
     * Keeps others out of the directory, before anything of it is replaced, until the channel is closed.
     *
     * @throws FileSystemException when it cannot be made or written
     * @throws IOException when another control plane has it
     */
    private FileChannel lockDirectory() throws IOException {
        FileChannel channel;
        try {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            channel =
                    FileChannel.open(directory.resolve(LOCK_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw (FileSystemException)
                    new FileSystemException(directory.toString(), null, IoReason.of(e, directory.toString()))
                            .initCause(e);
        }
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // Another one of this process has it.
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        channel.close();
        throw new IOException("another control plane has this directory: " + directory
                + "; stop it, or name another one with --directory");
    }

    private void requirePort(String option, int number) {
        new OptionChecks(spec).require(number >= 0 && number <= PORT_MAX, option + "=" + number, "0 to " + PORT_MAX);
    }

    private int fail(int exitCode, IOException failure) {
        spec.commandLine().getErr().println(spec.name() + ": " + failure.getMessage());
        return exitCode;
    }

    /** New ones at each start; for their owner only. */
    private void writeCredentials(AccessKeys keys) throws FileSystemException {
        Path file = directory.resolve(CREDENTIALS_FILE);
        String text = profile("replication-server", keys.issue(Role.REPLICATION_SERVER))
                + profile(FirstSteps.AGENT_PROFILE, keys.issue(Role.AGENT));
        try {
            Files.deleteIfExists(file);
            try (SeekableByteChannel channel = Files.newByteChannel(
                    file,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                channel.write(StandardCharsets.UTF_8.encode(text));
            }
        } catch (IOException e) {
            throw (FileSystemException)
                    new FileSystemException(file.toString(), null, "cannot be written: " + e.getMessage()).initCause(e);
        }
    }

    private static String profile(String name, AccessKey key) {
        return "[" + name + "]\naws_access_key_id = " + key.accessKeyId() + "\naws_secret_access_key = "
                + key.secretAccessKey() + "\n\n";
    }

    private void print(ControlPlaneSimulator simulator, AdminServer admin, InstanceMetadataStub metadata) {
        PrintWriter out = spec.commandLine().getOut();
        Path authority = directory.resolve(ControlPlaneSimulator.AUTHORITY_FILE);
        Path credentials = directory.resolve(CREDENTIALS_FILE);
        out.println("control API:       " + simulator.endpoint() + ", signed for mgn in " + region);
        out.println("certificate:       " + authority + ", which clients must trust");
        out.println("credentials:       " + credentials + ", profiles replication-server, " + FirstSteps.AGENT_PROFILE);
        out.println("instance metadata: " + metadata.endpoint() + ", for AWS_EC2_METADATA_SERVICE_ENDPOINT");
        out.println("operator:          " + admin.address() + ", GET / lists what may be asked");
        out.println();
        out.println("To try it, copy these lines, in this directory:");
        out.println();
        out.print(new FirstSteps(
                        Path.of(System.getProperty("command.run", "./run")),
                        simulator.endpoint(),
                        authority,
                        credentials,
                        metadata.endpoint(),
                        admin.address(),
                        region,
                        instanceId)
                .text());
        out.flush();
    }
}
