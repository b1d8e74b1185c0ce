package org.replicationserver.receiver.config;

import java.util.List;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.SourceAssignment;

/**
 * A source server that may connect.
 *
 * @param agentPins of the keys with which its agent may come, current and next, in the form {@code sha256:<64 hex digits>}
 * @param bandwidth of all its data connections together
 */
public record AssignedSource(SourceAssignment assignment, List<String> agentPins, BandwidthSchedule bandwidth) {
    public AssignedSource {
        agentPins = List.copyOf(agentPins);
    }

    /** Without a limit of its bandwidth. */
    public AssignedSource(SourceAssignment assignment, List<String> agentPins) {
        this(assignment, agentPins, BandwidthSchedule.UNLIMITED);
    }
}
