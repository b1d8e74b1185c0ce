package org.replicationserver.receiver.server;

import org.replicationserver.receiver.replication.DataReplicationState;
import org.replicationserver.receiver.replication.Moment;
import org.replicationserver.receiver.replication.ReplicationListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** A log line for each change of a replication's state. */
final class StateLog implements ReplicationListener {
    private static final Logger LOG = LoggerFactory.getLogger("org.replicationserver.events");

    @Override
    public void stateChanged(
            String sourceServerId,
            DataReplicationState previous,
            DataReplicationState current,
            String why,
            Moment moment) {
        LOG.atLevel(current == DataReplicationState.STALLED ? Level.WARN : Level.INFO)
                .addKeyValue("source", sourceServerId)
                .addKeyValue("previous", previous)
                .addKeyValue("state", current)
                .addKeyValue("why", why)
                .log("replication changed its state");
    }
}
