package org.replicationserver.receiver.config;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;

/**
 * A source server that may connect.
 *
 * @param agentPins of the keys with which its agent may come, current and next, in the form {@code sha256:<64 hex digits>}
 * @param bandwidth of all its data connections together
 * @param wanted of its replication
 * @param lastReported what the last server reported of the source server, null if nothing is known of that
 */
public record AssignedSource(
        SourceAssignment assignment,
        List<String> agentPins,
        BandwidthSchedule bandwidth,
        DesiredState wanted,
        @Nullable SourceRecord lastReported) {
    public AssignedSource {
        agentPins = List.copyOf(agentPins);
    }

    /** One that replicates without a limit of its bandwidth. */
    public AssignedSource(SourceAssignment assignment, List<String> agentPins) {
        this(assignment, agentPins, BandwidthSchedule.UNLIMITED, DesiredState.STARTED, null);
    }
}
