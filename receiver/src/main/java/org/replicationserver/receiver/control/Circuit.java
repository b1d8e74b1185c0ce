package org.replicationserver.receiver.control;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps all calls of a control plane that does not answer from being made, but for one now and then. Any thread.
 *
 * <p>CLOSED: calls are made. After {@value #FAILURES_TO_OPEN} failed calls in a row OPEN: none is, until a time has passed that
 * begins at {@link #PAUSE_FIRST}, doubles to {@link #PAUSE_MAX}, and of which between half and all is drawn anew each time, so that
 * servers do not come back in step. Then one call, the probe, is let through: if it is answered the circuit is CLOSED, else OPEN
 * again. An answer counts even if it refuses the request's content: the control plane is there. One to a call that began before one
 * that has failed does not: it may have been admitted under what does not hold any more.
 *
 * <p>A control plane that asks for time by Retry-After has it, up to {@link #RETRY_AFTER_MAX}, from all calls, and nothing makes it
 * shorter: neither an answer, which is to a call that was under way, nor another Retry-After that ends earlier. A call that fails so
 * opens the circuit at once, for that time and a pause.
 */
final class Circuit {
    static final int FAILURES_TO_OPEN = 3;
    static final Duration PAUSE_FIRST = Duration.ofSeconds(1);
    static final Duration PAUSE_MAX = Duration.ofSeconds(60);

    /** What is believed of Retry-After; a mistake there must not silence a server for a day. */
    static final Duration RETRY_AFTER_MAX = Duration.ofMinutes(5);

    private static final Logger LOG = LoggerFactory.getLogger(Circuit.class);

    private static final String WAIT = "Nothing, the request is made when that time is over.";

    private final LongSupplier nanos;
    private final Clock clock;
    private final RandomGenerator random;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // under lock
    private ControlPlaneStatus status = ControlPlaneStatus.NOTHING_YET;
    private final OutageLog outage = new OutageLog();
    private boolean open;
    private boolean probing;
    private Duration pause = PAUSE_FIRST;
    private long probeAtNanos;
    private long askedUntilNanos;

    /** When the newest of the calls began that have failed in a row. */
    private long failedNanos;

    /**
     * That a call may be made; ends with exactly one of {@link #answered} and {@link #failed}, or {@link #abandoned}. Before that each
     * failed attempt is {@link #told}, also the last.
     */
    final class Permit {
        private final boolean probe;
        private final Instant begun = clock.instant();
        private final long begunNanos = nanos.getAsLong();

        private Permit(boolean probe) {
            this.probe = probe;
        }

        /** Whether this is the one call of an open circuit; it should be a short one, and is not repeated. */
        boolean isProbe() {
            return probe;
        }

        /** An attempt of the call has failed: if the control plane asks for time by that, it has it from now on. */
        void told(ControlPlaneException failure) {
            hold(failure);
        }

        void answered() {
            end(this, null);
        }

        /** The call has failed, as its last attempt did. */
        void failed(ControlPlaneException failure) {
            end(this, failure);
        }

        /** The call was given up from this side; nothing is known of the control plane. */
        void abandoned() {
            lock.lock();
            try {
                probing &= !probe;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    Circuit(LongSupplier nanos, Clock clock, RandomGenerator random) {
        this.nanos = nanos;
        this.clock = clock;
        this.random = random;
        this.askedUntilNanos = nanos.getAsLong();
    }

    ControlPlaneStatus status() {
        lock.lock();
        try {
            return waitNanos() > 0 ? status : status.withNextAttempt(null);
        } finally {
            lock.unlock();
        }
    }

    /** Lets a call through, or tells why not and for how long. */
    Permit admit() throws ControlPlaneException {
        lock.lock();
        try {
            long waitNanos = waitNanos();
            if (waitNanos > 0) {
                throw refusal(Duration.ofNanos(waitNanos));
            }
            probing = open;
            return new Permit(open);
        } finally {
            lock.unlock();
        }
    }

    /** How long the control plane wants to be left alone by everybody, zero if it does not ask for time. */
    Duration asked() {
        lock.lock();
        try {
            return Duration.ofNanos(askedNanos());
        } finally {
            lock.unlock();
        }
    }

    private long askedNanos() {
        return Math.max(0, askedUntilNanos - nanos.getAsLong());
    }

    /** How long until the next call may be tried; while a probe is under way nobody knows. Under lock. */
    private long waitNanos() {
        if (!open) {
            return askedNanos();
        }
        long probeNanos = probing ? TimeUnit.SECONDS.toNanos(1) : probeAtNanos - nanos.getAsLong();
        return Math.max(askedNanos(), probeNanos);
    }

    private @Nullable Instant nextAttempt() {
        long waitNanos = waitNanos();
        return waitNanos <= 0 ? null : clock.instant().plusNanos(waitNanos);
    }

    private ControlPlaneException refusal(Duration wait) {
        String next = ", the next is tried in " + Math.max(1, wait.toSeconds()) + " s";
        ControlPlaneStatus.Failure failure = status.lastFailure();
        if (status.failingSince() == null || failure == null) {
            String asked = "not tried, the control plane asked for time" + next;
            return new ControlPlaneException(Kind.CIRCUIT_OPEN, asked, WAIT, null, wait, null);
        }
        String sentence = "not tried, " + status.failedCalls() + " calls have failed since " + status.failingSince()
                + next + "; the last: " + failure.sentence();
        return new ControlPlaneException(Kind.CIRCUIT_OPEN, sentence, failure.nextAction(), null, wait, null);
    }

    /** Waits until a call has a chance to be let through; false if that is not before {@code atMost}. Another caller may be faster. */
    boolean awaitAttempt(Duration atMost) throws InterruptedException {
        long deadline = nanos.getAsLong() + atMost.toNanos();
        lock.lockInterruptibly();
        try {
            for (long wait = waitNanos(); wait > 0; wait = waitNanos()) {
                if (nanos.getAsLong() + wait - deadline > 0) {
                    return false;
                }
                changed.awaitNanos(wait);
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void hold(ControlPlaneException failure) {
        Duration asked = askedBy(failure);
        if (!asked.isPositive()) {
            return;
        }
        lock.lock();
        try {
            long untilNanos = nanos.getAsLong() + asked.toNanos();
            if (untilNanos - askedUntilNanos <= 0) {
                return;
            }
            if (!open && askedNanos() == 0) {
                LOG.atWarn()
                        .addKeyValue("seconds", asked.toSeconds())
                        .addKeyValue("kind", failure.kind())
                        .addKeyValue("requestId", failure.requestId().orElse(null))
                        .addKeyValue("cause", failure.sentence())
                        .log("control plane asks for time and has it");
            }
            askedUntilNanos = untilNanos;
            status = status.withNextAttempt(nextAttempt());
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private static Duration askedBy(ControlPlaneException failure) {
        return min(failure.retryAfter().orElse(Duration.ZERO), RETRY_AFTER_MAX);
    }

    private void end(Permit permit, @Nullable ControlPlaneException failure) {
        lock.lock();
        try {
            probing &= !permit.probe;
            if (failure == null || failure.kind().isRefusal()) {
                if (status.failingSince() == null || permit.begunNanos - failedNanos >= 0) {
                    close(failure);
                } else {
                    status = status.withLastAnswered(clock.instant());
                }
            } else {
                countFailure(permit, failure);
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void close(@Nullable ControlPlaneException refusal) {
        Instant now = clock.instant();
        if (status.failingSince() != null) {
            outage.ended(now, status.failingSince(), status.failedCalls());
        }
        open = false;
        pause = PAUSE_FIRST;
        ControlPlaneStatus.Failure last = refusal == null ? status.lastFailure() : failureOf(now, refusal);
        status = new ControlPlaneStatus(now, null, 0, last, nextAttempt());
    }

    private static ControlPlaneStatus.Failure failureOf(Instant now, ControlPlaneException failure) {
        return new ControlPlaneStatus.Failure(
                now,
                failure.kind(),
                failure.sentence(),
                failure.nextAction(),
                failure.requestId().orElse(null));
    }

    /** Calls that were under way when the circuit opened tell nothing new, only the probe makes the pause longer. */
    private void countFailure(Permit permit, ControlPlaneException failure) {
        Instant now = clock.instant();
        Instant since = status.failingSince() == null ? sinceOf(permit) : status.failingSince();
        boolean isNewest = status.failingSince() == null || permit.begunNanos - failedNanos > 0;
        failedNanos = isNewest ? permit.begunNanos : failedNanos;
        long failedCalls = status.failedCalls() + 1;
        boolean asksForTime = askedBy(failure).isPositive();
        boolean opens = !open && failedCalls >= FAILURES_TO_OPEN;
        if (permit.probe) {
            pause = min(pause.multipliedBy(2), PAUSE_MAX);
        }
        if (permit.probe || opens || asksForTime) {
            open = true;
            pause();
        }
        status = new ControlPlaneStatus(
                status.lastAnswered(), since, failedCalls, failureOf(now, failure), nextAttempt());
        if (permit.probe || opens) {
            outage.failed(status);
        }
    }

    /** From the beginning of the call, unless another was answered meanwhile. */
    private Instant sinceOf(Permit permit) {
        Instant answered = status.lastAnswered();
        return answered == null || permit.begun.isAfter(answered) ? permit.begun : answered;
    }

    private void pause() {
        long whole = pause.toNanos();
        probeAtNanos = nanos.getAsLong() + askedNanos() + whole / 2 + random.nextLong(whole / 2 + 1);
    }

    private static Duration min(Duration a, Duration b) {
        return a.compareTo(b) <= 0 ? a : b;
    }
}
