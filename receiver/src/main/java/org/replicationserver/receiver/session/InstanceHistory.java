package org.replicationserver.receiver.session;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The agents that came with one source server's keys, to find a cloned machine or one that was registered twice. Event loop only.
 *
 * <p>An agent that is restarted draws a new instance and never uses an old one again, so only two agents that are alive at the
 * same time *return*. More than three returns within five minutes make a duplicate; of the two instances that take turns the one
 * that was seen first goes on.
 */
final class InstanceHistory {
    private static final long WINDOW_NANOS = 300_000_000_000L;
    private static final int RETURNS_MAX = 3;
    private static final int INSTANCES_MAX = 64;

    /** Refused instances that are remembered; of more clones than that the oldest may try again. */
    static final int REFUSED_MAX = 16;

    /**
     * What becomes of a HELLO.
     *
     * @param newlyRefused the agent that is refused from now on, this one or the other; null if there is none
     */
    record Verdict(boolean refused, @Nullable RefusedAgent newlyRefused) {}

    /**
     * @param order of its first HELLO among all of them
     * @param address from where it came last, as the pin is that of its last key
     */
    private record Seen(long order, String address, String pin) {}

    private static final Verdict WELCOME = new Verdict(false, null);

    /** Instances in the order in which they were first seen; the oldest are forgotten. */
    private final Map<String, Seen> seen = new LinkedHashMap<>();

    private final ArrayDeque<Long> returns = new ArrayDeque<>();
    private final List<RefusedAgent> refused;
    private @Nullable String current;
    private long order;

    InstanceHistory(List<RefusedAgent> refused) {
        this.refused = new ArrayList<>(refused);
    }

    /** @param pin of the key with which the agent came */
    Verdict hello(String instance, String address, String pin, long nowNanos) {
        if (refused.stream().anyMatch(agent -> agent.instance().equals(instance))) {
            return new Verdict(true, null);
        }
        while (!returns.isEmpty() && nowNanos - returns.peekFirst() > WINDOW_NANOS) {
            returns.removeFirst();
        }
        String previous = current;
        boolean isReturn = previous != null && !previous.equals(instance) && seen.containsKey(instance);
        Seen before = seen.get(instance);
        Seen here = new Seen(before == null ? order++ : before.order(), address, pin);
        seen.put(instance, here); // an agent that comes back may do so from another address
        if (seen.size() > INSTANCES_MAX) {
            seen.remove(seen.keySet().iterator().next());
        }
        if (isReturn) {
            returns.addLast(nowNanos);
        }
        Seen other = previous == null ? null : seen.get(previous);
        if (isReturn && previous != null && returns.size() > RETURNS_MAX && other != null) {
            boolean thisCameLater = here.order() > other.order();
            RefusedAgent found = thisCameLater
                    ? new RefusedAgent(instance, address, pin, other.address(), other.pin())
                    : new RefusedAgent(previous, other.address(), other.pin(), address, pin);
            refuse(found);
            returns.clear();
            if (!thisCameLater) {
                current = instance;
            }
            return new Verdict(thisCameLater, found);
        }
        current = instance;
        return WELCOME;
    }

    private void refuse(RefusedAgent agent) {
        refused.add(agent);
        if (refused.size() > REFUSED_MAX) {
            refused.removeFirst();
        }
    }

    /** Those that are refused, oldest first. */
    List<RefusedAgent> refused() {
        return List.copyOf(refused);
    }

    void acceptAll() {
        refused.clear();
        returns.clear();
    }
}
