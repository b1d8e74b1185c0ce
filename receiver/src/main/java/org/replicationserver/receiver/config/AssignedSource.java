package org.replicationserver.receiver.config;

import java.util.List;
import org.replicationserver.receiver.session.SourceAssignment;

/** X. */
public record AssignedSource(SourceAssignment assignment, List<String> agentPins) {}
