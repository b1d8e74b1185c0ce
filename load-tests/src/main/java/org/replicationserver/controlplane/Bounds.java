package org.replicationserver.controlplane;

import java.util.Iterator;
import java.util.SequencedMap;

/** Keeps maps small. */
final class Bounds {
    private Bounds() {}

    /** Removes what was put first, until no more than so many are left. */
    static void removeOldest(SequencedMap<?, ?> map, int entriesMax) {
        Iterator<?> keys = map.sequencedKeySet().iterator();
        while (map.size() > entriesMax) {
            keys.next();
            keys.remove();
        }
    }
}
