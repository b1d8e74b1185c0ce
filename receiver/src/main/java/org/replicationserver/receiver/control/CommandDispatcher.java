package org.replicationserver.receiver.control;

import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.CommandResult.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Sees to it that each command has its effect once and its result sent: one lane for each source server and one for the whole server, in
 * which commands are executed one after the other, on a virtual thread that lives as long as there are some. Any thread.
 *
 * <p>The order of a command's end, and what a crash between two steps makes of it:
 * <ol>
 *   <li>the handler is done: the command comes again and is executed again, which handlers can take;
 *   <li>its result is in the journal: the command comes again and its result is sent;
 *   <li>its result is in the outbox: it will be sent, and the command may come again until then.
 * </ol>
 */
final class CommandDispatcher implements AutoCloseable {
    /** Commands that wait or run. */
    static final int OPEN_MAX = 64;

    /** Results that are not taken; beyond it no further commands are asked for. */
    static final int RESULTS_MAX = 256;

    private static final Logger LOG = LoggerFactory.getLogger(CommandDispatcher.class);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);

    /** Lanes that are no source server's, by names that none of those has. */
    private static final String WHOLE_SERVER = "";

    private static final String SOFTWARE = "+software";

    private static final String INVALID = "?";

    private final CommandHandlers handlers;
    private final CommandJournal journal;
    private final Outbox outbox;
    private final Clock clock;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition roomMade = lock.newCondition();

    // under lock
    private final Map<String, Lane> lanes = new HashMap<>();
    private final Set<String> open = new HashSet<>();
    private boolean closed;

    /** Commands that wait for the one before them, and the thread that takes them. */
    private static final class Lane {
        final ArrayDeque<PolledCommand> waiting = new ArrayDeque<>();

        @Nullable
        Thread thread;
    }

    CommandDispatcher(CommandHandlers handlers, CommandJournal journal, Outbox outbox, Clock clock) {
        this.handlers = handlers;
        this.journal = journal;
        this.outbox = outbox;
        this.clock = clock;
    }

    /** Waits until as many commands can be taken as a poll brings. */
    void awaitRoom() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (open.size() > OPEN_MAX - WireForms.COMMANDS_MAX || outbox.resultsHeld() >= RESULTS_MAX) {
                // The outbox does not tell when results go, so it is asked.
                roomMade.await(1, TimeUnit.SECONDS);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Takes a command. Returns whether it is new here. */
    boolean accept(PolledCommand polled) {
        return switch (polled) {
            case PolledCommand.Nameless nameless -> {
                LOG.atWarn().addKeyValue("cause", nameless.mistake()).log("command without an id cannot be answered");
                yield false;
            }
            case PolledCommand.Invalid invalid -> accept(invalid.commandId(), INVALID, invalid);
            case PolledCommand.Sound sound -> accept(sound.command().commandId(), laneOf(sound.command()), sound);
        };
    }

    /** A fetch may take an hour, and touches nothing that other commands do. */
    private static String laneOf(ChannelCommand command) {
        String source = command.sourceServerId();
        if (source != null) {
            return source;
        }
        return command.type() == CommandType.FETCH_SOFTWARE ? SOFTWARE : WHOLE_SERVER;
    }

    private boolean accept(String commandId, String laneName, PolledCommand polled) {
        lock.lock();
        try {
            // What waits, runs, or has its result on the way needs nothing more.
            if (closed || open.contains(commandId) || outbox.holdsResultOf(commandId)) {
                return false;
            }
            open.add(commandId);
            Lane lane = lanes.computeIfAbsent(laneName, name -> new Lane());
            lane.waiting.add(polled);
            if (lane.thread == null) {
                lane.thread =
                        Thread.ofVirtual().name("control-command-" + laneName).start(() -> run(laneName, lane));
            }
            return journal.resultOf(commandId) == null;
        } finally {
            lock.unlock();
        }
    }

    private void run(String name, Lane lane) {
        try {
            for (PolledCommand next = next(name, lane); next != null; next = next(name, lane)) {
                String commandId = idOf(next);
                try {
                    execute(commandId, next);
                } catch (RuntimeException e) {
                    LOG.atError()
                            .setCause(e)
                            .addKeyValue("commandId", commandId)
                            .log("command failed by a fault of ours, it is answered when it comes again");
                } finally {
                    release(commandId);
                }
            }
        } catch (InterruptedException e) {
            LOG.atDebug().addKeyValue("lane", name).log("commands end");
        }
    }

    private static String idOf(PolledCommand polled) {
        return switch (polled) {
            case PolledCommand.Sound sound -> sound.command().commandId();
            case PolledCommand.Invalid invalid -> invalid.commandId();
            case PolledCommand.Nameless _ -> throw new IllegalStateException("never accepted");
        };
    }

    private @Nullable PolledCommand next(String name, Lane lane) {
        lock.lock();
        try {
            PolledCommand next = closed ? null : lane.waiting.poll();
            if (next == null) {
                lanes.remove(name);
            }
            return next;
        } finally {
            lock.unlock();
        }
    }

    private void release(String commandId) {
        lock.lock();
        try {
            open.remove(commandId);
            roomMade.signalAll();
        } finally {
            lock.unlock();
        }
    }

    // --- one command

    private void execute(String commandId, PolledCommand polled) throws InterruptedException {
        CommandResult known = journal.resultOf(commandId);
        CommandResult result = known != null ? known : resultOf(polled);
        ChannelCommand command = polled instanceof PolledCommand.Sound sound ? sound.command() : null;
        LOG.atLevel(result.status() == Status.SUCCEEDED ? Level.INFO : Level.WARN)
                .addKeyValue("commandId", commandId)
                .addKeyValue("type", command == null ? null : command.type())
                .addKeyValue("source", command == null ? null : command.sourceServerId())
                .addKeyValue("status", result.status())
                .addKeyValue("result", result.message())
                .log(known == null ? "command done" : "command was done before");
        if (known == null) {
            remember(commandId, result);
        }
        send(commandId, result);
    }

    /** Without a journal the outbox alone keeps the command from being executed again, until its result is taken; which is enough. */
    private void remember(String commandId, CommandResult result) throws InterruptedException {
        try {
            journal.add(commandId, result).toCompletableFuture().get();
        } catch (ExecutionException e) {
            LOG.atError()
                    .addKeyValue("commandId", commandId)
                    .addKeyValue("cause", e.getMessage())
                    .log("journal of commands cannot be written");
        }
    }

    private void send(String commandId, CommandResult result) throws InterruptedException {
        try {
            outbox.append(Report.commandResult(clock.instant(), commandId, result))
                    .toCompletableFuture()
                    .get();
        } catch (ExecutionException e) {
            LOG.atError()
                    .setCause(e)
                    .addKeyValue("commandId", commandId)
                    .log("result is not kept, the command is answered when it comes again");
        }
    }

    private CommandResult resultOf(PolledCommand polled) throws InterruptedException {
        return polled instanceof PolledCommand.Sound sound
                ? resultOf(sound.command())
                : CommandResult.invalid(((PolledCommand.Invalid) polled).mistake());
    }

    private CommandResult resultOf(ChannelCommand command) throws InterruptedException {
        CommandHandlers.Entry entry = handlers.of(command.type());
        if (entry == null) {
            String message = "this server cannot do " + command.type();
            return new CommandResult(Status.NOT_SUPPORTED, message, null);
        }
        if (command.expires() != null && clock.instant().isAfter(command.expires())) {
            String message = "it expired at " + command.expires() + ", here it is "
                    + clock.instant().truncatedTo(ChronoUnit.MILLIS);
            return new CommandResult(Status.EXPIRED, message, null);
        }
        try {
            return entry.handler()
                    .handle(command)
                    .toCompletableFuture()
                    .get(entry.deadline().toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return CommandResult.failed("not done within " + entry.deadline().toSeconds()
                    + " s; it may still take effect, look at the status before it is commanded again");
        } catch (ExecutionException e) {
            return failed(command, e.getCause() == null ? e : e.getCause());
        } catch (RuntimeException e) {
            return failed(command, e);
        }
    }

    private static CommandResult failed(ChannelCommand command, Throwable cause) {
        LOG.atError()
                .setCause(cause)
                .addKeyValue("commandId", command.commandId())
                .addKeyValue("type", command.type())
                .log("command failed");
        return CommandResult.failed(String.valueOf(cause.getMessage() == null ? cause : cause.getMessage()));
    }

    /** Commands that run are given up; those that were not done come again to the next start. */
    @Override
    public void close() {
        Map<String, Lane> running;
        lock.lock();
        try {
            closed = true;
            running = Map.copyOf(lanes);
        } finally {
            lock.unlock();
        }
        for (Map.Entry<String, Lane> lane : running.entrySet()) {
            join(lane.getKey(), lane.getValue().thread);
        }
    }

    private static void join(String name, @Nullable Thread thread) {
        try {
            if (thread != null) {
                thread.interrupt();
                if (!thread.join(STOP_TIMEOUT)) {
                    LOG.atWarn()
                            .addKeyValue("seconds", STOP_TIMEOUT.toSeconds())
                            .addKeyValue("lane", name)
                            .log("command does not end in time");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
