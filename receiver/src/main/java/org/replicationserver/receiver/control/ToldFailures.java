package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Which failures of calls have been logged, so that one that goes on is told now and then and not for each call. It holds one for each
 * operation of the API. Any thread.
 */
final class ToldFailures {
    static final Duration REMINDER = Duration.ofMinutes(10);

    private record Told(String sentence, long nanos) {}

    private final LongSupplier nanos;

    // under this
    private final Map<String, Told> byOperation = new HashMap<>();

    ToldFailures(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Whether a failure is to be told: it is another one than was told last of the operation, or that is long ago. */
    synchronized boolean tells(String operation, String sentence) {
        long now = nanos.getAsLong();
        Told last = byOperation.get(operation);
        if (last != null && last.sentence().equals(sentence) && now - last.nanos() < REMINDER.toNanos()) {
            return false;
        }
        byOperation.put(operation, new Told(sentence, now));
        return true;
    }

    /** The operation is answered; whether a failure of it has been told. */
    synchronized boolean ended(String operation) {
        return byOperation.remove(operation) != null;
    }
}
