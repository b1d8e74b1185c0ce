package org.replicationserver.receiver.replication;

/** The published statuses of an initiation step. */
public enum InitiationStepStatus {
    NOT_STARTED,
    IN_PROGRESS,
    SUCCEEDED,
    FAILED,
    SKIPPED
}
