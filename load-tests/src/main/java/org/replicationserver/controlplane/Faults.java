package org.replicationserver.controlplane;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The faults that are in force; of several that concern a request the one that was injected first. Any thread. */
public final class Faults {
    private static final int FAULTS_MAX = 1024;

    // under the lock of this
    private final List<Fault> faults = new ArrayList<>();

    /** Puts a fault in force. */
    public synchronized void inject(Fault fault) {
        if (faults.size() >= FAULTS_MAX) {
            throw new IllegalStateException("faults: " + faults.size() + " in force; allowed: " + FAULTS_MAX);
        }
        faults.add(fault);
    }

    /** Ends all faults. Requests that hang already go on doing so. */
    public synchronized void clear() {
        faults.clear();
    }

    public synchronized List<Fault> inForce() {
        return List.copyOf(faults);
    }

    /** The fault of a request, which is counted; null if nothing goes wrong with it. */
    synchronized @Nullable Fault take(String operation) {
        for (int i = 0; i < faults.size(); i++) {
            Fault fault = faults.get(i);
            if (!fault.concerns(operation)) {
                continue;
            }
            if (fault.count() == 1) {
                faults.remove(i);
            } else if (fault.count() > 1) {
                faults.set(i, fault.times(fault.count() - 1));
            }
            return fault;
        }
        return null;
    }
}
