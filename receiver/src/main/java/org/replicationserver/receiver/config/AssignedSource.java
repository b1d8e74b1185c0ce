package org.replicationserver.receiver.config;

import java.util.List;
import org.replicationserver.receiver.session.SourceAssignment;

/**
 * A source server that may connect.
 *
 * @param agentPins of the keys with which its agent may come, current and next, in the form {@code sha256:<64 hex digits>}
 */
public record AssignedSource(SourceAssignment assignment, List<String> agentPins) {
    public AssignedSource {
        agentPins = List.copyOf(agentPins);
    }
}
