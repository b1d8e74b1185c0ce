package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.log.LoggedLines;
import org.replicationserver.receiver.replication.DataReplicationState;
import org.replicationserver.receiver.replication.Moment;

class StateLogTest {
    private static final Moment NOW = new Moment(0, Instant.EPOCH.toEpochMilli());

    private final LoggedLines lines = LoggedLines.of("org.replicationserver.events");
    private final StateLog log = new StateLog();

    @AfterEach
    void stop() {
        lines.close();
    }

    private void changed(String source, DataReplicationState previous, DataReplicationState current) {
        log.stateChanged(source, previous, current, "why", NOW);
    }

    @Test
    void stateOfAnEarlierProcessIsNotMadeUp() {
        changed("s-1", DataReplicationState.STOPPED, DataReplicationState.BACKLOG);
        changed("s-2", DataReplicationState.STOPPED, DataReplicationState.INITIATING);
        changed("s-1", DataReplicationState.BACKLOG, DataReplicationState.CONTINUOUS);
        String begins = "INFO replication begins, or goes on after a start of this server: ";
        assertThat(lines.texts())
                .containsExactly(
                        begins + "source=s-1 state=BACKLOG",
                        begins + "source=s-2 state=INITIATING",
                        "INFO replication changed its state: source=s-1 previous=BACKLOG state=CONTINUOUS why=why");
    }
}
