package org.replicationserver.receiver.session;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The attempts to open a source server's volumes: one at a time for each, so that a device that does not answer holds up no other, and
 * again after a while for those that could not be opened. Event loop only.
 */
final class OpenAttempts {
    /** From the end of an attempt to the next one, unless devices have changed meanwhile. */
    static final long RETRY_NANOS = 5_000_000_000L;

    /** By volume id, the attempt that is under way. */
    private final Map<String, CompletableFuture<Void>> underWay = new HashMap<>();

    /** By volume id, when it is tried again. */
    private final Map<String, Long> retryAtNanos = new HashMap<>();

    /** To be followed by {@link #end}; one that a fault ends is tried again too. */
    void begin(String volumeId, long nowNanos) {
        underWay.put(volumeId, new CompletableFuture<>());
        retryAfter(volumeId, nowNanos);
    }

    /** Lets those go on that wait for the attempt. */
    void end(String volumeId) {
        CompletableFuture<Void> attempt = underWay.remove(volumeId);
        if (attempt != null) {
            attempt.complete(null);
        }
    }

    /** Done when no attempt is under way that is now. */
    CompletionStage<Void> whenEnded(String volumeId) {
        CompletableFuture<Void> attempt = underWay.get(volumeId);
        return attempt == null ? CompletableFuture.completedStage(null) : attempt;
    }

    void retryAfter(String volumeId, long nowNanos) {
        retryAtNanos.put(volumeId, nowNanos + RETRY_NANOS);
    }

    void retryNoMore(String volumeId) {
        retryAtNanos.remove(volumeId);
    }

    /** What waits to be tried again is due at once. */
    void retryAllAt(long nowNanos) {
        retryAtNanos.replaceAll((id, atNanos) -> nowNanos);
    }

    boolean isDue(String volumeId, long nowNanos) {
        Long atNanos = retryAtNanos.get(volumeId);
        return atNanos != null && nowNanos - atNanos >= 0 && !underWay.containsKey(volumeId);
    }
}
