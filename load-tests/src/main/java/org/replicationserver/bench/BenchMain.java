package org.replicationserver.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.OptionChecks;
import org.replicationserver.process.RunException;
import org.replicationserver.process.SizeConverter;
import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.config.OneLineMistakes;
import org.replicationserver.receiver.listener.TlsEngine;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The entry point of {@code ./run bench}. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = {
            "Measures what a GiB of initial sync costs the server, beside a C program that does only what must be done, the"
                    + " floor. Both run in turns, since the ratio of the two tells more than their figures.",
            "The image and the figures are kept in ${XDG_CACHE_HOME:-~/.cache}/replication-server-bench."
        },
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:measured, and the replicas are identical",
            "1:it could not go on",
            "2:wrong command line",
            "143:after SIGTERM",
            "130:after SIGINT"
        })
public final class BenchMain implements Callable<Integer> {
    private static final int STARTS_MAX = 20;
    private static final int ROUNDS_MAX = 100;
    private static final int EXIT_FAILED = 1;
    private static final long SIZE_MIN = 16 * ByteSize.MIB;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            defaultValue = "1GiB",
            converter = SizeConverter.class,
            description = "Size of the disk.")
    private long sizeBytes;

    @Option(
            names = "--starts",
            paramLabel = "N",
            description = "Fresh servers: each does its first sync, the cold one.")
    private int starts = 3;

    @Option(names = "--rounds", paramLabel = "N", description = "Further syncs of the last server, the warm ones.")
    private int rounds = 7;

    @Option(names = "--engine", paramLabel = "auto|jdk|openssl", description = "TLS engine of the server.")
    private TlsEngine engine = TlsEngine.AUTO;

    @Option(names = "--streams", paramLabel = "N", description = "Data connections.")
    private int streams = 5;

    @Option(
            names = "--volume-dir",
            paramLabel = "DIR",
            description = "Where volumes are written; else /dev/shm if it has room, the temporary directory otherwise.")
    private @Nullable Path volumeDirectory;

    @Option(names = "--json", paramLabel = "FILE", description = "Where the figures go; else into the cache.")
    private @Nullable Path json;

    @Option(names = "--jvm", paramLabel = "OPTION", description = "One more option of the server's JVM. Repeatable.")
    private List<String> jvmOptions = new ArrayList<>();

    @Option(
            names = "--outage",
            description = {
                "Measures instead what an outage of the control plane costs: a server whose control plane is away, in turns with"
                        + " one whose control plane answers. --starts has no meaning then."
            })
    private boolean outage;

    @Option(
            names = "--rescan",
            description = {
                "Measures instead what it costs the server to compare a volume with the hashes of its disk, in turns with SHA-256"
                        + " of the same bytes by one thread. --starts and --streams have no meaning then."
            })
    private boolean rescan;

    @Option(names = "--clean", description = "Removes the cache, and ends.")
    private boolean clean;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private final Path cache;

    private BenchMain(Path cache) {
        this.cache = cache;
    }

    /** Runs the bench; ends the process with its exit code unless that is 0. */
    public static void main(String[] args) {
        int exitCode = commandLine(userCache()).execute(args);
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    /** Of this user alone, so that nobody meets files that another one made. */
    private static Path userCache() {
        String given = System.getenv("XDG_CACHE_HOME");
        Path caches = given != null && given.startsWith("/")
                ? Path.of(given)
                : Path.of(System.getProperty("user.home", "/tmp"), ".cache");
        return caches.resolve("replication-server-bench");
    }

    static CommandLine commandLine(Path cache) {
        return new CommandLine(new BenchMain(cache))
                .setCommandName(System.getProperty("command.name", "bench"))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler(new OneLineMistakes());
    }

    @Override
    public Integer call() {
        if (clean) {
            return removeCache();
        }
        checkOptions();
        try {
            Bench.Settings settings = new Bench.Settings(
                    sizeBytes, starts, rounds, streams, engine.resolve(), volumeDirectory, jvmOptions, scenario());
            Figures figures = new Bench(settings, cache, spec.commandLine().getOut()).run();
            spec.commandLine().getOut().println();
            spec.commandLine().getOut().print(figures.table());
            Path file = json == null ? cache.resolve(fileName()) : json;
            Files.writeString(file, figures.toJson().encodePrettily() + "\n");
            spec.commandLine().getOut().println("figures: " + file);
            return 0;
        } catch (RunException | IOException e) {
            spec.commandLine().getErr().println("bench failed: " + e.getMessage());
            return EXIT_FAILED;
        } catch (InterruptedException e) {
            spec.commandLine().getErr().println("bench: stopped");
            return EXIT_FAILED;
        }
    }

    private String fileName() {
        return scenario().fileName + "-" + ByteSize.format(sizeBytes) + ".json";
    }

    private Bench.Scenario scenario() {
        if (rescan) {
            return Bench.Scenario.RESCAN;
        }
        return outage ? Bench.Scenario.OUTAGE : Bench.Scenario.INITIAL_SYNC;
    }

    private int removeCache() {
        try {
            Cleanup.deleteTree(cache);
            spec.commandLine().getOut().println("removed: " + cache);
            return 0;
        } catch (IOException e) {
            spec.commandLine().getErr().println("bench: cannot remove " + cache + ": " + e.getMessage());
            return EXIT_FAILED;
        }
    }

    private void checkOptions() {
        OptionChecks checks = new OptionChecks(spec);
        checks.requireSize(sizeBytes, SIZE_MIN);
        checks.require(starts >= 1 && starts <= STARTS_MAX, "--starts=" + starts, "1 to " + STARTS_MAX);
        checks.require(rounds >= 1 && rounds <= ROUNDS_MAX, "--rounds=" + rounds, "1 to " + ROUNDS_MAX);
        checks.requireStreams(streams);
        checks.require(!(outage && rescan), "--outage and --rescan", "one of them");
        checks.require(
                volumeDirectory == null || Files.isDirectory(volumeDirectory),
                "--volume-dir=" + volumeDirectory,
                "a directory that exists");
        Path parent = json == null ? null : json.toAbsolutePath().getParent();
        checks.require(
                parent == null || Files.isDirectory(parent), "--json=" + json, "a file in a directory that exists");
        try {
            engine.resolve();
        } catch (IllegalStateException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }
}
