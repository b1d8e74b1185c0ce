package org.replicationserver.receiver.control;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks what is assigned, at the start, regularly and when it is told to, on the virtual thread {@code control-associations}, and hands on
 * what has changed. What was taken of it is kept on disk.
 *
 * <p>If the first question has no answer within {@link #FIRST_ANSWER}, what an earlier start was told holds until there is one: agents
 * go on although the control plane is away. Asked first, because meanwhile something may have been taken away from this server.
 */
public final class AssociationLoop extends ControlThread {
    static final Duration FIRST_ANSWER = Duration.ofSeconds(10);

    private static final int TROUBLE_CHARS_MAX = 2000;
    private static final Logger LOG = LoggerFactory.getLogger(AssociationLoop.class);

    private final ControlPlane controlPlane;
    private final Supplier<ReplicationServerInfo> server;
    private final Duration interval;
    private final @Nullable AssociationStore store;
    private final AssociationTaker taker;
    private final Executor executor;
    private final Clock clock;
    private final AssociationStore.@Nullable Kept kept;

    /** Each permit is a question that shall be asked now. */
    private final Semaphore questions = new Semaphore(0);

    private volatile AssociationStatus status = new AssociationStatus(null, false, null);

    // control-associations only
    private boolean isFirst = true;

    /** Commands that have changed what is assigned. */
    private final AtomicLong edits = new AtomicLong();

    /** An answer and a command may change what is assigned at the same time; held while the taker is at work. */
    private final Object lock = new Object();

    private final Object storing = new Object();

    /** What the taker was given last; null if nothing. Under lock. */
    private @Nullable Associations wanted;

    /** What it made of it. Under lock. */
    private Associations taken;

    /**
     * Reads what an earlier start was told; starts nothing yet.
     *
     * @param server what this server says of itself, asked before each question
     * @param interval after which it asks again
     * @param store of what is assigned; null to keep none, because the control plane is a file
     * @param taker given the first answer, and each that differs from what it was given before
     * @param executor on which the taker is called
     */
    public AssociationLoop(
            ControlPlane controlPlane,
            Supplier<ReplicationServerInfo> server,
            Duration interval,
            @Nullable AssociationStore store,
            AssociationTaker taker,
            Executor executor,
            Clock clock) {
        super("control-associations", controlPlane);
        this.controlPlane = controlPlane;
        this.server = server;
        this.interval = interval;
        this.store = store;
        this.taker = taker;
        this.executor = executor;
        this.clock = clock;
        this.kept = store == null ? null : store.load();
        this.taken = kept == null ? Associations.NONE : kept.associations();
    }

    /** Asks soon, whatever the interval. Any thread. */
    public void askNow() {
        if (questions.availablePermits() == 0) {
            questions.release();
        }
    }

    /**
     * Changes what is assigned by a command, and asks soon whether the control plane says the same. An answer to a question that was asked
     * before does not count any more.
     *
     * @return done when what was taken of the change is stored. Any thread
     */
    public CompletionStage<AssociationTaker.Taken> edit(UnaryOperator<Associations> change) {
        edits.incrementAndGet();
        return CompletableFuture.supplyAsync(
                        () -> {
                            synchronized (lock) {
                                return take(change.apply(taken));
                            }
                        },
                        executor)
                .thenComposeAsync(
                        now -> {
                            askNow();
                            Instant answered = status.answered() == null ? clock.instant() : status.answered();
                            return store(answered).thenApply(stored -> now);
                        },
                        Thread::startVirtualThread);
    }

    public AssociationStatus status() {
        return status;
    }

    @Override
    void step() throws ControlPlaneException, InterruptedException {
        questions.drainPermits();
        boolean wasFirst = isFirst;
        isFirst = false;
        try {
            long editsBefore = edits.get();
            AssociationsAnswer answer =
                    controlPlane.describeAssociations(server.get(), wasFirst ? FIRST_ANSWER : Duration.ofDays(1));
            if (!await(CompletableFuture.supplyAsync(() -> take(answer, editsBefore), executor))) {
                return; // asks again at once
            }
            store(clock.instant()); // also where nothing has changed: for the time of the answer
        } catch (ControlPlaneException e) {
            if (e.kind() != Kind.CIRCUIT_OPEN || status.trouble() == null) { // why it was not asked is no better reason
                status = new AssociationStatus(
                        status.answered(), status.fromDisk(), "it was not told when asked last: " + e.sentence());
            }
            if (wasFirst) {
                carryOn();
            }
            throw e;
        }
        questions.tryAcquire(interval.toNanos(), TimeUnit.NANOSECONDS);
    }

    private static <T> T await(CompletableFuture<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    /** False if a command has changed what is assigned since the question was asked. */
    private boolean take(AssociationsAnswer answer, long editsBefore) {
        synchronized (lock) {
            if (edits.get() != editsBefore) {
                return false;
            }
            String trouble = troubleOf(answer);
            if (trouble != null && !trouble.equals(status.trouble())) {
                LOG.atError().addKeyValue("trouble", trouble).log("associations are malformed and not taken");
            }
            status = new AssociationStatus(clock.instant(), false, trouble);
            Associations said = answer.after(taken);
            if (!said.equals(wanted)) {
                take(said);
            }
            return true;
        }
    }

    /** Under lock. */
    private AssociationTaker.Taken take(Associations associations) {
        wanted = associations;
        AssociationTaker.Taken now = taker.take(associations);
        taken = now.associations();
        return now;
    }

    /** Keeps what was taken last. Not on the executor, which the size of it would hold up. */
    private CompletionStage<Void> store(Instant answered) {
        if (store == null) {
            return CompletableFuture.completedStage(null);
        }
        synchronized (storing) { // so that the newest is stored last
            Associations newest;
            synchronized (lock) {
                newest = taken;
            }
            return store.store(answered, newest);
        }
    }

    private static @Nullable String troubleOf(AssociationsAnswer answer) {
        List<String> trouble = new ArrayList<>();
        answer.malformed().forEach(malformed -> trouble.add(malformed.mistake()));
        if (answer.bandwidthMistake() != null) {
            trouble.add(answer.bandwidthMistake());
        }
        return trouble.isEmpty() ? null : PeerText.cut(String.join("; ", trouble), TROUBLE_CHARS_MAX);
    }

    private void carryOn() throws InterruptedException {
        if (kept != null) {
            LOG.atWarn()
                    .addKeyValue("answered", kept.answered())
                    .log("control plane does not answer, what it said before holds");
            status = new AssociationStatus(kept.answered(), true, status.trouble());
            await(CompletableFuture.runAsync(
                    () -> {
                        synchronized (lock) {
                            if (wanted == null) {
                                take(kept.associations());
                            }
                        }
                    },
                    executor));
        }
    }
}
