package org.replicationserver.crash;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.ProtocolException;

/** One kind of crash test. */
interface Campaign {
    /** As on the command line. */
    String name();

    /** How much of it is done unless told otherwise; it takes a night on two cores, with the others. */
    int countByDefault();

    /** What is counted. */
    String unit();

    /** Whether a case can be done again without those before it. */
    boolean numbersCases();

    /** Why it cannot be done here and what package helps, or null if it can. */
    @Nullable
    String missing(Workshop workshop) throws InterruptedException;

    /**
     * Does what is to be done and counts it.
     *
     * @throws AssertionError what was found: something that the server must not do
     * @throws IOException if the campaign itself cannot go on; and so the others
     */
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException, ProtocolException;
}
