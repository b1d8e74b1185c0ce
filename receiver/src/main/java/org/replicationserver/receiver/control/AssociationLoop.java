package org.replicationserver.receiver.control;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks what is assigned, at the start, regularly and when it is told to, on the virtual thread {@code control-associations}, and hands on
 * what has changed.
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
    private final AssociationListener listener;
    private final Executor executor;
    private final Clock clock;

    /** Each permit is a question that shall be asked now. */
    private final Semaphore questions = new Semaphore(0);

    private volatile AssociationStatus status = new AssociationStatus(null, false, null);

    // control-associations only
    private boolean isFirst = true;

    /** Of what holds: an answer and a command may change it at the same time. */
    private final Object lock = new Object();

    // under lock
    private @Nullable Associations newest;
    private CompletionStage<Void> handing = CompletableFuture.completedStage(null);
    private long edits;

    /**
     * Starts nothing yet.
     *
     * @param server what this server says of itself, asked before each question
     * @param interval after which it asks again
     * @param store of the newest answer; null to keep none, because the control plane is a file
     * @param listener told the first answer, and each that differs from the one before
     * @param executor on which the listener is called
     */
    public AssociationLoop(
            ControlPlane controlPlane,
            Supplier<ReplicationServerInfo> server,
            Duration interval,
            @Nullable AssociationStore store,
            AssociationListener listener,
            Executor executor,
            Clock clock) {
        super("control-associations");
        this.controlPlane = controlPlane;
        this.server = server;
        this.interval = interval;
        this.store = store;
        this.listener = listener;
        this.executor = executor;
        this.clock = clock;
    }

    /** Asks soon, whatever the interval. Any thread. */
    public void askNow() {
        if (questions.availablePermits() == 0) {
            questions.release();
        }
    }

    /**
     * Changes what is assigned by a command, without asking. An answer to a question that was asked before does not count any more.
     *
     * @return done when the change is stored, and the listener is done with it. Any thread
     */
    public CompletionStage<Void> edit(UnaryOperator<Associations> change) {
        synchronized (lock) {
            edits++;
            Associations changed = change.apply(former());
            Instant answered = status.answered() == null ? clock.instant() : status.answered();
            CompletionStage<Void> stored =
                    store == null ? CompletableFuture.completedStage(null) : store.store(answered, changed);
            CompletionStage<Void> taken = handOn(changed);
            return stored.thenCompose(done -> taken);
        }
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
            if (!wasFirst) {
                controlPlane.awaitAttempt();
            }
            long editsBefore = edits();
            AssociationsAnswer answer =
                    controlPlane.describeAssociations(server.get(), wasFirst ? FIRST_ANSWER : Duration.ofDays(1));
            if (!take(answer, editsBefore)) {
                return; // asks again at once
            }
        } catch (ControlPlaneException e) {
            status = new AssociationStatus(status.answered(), status.fromDisk(), e.sentence());
            if (wasFirst) {
                carryOn();
            }
            throw e;
        }
        questions.tryAcquire(interval.toNanos(), TimeUnit.NANOSECONDS);
    }

    private long edits() {
        synchronized (lock) {
            return edits;
        }
    }

    /** False if a command has changed what is assigned since the question was asked. */
    private boolean take(AssociationsAnswer answer, long editsBefore) {
        synchronized (lock) {
            if (edits != editsBefore) {
                return false;
            }
            Instant now = clock.instant();
            String trouble = troubleOf(answer);
            if (trouble != null && !trouble.equals(status.trouble())) {
                LOG.atError().addKeyValue("trouble", trouble).log("associations are malformed and not taken");
            }
            status = new AssociationStatus(now, false, trouble);
            Associations associations = answer.after(former());
            if (store != null) {
                store.store(now, associations);
            }
            handOn(associations);
            return true;
        }
    }

    /** What held until now, by this start or the one before. */
    private Associations former() {
        if (newest != null) {
            return newest;
        }
        AssociationStore.Kept kept = store == null ? null : store.load();
        return kept == null ? Associations.NONE : kept.associations();
    }

    private static @Nullable String troubleOf(AssociationsAnswer answer) {
        List<String> trouble = new ArrayList<>();
        answer.malformed().forEach(malformed -> trouble.add(malformed.mistake()));
        if (answer.bandwidthMistake() != null) {
            trouble.add(answer.bandwidthMistake());
        }
        return trouble.isEmpty() ? null : PeerText.cut(String.join("; ", trouble), TROUBLE_CHARS_MAX);
    }

    private void carryOn() {
        AssociationStore.Kept kept = store == null ? null : store.load();
        if (kept != null) {
            LOG.atWarn()
                    .addKeyValue("answered", kept.answered())
                    .log("control plane does not answer, what it said before holds");
            status = new AssociationStatus(kept.answered(), true, status.trouble());
            synchronized (lock) {
                if (newest == null) {
                    handOn(kept.associations());
                }
            }
        }
    }

    /** Done when the listener is, with what it was told just now or before. */
    private CompletionStage<Void> handOn(Associations associations) {
        if (!associations.equals(newest)) {
            newest = associations;
            handing = CompletableFuture.supplyAsync(() -> listener.changed(associations), executor)
                    .thenCompose(done -> done);
        }
        return handing;
    }
}
