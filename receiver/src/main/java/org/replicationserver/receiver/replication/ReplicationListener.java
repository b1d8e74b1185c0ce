package org.replicationserver.receiver.replication;

/** Told when a replication changes its state. Event loop only; must not block. */
public interface ReplicationListener {
    /**
     * The state that is published has changed. The model may be asked here, but nothing may be told to it.
     *
     * @param why in words
     */
    void stateChanged(
            String sourceServerId, DataReplicationState previous, DataReplicationState current, String why, Moment now);
}
