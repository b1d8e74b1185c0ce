package org.replicationserver.receiver.session;

import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;

/**
 * What all sessions of a server share.
 *
 * @param eventLoop runs what volume writers have to say on the event loop
 * @param random for data generations; cryptographically strong in the product, seeded in a simulation
 */
record SessionContext(
        SessionSettings settings,
        SessionClock clock,
        SessionEvents events,
        BlockPool blocks,
        VolumeHost volumes,
        VolumeHolders holders,
        SourceRecords records,
        SpeedTests speedTests,
        Comparisons comparisons,
        Executor eventLoop,
        RandomGenerator random) {
    /** Tells a fault in a chain of stages of which this is the last: nobody else looks at it. */
    void tellFault(String sourceServerId, CompletionStage<?> last) {
        last.whenComplete((done, fault) -> {
            if (fault != null) {
                events.programFault(sourceServerId, fault);
            }
        });
    }
}
