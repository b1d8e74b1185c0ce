package org.replicationserver.crash;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.ProtocolException;

/** One kind of crash test. */
abstract class Campaign {
    private final String name;
    private final int countByDefault;
    private final String unit;
    private final boolean numbersCases;

    /**
     * @param name as on the command line
     * @param countByDefault how much of it is done unless told otherwise; it takes a night on two cores, with the others
     * @param unit what is counted
     * @param numbersCases whether a case can be done again without those before it
     */
    Campaign(String name, int countByDefault, String unit, boolean numbersCases) {
        this.name = name;
        this.countByDefault = countByDefault;
        this.unit = unit;
        this.numbersCases = numbersCases;
    }

    final String name() {
        return name;
    }

    final int countByDefault() {
        return countByDefault;
    }

    final String unit() {
        return unit;
    }

    final boolean numbersCases() {
        return numbersCases;
    }

    /** Why it cannot be done here and what package helps, or null if it can. */
    abstract @Nullable String missing(Workshop workshop) throws InterruptedException;

    /**
     * Does what is to be done and counts it.
     *
     * @throws AssertionError what was found: something that the server must not do
     * @throws IOException if the campaign itself cannot go on; and so the others
     */
    abstract void run(Workshop workshop, Tally tally)
            throws IOException, InterruptedException, RunException, ProtocolException;
}
