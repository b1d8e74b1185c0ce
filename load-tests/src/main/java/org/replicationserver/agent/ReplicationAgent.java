package org.replicationserver.agent;

import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Identity;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running agent: replicates the disks of one source server to one replication server until it is stopped, has done its cycles, or
 * can do nothing more. Any thread may call it.
 *
 * <p>Threads: one event loop, which owns the {@link Replication} and all connections; {@code block-reader-N}; {@code agent-source},
 * which opens and closes the disks and runs the mark command; {@code agent-helper} for names and files. They end with the agent.
 *
 * <p>Its end: BYE, the source is let go, the close of all connections, then the threads, then {@link #ended} completes.
 */
public final class ReplicationAgent {
    private static final Logger LOG = LoggerFactory.getLogger(ReplicationAgent.class);
    private static final long TICK_MILLIS = 100;

    /** How long the end waits for the server to close what was ended; by then {@link AgentSocket} has done so. */
    static final long CLOSE_MILLIS_MAX = 1200;

    // any thread
    private final Vertx vertx;
    private final Context eventLoop;
    private final ExecutorService helper = singleThread("agent-helper");
    private final ExecutorService sourceThread = singleThread("agent-source");
    private final ServerDialer dialer;
    private final VertxIo io;
    private final ReplicationPlan plan;
    private final long seed;
    private final CompletableFuture<@Nullable Void> begun = new CompletableFuture<>();
    private final CompletableFuture<AgentOutcome> ended = new CompletableFuture<>();
    private final Object published = new Object();
    private volatile @Nullable AgentReport report;

    // event loop only
    private @Nullable Replication replication;
    private long ticker = -1;

    private ReplicationAgent(
            AgentOptions options,
            Identity identity,
            List<DiskFile> files,
            @Nullable MarkCommand mark,
            Consumer<AgentEvent> events) {
        this.seed = options.seed();
        this.plan = planOf(options, identity, files, mark != null);
        options.server().introduce(plan);
        this.vertx = AgentVertx.create();
        this.eventLoop = ((VertxInternal) vertx).createEventLoopContext();
        this.dialer = new ServerDialer(vertx, eventLoop, helper, options.server(), identity, options.tlsEngine());
        this.io = new VertxIo(
                eventLoop, sourceThread, helper, dialer, files, options.readers(), mark, events, this::outcome);
    }

    private static ExecutorService singleThread(String name) {
        return Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name(name).factory());
    }

    /**
     * Starts an agent.
     *
     * @param events hears what happens, on the event loop or before this returns, and must not block
     */
    public static ReplicationAgent start(AgentOptions options, Consumer<AgentEvent> events) throws AgentStartException {
        return start(options, options.newMarkCommand(), events);
    }

    /** With the mark command of the options, which the caller may want to cut short while this runs. */
    static ReplicationAgent start(AgentOptions options, @Nullable MarkCommand mark, Consumer<AgentEvent> events)
            throws AgentStartException {
        try {
            List<DiskFile> files = SourceInspection.inspect(options.sources(), mark);
            MemoryNeed.check(
                    files.stream().map(DiskFile::sizeBytes).toList(),
                    Runtime.getRuntime().maxMemory());
            boolean isNew = !AgentIdentity.exists(options.identityDirectory());
            Identity identity = AgentIdentity.loadOrCreate(options.identityDirectory(), options.sourceServerId());
            if (isNew) {
                events.accept(AgentEvent.state(
                        "a new identity was made in " + options.identityDirectory() + ", pin " + identity.pin()));
            }
            ReplicationAgent agent = new ReplicationAgent(options, identity, files, mark, events);
            agent.awaitBegin();
            return agent;
        } catch (IOException | IllegalStateException e) {
            throw new AgentStartException(String.valueOf(e.getMessage()), e);
        }
    }

    private void awaitBegin() throws AgentStartException {
        eventLoop.runOnContext(_ -> begin());
        try {
            begun.join();
        } catch (CompletionException e) {
            helper.shutdown();
            sourceThread.shutdown();
            vertx.close();
            throw new AgentStartException("the agent cannot begin: " + e.getCause(), e);
        }
    }

    private static ReplicationPlan planOf(
            AgentOptions options, Identity identity, List<DiskFile> files, boolean marked) {
        List<ReplicationPlan.Disk> disks = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            DiskFile file = files.get(i);
            String name = options.sources().get(i).deviceName();
            disks.add(new ReplicationPlan.Disk(name, file.sizeBytes(), file.blockSizeBytes()));
        }
        byte[] instance = new byte[16];
        new SecureRandom().nextBytes(instance);
        return new ReplicationPlan(
                options.sourceServerId(),
                identity.pin().toString(),
                HexFormat.of().formatHex(instance),
                options.streams(),
                disks,
                options.cycles(),
                options.cyclePause().toNanos(),
                options.verifyEvery().toNanos(),
                options.quietSource(),
                marked,
                options.grease(),
                options.connectTimeout().toNanos(),
                options.server().mayChange());
    }

    private void begin() {
        eventLoop.exceptionHandler(this::broken);
        try {
            replication = io.begin(new Replication(plan, io, new Random(seed)));
            ticker = vertx.setPeriodic(TICK_MILLIS, _ -> tick());
            tick();
            begun.complete(null);
        } catch (RuntimeException | Error e) {
            // Who starts the agent waits for this.
            begun.completeExceptionally(e);
        }
    }

    /** Rather an end, with the source thawed, than an agent that goes on with half a step done, and logs it ten times a second. */
    private void broken(Throwable bug) {
        Replication running = replication;
        if (running != null && !running.hasEnded()) {
            LOG.error("the agent ends because of a bug", bug);
            AgentOutcome outcome = new AgentOutcome(AgentOutcome.Exit.BROKEN, "the agent has a bug: " + bug);
            try {
                running.abort(outcome);
            } finally {
                outcome(outcome);
            }
        }
    }

    private void tick() {
        Replication running = replication;
        if (running != null) {
            running.tick(System.nanoTime());
            publish(running.report());
        }
    }

    private void publish(AgentReport newReport) {
        synchronized (published) {
            report = newReport;
            published.notifyAll();
        }
    }

    /** Ends the session in good order, then the agent; {@link #ended} tells when. */
    public void stop() {
        if (ended.isDone()) {
            return;
        }
        eventLoop.runOnContext(_ -> {
            if (replication != null) {
                replication.stop();
            }
        });
    }

    /** Begins the next cycle without waiting for the end of the pause. */
    public void cycleNow() {
        eventLoop.runOnContext(_ -> {
            if (replication != null) {
                replication.cycleNow();
            }
        });
    }

    /** What was done up to now; a tenth of a second old at most. */
    public AgentReport report() {
        AgentReport newest = report;
        if (newest == null) {
            throw new IllegalStateException("the agent has not begun yet");
        }
        return newest;
    }

    /**
     * Waits until the epoch is committed.
     *
     * @return false if the agent ended before, or the time is over
     */
    public boolean awaitCommitted(long epoch, Duration timeout) throws InterruptedException {
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        synchronized (published) {
            while (true) {
                AgentReport newest = report;
                if (newest != null && newest.committedEpoch() >= epoch) {
                    return true;
                }
                long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadlineNanos - System.nanoTime());
                if (leftMillis <= 0 || (newest != null && newest.outcome() != null)) {
                    return false;
                }
                published.wait(leftMillis);
            }
        }
    }

    /** Waits for the end; null if the time is over. */
    public @Nullable AgentOutcome awaitEnd(Duration timeout) throws InterruptedException {
        try {
            return ended.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return null;
        } catch (ExecutionException e) {
            throw new IllegalStateException("the end of an agent never fails", e);
        }
    }

    /** Completes when the agent has ended and holds nothing any more. */
    public CompletableFuture<AgentOutcome> ended() {
        return ended.copy();
    }

    private void outcome(AgentOutcome outcome) {
        vertx.cancelTimer(ticker);
        // After the state machine has returned, so that its last report has the end in it.
        eventLoop.runOnContext(_ -> {
            if (replication != null) {
                publish(replication.report());
            }
            // A thread of its own: the helper may be looking for a name that nobody answers.
            Thread.ofPlatform().daemon().name("agent-closer").start(() -> close(outcome));
        });
    }

    private void close(AgentOutcome outcome) {
        try {
            io.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        dialer.awaitClosed(CLOSE_MILLIS_MAX);
        vertx.close().onComplete(_ -> {
            helper.shutdown();
            sourceThread.shutdown();
            ended.complete(outcome);
        });
    }
}
