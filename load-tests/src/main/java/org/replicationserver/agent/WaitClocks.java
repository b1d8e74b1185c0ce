package org.replicationserver.agent;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.replicationserver.receiver.protocol.SourceStatus;

/**
 * What a session has waited for while it had something to send: time on the clock, however many volumes and connections wait. Event
 * loop only.
 *
 * <p>What holds when it is observed is taken to hold until it is observed again, so it has to be observed after each event.
 */
final class WaitClocks {
    /** What keeps a lane from sending. */
    enum Cause {
        /** No block was read yet. */
        SOURCE,
        /** A data connection takes no more bytes. */
        NETWORK,
        /** The server's window is used up. */
        WINDOW
    }

    private final Map<Cause, Long> nanos = new EnumMap<>(Cause.class);
    private final EnumSet<Cause> running = EnumSet.noneOf(Cause.class);
    private long observedNanos;

    WaitClocks(long nowNanos) {
        this.observedNanos = nowNanos;
    }

    /** From now on these causes hold and no others. */
    void observe(long nowNanos, Set<Cause> causes) {
        for (Cause cause : running) {
            nanos.merge(cause, nowNanos - observedNanos, Long::sum);
        }
        observedNanos = nowNanos;
        running.clear();
        running.addAll(causes);
    }

    /** As of the last observation. */
    SourceStatus.Waits waits() {
        return new SourceStatus.Waits(millis(Cause.SOURCE), millis(Cause.NETWORK), millis(Cause.WINDOW));
    }

    private long millis(Cause cause) {
        return TimeUnit.NANOSECONDS.toMillis(nanos.getOrDefault(cause, 0L));
    }
}
