package org.replicationserver.agent;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.replicationserver.cert.Identity;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures how fast blocks go to the replication server, and what limits them. */
@Command(
        name = "speed-test",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures how fast blocks go from this machine to the replication server, and says which stage limits.",
            "It reads, hashes, compresses and encrypts as replication does; the server decrypts, expands and checks what arrives, and throws"
                    + " it away. No volume is touched, and a session of this source server goes on.",
            "Limits of bandwidth hold for it. While replication goes on it gets 2 %% of that, so test before it begins or while it is paused."
        },
        footer = {
            "",
            "Exit codes: 0 measured, 2 wrong usage or a disk that cannot be used, 69 the server is not reachable or ended it, 70 a bug,"
                    + " 74 a disk cannot be read any more, 75 the server runs as many speed tests as it may: try again in a minute,"
                    + " 76 not the same protocol, or a server without speed tests, 77 refused by the server or a wrong pin,"
                    + " 143 after SIGTERM and 130 after SIGINT."
        })
final class SpeedTestCommand implements Callable<Integer> {
    private static final int MIB = 1024 * 1024;
    private static final int MIB_MAX = (int) (ProtocolLimits.TEST_BYTES_MAX / MIB);

    @Mixin
    private PeerOptions peer = new PeerOptions();

    @Option(
            names = "--disk",
            paramLabel = "PATH",
            description = "Block device or image that is read and sent; repeatable. Default: none, pseudo-random bytes"
                    + " are sent.")
    private List<Path> disks = new ArrayList<>();

    @Option(
            names = "--compressible",
            paramLabel = "PERCENT",
            defaultValue = "50",
            description = "How much of pseudo-random bytes compresses to nothing, 0 to 100. Default: ${DEFAULT-VALUE}.")
    private int compressiblePercent;

    @Option(
            names = "--streams",
            paramLabel = "N",
            defaultValue = "5",
            description = "Data connections, 1 to 16. Default: ${DEFAULT-VALUE}.")
    private int streams;

    @Option(
            names = "--readers",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads that read, hash and compress, 1 to 16. Default: ${DEFAULT-VALUE}.")
    private int readers;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "10",
            description = "How long, 1 to 30. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(
            names = "--mib-max",
            paramLabel = "N",
            defaultValue = "16384",
            description = "It ends after so many MiB before compression, 1 to 16384. Default: ${DEFAULT-VALUE}.")
    private int mibMax;

    @Option(names = "--json", description = "Prints what was measured as JSON. Default: off.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private final Supplier<IntSupplier> stopSignals;

    SpeedTestCommand(Supplier<IntSupplier> stopSignals) {
        this.stopSignals = stopSignals;
    }

    @Override
    public Integer call() throws InterruptedException {
        requireBetween("--compressible", compressiblePercent, 0, 100);
        requireBetween("--streams", streams, 1, ProtocolLimits.STREAMS_MAX);
        requireBetween("--readers", readers, 1, AgentOptions.READERS_MAX);
        requireBetween("--seconds", seconds, 1, ProtocolLimits.TEST_SECONDS_MAX);
        requireBetween("--mib-max", mibMax, 1, MIB_MAX);
        String id = peer.sourceServerId();
        ServerLookup server = peer.serverLookup();
        TlsEngine engine = peer.tlsEngine();
        TlsEngine.forbidResumptionAndRenegotiation();
        List<DiskFile> files = new ArrayList<>();
        try {
            boolean isNew = !AgentIdentity.exists(peer.identity());
            Identity identity = AgentIdentity.loadOrCreate(peer.identity(), id);
            if (isNew) {
                tell("a new identity was made in " + peer.identity() + ", pin " + identity.pin());
            }
            for (Path disk : disks) {
                DiskFile file = DiskFile.inspect(disk);
                file.openAndUse();
                files.add(file);
            }
            TestData data = files.isEmpty()
                    ? TestData.generated(compressiblePercent, System.nanoTime())
                    : TestData.ofDisks(files);
            return run(new SpeedTestAgent.Options(
                    server, id, identity, engine, streams, readers, seconds, (long) mibMax * MIB, data, true));
        } catch (IOException e) {
            tell(String.valueOf(e.getMessage()));
            return AgentMain.USAGE;
        } finally {
            close(files);
        }
    }

    private int run(SpeedTestAgent.Options options) throws InterruptedException {
        SpeedTestAgent agent = new SpeedTestAgent(options);
        AtomicInteger signalled = new AtomicInteger();
        IntSupplier firstSignal = stopSignals.get();
        Thread.ofPlatform().daemon().name("stop-signals").start(() -> {
            signalled.set(firstSignal.getAsInt());
            agent.stop();
        });
        SpeedTestAgent.Outcome outcome = agent.run();
        SpeedTestReport report = outcome.report();
        SpeedTestFailure failure = outcome.failure();
        if (report != null) {
            print(report);
        } else if (failure != null) {
            tell(failure.text());
        }
        if (signalled.get() != 0) {
            return signalled.get();
        }
        return failure == null ? 0 : failure.kind().code();
    }

    private void print(SpeedTestReport report) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(SpeedTestText.json(report).encodePrettily());
        } else {
            SpeedTestText.lines(report).forEach(out::println);
        }
        out.flush();
    }

    private void close(List<DiskFile> files) {
        for (DiskFile file : files) {
            try {
                file.close();
            } catch (IOException e) { // nothing of it is lost
                tell(file.path() + " cannot be closed: " + e.getMessage());
            }
        }
    }

    private void tell(String line) {
        spec.commandLine().getErr().println("agent: " + line);
    }

    private void requireBetween(String option, int value, int min, int max) {
        if (value < min || value > max) {
            throw new ParameterException(
                    spec.commandLine(), option + ": " + value + ", allowed are " + min + " to " + max);
        }
    }
}
