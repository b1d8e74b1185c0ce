package org.replicationserver.receiver.server;

import java.util.HashSet;
import java.util.Set;
import org.replicationserver.receiver.replication.DataReplicationState;
import org.replicationserver.receiver.replication.Moment;
import org.replicationserver.receiver.replication.ReplicationListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/** A log line for each change of a replication's state. Event loop only. */
final class StateLog implements ReplicationListener {
    private static final Logger LOG = LoggerFactory.getLogger("org.replicationserver.events");

    /** Source servers with a line by this process. */
    private final Set<String> known = new HashSet<>();

    @Override
    public void stateChanged(
            String sourceServerId,
            DataReplicationState previous,
            DataReplicationState current,
            String why,
            Moment moment) {
        LoggingEventBuilder line = LOG.atLevel(current == DataReplicationState.STALLED ? Level.WARN : Level.INFO)
                .addKeyValue("source", sourceServerId);
        if (known.add(sourceServerId)) {
            // Every replication begins as stopped in the model of a new process, which says nothing of what it was
            // before.
            line.addKeyValue("state", current).log("replication begins, or goes on after a start of this server");
            return;
        }
        line.addKeyValue("previous", previous)
                .addKeyValue("state", current)
                .addKeyValue("why", why)
                .log("replication changed its state");
    }
}
