package org.replicationserver.controlplane;

import java.util.LinkedHashMap;
import java.util.SequencedMap;

/** What one outbox has sent: each message is taken once, and what is unusual in its order is told. Used under the fleet's lock. */
final class Inbox {
    private static final int REMEMBERED_MAX = 4096;

    /** Told of what is unusual. */
    interface Irregularities {
        void add(Irregularity.Kind kind, String text);
    }

    private final SequencedMap<Long, Integer> hashes = new LinkedHashMap<>();
    private long last;

    /** Whether it is the first time that this message comes. */
    boolean take(long sequence, int contentHash, Irregularities irregularities) {
        if (sequence <= last) {
            Integer before = hashes.get(sequence);
            if (before != null && before != contentHash) {
                irregularities.add(
                        Irregularity.Kind.CHANGED, "sequence " + sequence + " came again with another content");
            }
            if (sequence < last) {
                irregularities.add(Irregularity.Kind.BACK, "sequence " + sequence + " came after " + last);
            }
            return false;
        }
        if (sequence > last + 1) {
            irregularities.add(Irregularity.Kind.GAP, "sequence " + sequence + " came after " + last);
        }
        last = sequence;
        hashes.put(sequence, contentHash);
        Bounds.removeOldest(hashes, REMEMBERED_MAX);
        return true;
    }
}
