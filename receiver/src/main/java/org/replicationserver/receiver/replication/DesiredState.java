package org.replicationserver.receiver.replication;

/** What the control plane wants of a source server's replication. */
public enum DesiredState {
    STARTED,
    PAUSED,
    STOPPED
}
