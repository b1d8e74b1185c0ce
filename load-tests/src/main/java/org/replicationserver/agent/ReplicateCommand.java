package org.replicationserver.agent;

import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Replicates disks until it is stopped; a thin shell around {@link ReplicationAgent}. */
@Command(
        name = "replicate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Replicates disks to a replication server: an initial sync, then cycles of what has changed.",
            "SIGTERM and SIGINT end it after what was sent is acknowledged; exit code 0.",
            "A restarted agent remembers nothing and sends everything again."
        },
        footer = {
            "",
            "It tries again, after 1 to 60 seconds at random: when the server is not reachable, closes or stops; after every error"
                    + " but those below; and when the server shows an unexpected pin while --server-pin-file may bring another.",
            "It ends, because nothing changes by itself: when the server refuses the certificate, id or disks (77); when the server"
                    + " shows an unexpected pin and --server-pin is all there is (77); when versions or disk sizes differ, or the"
                    + " peer does not speak brp/1 (76); when a source cannot be read any more (74).",
            "Exit codes: 0 done or stopped, 2 wrong usage, 69 --connect-timeout is over, 74, 76, 77 as above."
        })
final class ReplicateCommand implements Callable<Integer> {
    private static final int SECONDS_MAX = 31_536_000;

    @Option(
            names = "--source",
            required = true,
            paramLabel = "DISK[=PATH]",
            description =
                    "Disk to replicate, 1 to 64 times: the name by which it is assigned, and the block device or image to"
                            + " read. Default PATH: the name.")
    private List<String> sources = new ArrayList<>();

    @Option(
            names = "--server",
            required = true,
            paramLabel = "HOST[:PORT]",
            description = "The replication server; an IPv6 address in brackets. Default PORT: 1500.")
    private String server = "";

    @Option(
            names = "--source-server-id",
            required = true,
            paramLabel = "ID",
            description = "Id of this source server, as assigned: 1 to 128 of A-Z a-z 0-9 . _ -.")
    private String sourceServerId = "";

    @Option(
            names = "--identity",
            required = true,
            paramLabel = "DIR",
            description = "Directory of this agent's key and certificate, see 'agent identity'; made if there is none.")
    private Path identity = Path.of("");

    @Option(
            names = "--server-pin",
            paramLabel = "PIN",
            description =
                    "Pin that the server may show, sha256: and 64 hexadecimal digits; repeatable. One of --server-pin and"
                            + " --server-pin-file is required.")
    private List<String> serverPins = new ArrayList<>();

    @Option(
            names = "--server-pin-file",
            paramLabel = "FILE",
            description =
                    "File with a pin on each line, read again at each connect, so that a replaced server is accepted.")
    private @Nullable Path serverPinFile;

    @Option(
            names = "--streams",
            paramLabel = "N",
            defaultValue = "5",
            description = "Data connections wanted, 1 to 16. Default: ${DEFAULT-VALUE}.")
    private int streams;

    @Option(
            names = "--readers",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads that read, hash and compress, 1 to 16. Default: ${DEFAULT-VALUE}.")
    private int readers;

    @Option(
            names = "--cycles",
            paramLabel = "N",
            defaultValue = "-1",
            description =
                    "Cycles after the initial sync, then it ends; 0 is the initial sync alone, -1 no end. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int cycles;

    @Option(
            names = "--cycle-pause",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "From a commit to the begin of the next cycle, 0 to 31536000; fractions are allowed. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double cyclePause;

    @Option(
            names = "--quiet-source",
            description =
                    "Nobody writes to the disks while they are read: epochs are consistent. Without this and without"
                            + " --mark-command they are fuzzy: durable, but never the state of one moment. Default: off.")
    private boolean quietSource;

    @Option(
            names = "--mark-command",
            paramLabel = "CMD",
            description =
                    "Shell command that makes the disks stand still: 'CMD freeze' before an epoch is read, the initial sync"
                            + " too, 'CMD thaw' after its last block was, or when the session is lost (BRP_PHASE has the word as"
                            + " well). Writers wait all that time if it freezes file systems; better it makes snapshots that PATH"
                            + " names, which are opened after freeze and closed before thaw. If freeze fails the epoch is fuzzy."
                            + " Default: none.")
    private @Nullable String markCommand;

    @Option(
            names = "--mark-patience",
            paramLabel = "SECONDS",
            defaultValue = "600",
            description =
                    "How long freeze, and thaw, may take before the command is ended with all that it started, 0 to"
                            + " 31536000. Default: ${DEFAULT-VALUE}.")
    private double markPatience;

    @Option(
            names = "--grease",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "Now and then sends what a server must ignore, so that it goes on to. Default: on.")
    private boolean grease;

    @Option(
            names = "--tls-engine",
            paramLabel = "ENGINE",
            defaultValue = "auto",
            description = "auto, openssl or jdk; auto is openssl (BoringSSL) where its native library loads. Default:"
                    + " ${DEFAULT-VALUE}.")
    private TlsEngine tlsEngine = TlsEngine.AUTO;

    @Option(
            names = "--connect-timeout",
            paramLabel = "SECONDS",
            defaultValue = "0",
            description = "Ends with 69 when no session was open for so long, 0 to 31536000; 0 is never. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double connectTimeout;

    @Option(
            names = "--progress",
            paramLabel = "FORM",
            defaultValue = "auto",
            description =
                    "auto, terminal (a line for each disk, redrawn each second) or plain (a line for each disk each 10"
                            + " seconds); auto is terminal on a terminal. Default: ${DEFAULT-VALUE}.")
    private ProgressForm progress = ProgressForm.AUTO;

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Writes what was done to this file as JSON, at the end. Default: none.")
    private @Nullable Path report;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Seed of the random waits and of grease, any 64-bit integer. Default: the time.")
    private @Nullable Long seed;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws InterruptedException {
        AgentOptions options = options();
        TlsEngine.forbidResumptionAndRenegotiation();
        PrintWriter err = spec.commandLine().getErr();
        ProgressPrinter printer = new ProgressPrinter(spec.commandLine().getOut(), progress.isTerminal(isTerminal()));
        ReplicationAgent agent;
        try {
            agent = ReplicationAgent.start(options, printer::event);
        } catch (AgentStartException e) {
            err.println("agent: " + e.getMessage());
            return AgentMain.USAGE;
        }
        Thread hook = Thread.ofPlatform().name("shutdown").unstarted(() -> stopped(agent, printer));
        Runtime.getRuntime().addShutdownHook(hook);
        AgentOutcome outcome = printer.run(agent);
        return finish(agent, outcome);
    }

    private static boolean isTerminal() {
        return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    }

    /** A signal came, or the program ends by itself; in the first case the exit code is what the agent says. */
    private void stopped(ReplicationAgent agent, ProgressPrinter printer) {
        if (agent.ended().isDone()) {
            return;
        }
        agent.stop();
        AgentOutcome outcome = agent.ended().join();
        printer.finish();
        Runtime.getRuntime().halt(finish(agent, outcome));
    }

    private synchronized int finish(ReplicationAgent agent, AgentOutcome outcome) {
        PrintWriter err = spec.commandLine().getErr();
        if (outcome.exit() != AgentOutcome.Exit.DONE) {
            err.println("agent: " + outcome.text());
        }
        err.flush();
        if (report != null) {
            try {
                Files.writeString(report, ReportJson.of(agent.report()), StandardCharsets.UTF_8);
            } catch (IOException e) {
                err.println("--report: cannot write " + report + ": " + e.getMessage());
            }
        }
        return outcome.exit().code();
    }

    private AgentOptions options() {
        List<SourceDisk> disks = sources.stream()
                .map(text -> parsed("--source", text, SourceDisk::parse))
                .toList();
        check("--source", disks.size(), 1, ProtocolLimits.DISKS_MAX);
        if (disks.stream().map(SourceDisk::deviceName).distinct().count() < disks.size()) {
            throw wrong("--source: the same disk is given twice, allowed is each once");
        }
        if (!Hello.ID.matcher(sourceServerId).matches()) {
            throw wrong("--source-server-id: '" + sourceServerId + "', allowed are 1 to 128 of A-Z a-z 0-9 . _ -");
        }
        check("--streams", streams, 1, ProtocolLimits.STREAMS_MAX);
        check("--readers", readers, 1, AgentOptions.READERS_MAX);
        check("--cycles", cycles, AgentOptions.ENDLESS, Integer.MAX_VALUE);
        check("--cycle-pause", cyclePause, 0, SECONDS_MAX);
        check("--connect-timeout", connectTimeout, 0, SECONDS_MAX);
        if (quietSource && markCommand != null) {
            throw wrong("--quiet-source: not together with --mark-command, which is for sources that are not quiet");
        }
        requireEngine();
        AgentOptions options = AgentOptions.of(
                        disks, parsed("--server", server, ServerAddress::parse), pins(), sourceServerId, identity)
                .withStreams(streams)
                .withReaders(readers)
                .withTlsEngine(tlsEngine)
                .withCycles(cycles, seconds(cyclePause))
                .withQuietSource(quietSource)
                .withMarkCommand(markCommand)
                .withMarkPatience(seconds(markPatience))
                .withGrease(grease)
                .withConnectTimeout(seconds(connectTimeout));
        return seed == null ? options : options.withSeed(seed);
    }

    private void requireEngine() {
        try {
            tlsEngine.resolve();
        } catch (IllegalStateException e) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--tls-engine: openssl does not load on this machine, allowed are auto, jdk",
                    e);
        }
    }

    private ServerPins pins() {
        Set<Pin> given = new HashSet<>();
        serverPins.forEach(text -> given.add(parsed("--server-pin", text, Pin::parse)));
        ServerPins pins = new ServerPins(given, serverPinFile);
        try {
            if (pins.read().isEmpty()) {
                throw wrong("--server-pin: none is given, and --server-pin-file has none; one of them is required");
            }
        } catch (IOException e) {
            throw new ParameterException(spec.commandLine(), "--server-pin-file: cannot be read: " + e.getMessage(), e);
        }
        return pins;
    }

    private <T> T parsed(String option, String text, Function<String, T> parser) {
        try {
            return parser.apply(text);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), option + ": '" + text + "': " + e.getMessage(), e);
        }
    }

    private void check(String option, double value, double min, double max) {
        if (!(value >= min && value <= max)) {
            throw wrong(option + ": " + plain(value) + ", allowed are " + plain(min) + " to " + plain(max));
        }
    }

    private static String plain(double value) {
        return value == Math.rint(value) && !Double.isInfinite(value)
                ? Long.toString((long) value)
                : Double.toString(value);
    }

    private static Duration seconds(double seconds) {
        return Duration.ofNanos((long) (seconds * 1e9));
    }

    private ParameterException wrong(String line) {
        return new ParameterException(spec.commandLine(), line);
    }
}
