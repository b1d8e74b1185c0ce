package org.replicationserver.receiver.control;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Which failures of calls have been logged, so that one that goes on is told now and then and not for each call. Any thread.
 */
final class ToldFailures {
    static final Duration REMINDER = Duration.ofMinutes(10);

    /** What is called for more source servers than that is told more often. */
    private static final int CALLS_MAX = 1024;

    private record Told(String sentence, long nanos) {}

    private final LongSupplier nanos;

    // under this
    private final Map<String, Told> byCall = new LinkedHashMap<>();

    ToldFailures(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Whether a failure is to be told: it is another one than was told last of such a call, or that is long ago. */
    synchronized boolean tells(String call, String sentence) {
        long now = nanos.getAsLong();
        Told last = byCall.get(call);
        if (last != null && last.sentence().equals(sentence) && now - last.nanos() < REMINDER.toNanos()) {
            return false;
        }
        byCall.put(call, new Told(sentence, now));
        if (byCall.size() > CALLS_MAX) {
            byCall.remove(byCall.keySet().iterator().next());
        }
        return true;
    }

    /** Such a call is answered; whether a failure of it has been told. */
    synchronized boolean ended(String call) {
        return byCall.remove(call) != null;
    }
}
