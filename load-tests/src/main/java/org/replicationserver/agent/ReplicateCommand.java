package org.replicationserver.agent;

import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.listener.TlsEngine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
            "SIGTERM and SIGINT end it after what was sent is acknowledged and the source is thawed; a second one ends it at once.",
            "A restarted agent remembers nothing: it compares its disks with the volumes and sends what differs.",
            "It needs about 270 MiB of memory for each TiB of its disks, and 128 MiB: JAVA_OPTS=-Xmx..."
        },
        footer = {
            "",
            "It tries again, after 1 to 60 seconds at random: when the server is not reachable, closes or stops; after every error"
                    + " but those below; and when the server shows an unexpected pin while --server-pin-file may bring another. With"
                    + " --control-plane, which may name another server or tell it of this agent, also after every 77 below.",
            "It ends, because nothing changes by itself: when the server refuses the certificate or id (77); when the server"
                    + " shows an unexpected pin and --server-pin is all there is (77); when versions differ, or the"
                    + " peer does not speak brp/1 (76); when no source can be read any more (74).",
            "A disk that cannot be read, does not answer within 10 seconds, is not assigned, or has another size than is"
                    + " assigned, is left out and the others go on. It is looked at again before each session and at each"
                    + " epoch. One that is refused is offered again when the assignment changes or the disk has another size,"
                    + " and otherwise after pauses that grow from 2 seconds to 5 minutes. Only what is new of a disk that has"
                    + " grown is sent. Where none is assigned at the first attempt the agent ends (77).",
            "A disk whose volume takes no writes is left out and the others go on; it is offered again each minute, between"
                    + " epochs, and at once when the server says that a volume was reopened.",
            "Epochs of the other disks are committed, and count as --cycles. If the last one is without a disk that is left"
                    + " out the agent ends with 75, and tells which and why.",
            "After SIGKILL, or a second SIGTERM, a source that a mark command froze stays so: run 'CMD thaw' by hand.",
            "Exit codes: 0 all cycles are committed, 1 they are but --verify-every has found a volume that differs, 2 wrong usage or a disk that cannot be used, 69 --connect-timeout is over, 70 a bug, 74,"
                    + " 75, 76, 77 as above, 143 after SIGTERM and 130 after SIGINT if the last cycle was not committed yet."
        })
final class ReplicateCommand implements Callable<Integer> {
    private static final int SECONDS_MAX = 31_536_000;

    @Option(
            names = "--source",
            required = true,
            paramLabel = "DISK[=PATH]",
            description =
                    "Disk to replicate, 1 to 64 times: the name by which it is assigned, now or later, and the block device or"
                            + " image to read, which must be there. The list is that of the start: for a disk that comes to the"
                            + " machine start the agent again. Default PATH: the name.")
    private List<String> sources = new ArrayList<>();

    @Mixin
    private PeerOptions peer = new PeerOptions();

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
                    "Cycles after the initial sync, then it ends; 0 is the initial sync alone, -1 no end. Disks that are left"
                            + " out are not waited for, see 75 below, unless no disk at all can be replicated."
                            + " Default: ${DEFAULT-VALUE}.")
    private int cycles;

    @Option(
            names = "--cycle-pause",
            paramLabel = "SECONDS",
            defaultValue = "60",
            description = "From a commit to the begin of the next cycle, 0 to 31536000; fractions are allowed. Default:"
                    + " ${DEFAULT-VALUE}.")
    private double cyclePause;

    @Option(
            names = "--verify-every",
            paramLabel = "SECONDS",
            defaultValue = "0",
            description =
                    "Compares the volumes with what was sent to them, by hashes, after the first commit and then so long"
                            + " after the last time, up to 31536000; 0 is never. It changes nothing, reads every disk once, and"
                            + " lets cycles go before it. With --cycles it ends only when this is done, with 1 if a volume"
                            + " differs. Writers on the source give no false alarm. With --mark-command the disks stand still"
                            + " for it as for an epoch. Default: ${DEFAULT-VALUE}.")
    private double verifyEvery;

    @Option(
            names = "--quiet-source",
            description =
                    "Nobody writes to the disks while they are read, from the line 'epoch N begins' to its commit or the end of"
                            + " its session, after which they are read again as a whole: epochs are consistent. Without this and"
                            + " without --mark-command they are fuzzy: durable, but never the state of one moment. Default: off.")
    private boolean quietSource;

    @Option(
            names = "--mark-command",
            paramLabel = "CMD",
            description =
                    "Shell command that makes the disks stand still: 'CMD freeze' before an epoch is read, the initial sync"
                            + " too, 'CMD thaw' after its last block was, or when the session is lost (BRP_PHASE has the word as"
                            + " well). Writers wait all that time if it freezes file systems; better it makes snapshots that PATH"
                            + " names, which are opened after freeze and closed before thaw. If a PATH does not exist when the"
                            + " agent starts, freeze and thaw run once more then, to learn its size. If freeze fails the epoch is"
                            + " fuzzy. What it prints is logged with LOG_LEVEL=INFO. Default: none.")
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
                    "auto, terminal (a line for each disk, redrawn each second) or plain (lines with the time: for each"
                            + " disk each 10 seconds while it is sent, otherwise changes and one a minute); auto is terminal on"
                            + " a terminal. Default: ${DEFAULT-VALUE}.")
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

    private final Supplier<IntSupplier> stopSignals;

    ReplicateCommand(Supplier<IntSupplier> stopSignals) {
        this.stopSignals = stopSignals;
    }

    @Override
    public Integer call() throws InterruptedException {
        AgentOptions options = options();
        requireWritableReport();
        TlsEngine.forbidResumptionAndRenegotiation();
        PrintWriter out = spec.commandLine().getOut();
        ProgressPrinter printer =
                new ProgressPrinter(out, progress.isTerminal(isTerminal()) ? TerminalSize.current() : null);
        MarkCommand mark = options.newMarkCommand();
        CompletableFuture<ReplicationAgent> running = new CompletableFuture<>();
        AtomicInteger signalled = new AtomicInteger();
        IntSupplier firstSignal = stopSignals.get();
        Thread.ofPlatform().daemon().name("stop-signals").start(() -> {
            signalled.set(firstSignal.getAsInt());
            // The agent may still be looking at its disks, with the source frozen.
            if (mark != null) {
                mark.cutShort();
            }
            running.thenAccept(ReplicationAgent::stop);
        });
        try {
            running.complete(ReplicationAgent.start(options, mark, printer::event));
        } catch (AgentStartException e) {
            printer.finish();
            spec.commandLine().getErr().println("agent: " + e.getMessage());
            return signalled.get() == 0 ? AgentMain.USAGE : signalled.get();
        }
        ReplicationAgent agent = running.join();
        AgentOutcome outcome = printer.run(agent);
        writeReport(agent.report());
        return exitCode(outcome, printer, signalled.get());
    }

    private static boolean isTerminal() {
        return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    }

    private int exitCode(AgentOutcome outcome, ProgressPrinter printer, int signalled) {
        boolean asWanted = outcome.exit() == AgentOutcome.Exit.DONE || outcome.exit() == AgentOutcome.Exit.STOPPED;
        if (asWanted) {
            printer.end(outcome.text());
        } else {
            spec.commandLine().getErr().println("agent: " + outcome.text());
        }
        return outcome.exit() == AgentOutcome.Exit.STOPPED && signalled != 0
                ? signalled
                : outcome.exit().code();
    }

    /** Found out at the start: at the end there is nobody who could choose another file. */
    private void requireWritableReport() {
        Path file = report;
        if (file == null) {
            return;
        }
        boolean isNew = !Files.exists(file);
        try {
            Files.newByteChannel(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE)
                    .close();
            if (isNew) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new ParameterException(
                    spec.commandLine(), "--report: " + file + " cannot be written: " + reasonOf(e, file), e);
        }
    }

    /** File system exceptions often say nothing but the path. */
    private static String reasonOf(IOException e, Path file) {
        return switch (e) {
            case NoSuchFileException _ -> "there is no such directory";
            case AccessDeniedException _ -> "permission denied";
            default -> String.valueOf(e.getMessage()).replace(file + ": ", "");
        };
    }

    private void writeReport(AgentReport done) {
        Path file = report;
        if (file == null) {
            return;
        }
        try {
            Files.writeString(file, ReportJson.of(done), StandardCharsets.UTF_8);
        } catch (IOException e) {
            spec.commandLine()
                    .getErr()
                    .println("agent: --report: " + file + " cannot be written: " + reasonOf(e, file));
        }
    }

    private AgentOptions options() {
        List<SourceDisk> disks = sources.stream()
                .map(text -> checked("--source: '" + text + "'", () -> SourceDisk.parse(text)))
                .toList();
        checked("--source", () -> AgentOptions.requireSources(disks));
        String sourceServerId = peer.sourceServerId();
        if (quietSource && markCommand != null) {
            throw wrong("--quiet-source: not together with --mark-command, which is for sources that are not quiet");
        }
        TlsEngine engine = peer.tlsEngine();
        AgentOptions options = AgentOptions.of(disks, peer.serverLookup(), sourceServerId, peer.identity())
                .withTlsEngine(engine)
                .withVerifyEvery(seconds("--verify-every", verifyEvery))
                .withQuietSource(quietSource)
                .withMarkCommand(markCommand)
                .withMarkPatience(seconds("--mark-patience", markPatience))
                .withGrease(grease)
                .withConnectTimeout(seconds("--connect-timeout", connectTimeout));
        AgentOptions withStreams = checked("--streams", () -> options.withStreams(streams));
        AgentOptions withReaders = checked("--readers", () -> withStreams.withReaders(readers));
        Duration pause = seconds("--cycle-pause", cyclePause);
        AgentOptions complete = checked("--cycles", () -> withReaders.withCycles(cycles, pause));
        return seed == null ? complete : complete.withSeed(seed);
    }

    private <T> T checked(String what, Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), what + ": " + e.getMessage(), e);
        }
    }

    private Duration seconds(String option, double seconds) {
        if (!(seconds >= 0 && seconds <= SECONDS_MAX)) {
            throw wrong(option + ": " + plain(seconds) + ", allowed are 0 to " + SECONDS_MAX);
        }
        return Duration.ofNanos((long) (seconds * 1e9));
    }

    private static String plain(double value) {
        return value == Math.rint(value) && !Double.isInfinite(value)
                ? Long.toString((long) value)
                : Double.toString(value);
    }

    private ParameterException wrong(String line) {
        return new ParameterException(spec.commandLine(), line);
    }
}
