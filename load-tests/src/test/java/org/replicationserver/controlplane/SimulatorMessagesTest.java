package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** What servers report, once or as often as they like. */
final class SimulatorMessagesTest extends SimulatorWorld {
    SimulatorMessagesTest() throws IOException {}

    @Test
    void eachDurableMessageIsTakenOnce() throws Exception {
        for (long number : new long[] {1, 2, 2, 3}) {
            JsonObject message = connected(number);
            message.getJsonObject("event").put("observedDateTime", "2026-11-25T08:00:00Z");
            assertThat(server.call("NotifyAgentConnectedForMgn", message).status())
                    .isEqualTo(200);
        }
        assertThat(simulator.fleet().messages())
                .extracting(ReceivedMessage::sequence)
                .containsExactly(1L, 2L, 3L);
        assertThat(simulator.fleet().irregularities()).isEmpty();
        assertNoViolations();
    }

    @Test
    void whatIsUnusualInTheOrderIsNoted() throws Exception {
        for (long number : new long[] {1, 2, 5, 1, 5}) {
            server.call("NotifyAgentConnectedForMgn", connected(number));
        }
        assertThat(simulator.fleet().irregularities())
                .extracting(Irregularity::kind)
                .containsExactly(
                        Irregularity.Kind.GAP,
                        Irregularity.Kind.CHANGED,
                        Irregularity.Kind.BACK,
                        Irregularity.Kind.CHANGED);
        assertThat(simulator.fleet().messagesTotal()).isEqualTo(3);
    }

    @Test
    void aMessageAboutAnUnknownSourceServerIsRefusedAndLeavesNoGap() throws Exception {
        server.call("NotifyAgentConnectedForMgn", connected(1));
        assertRefused(
                server.call("NotifyAgentConnectedForMgn", connected(2).put("sourceServerId", "s-unknown")),
                ErrorCode.RESOURCE_NOT_FOUND);
        server.call("NotifyAgentConnectedForMgn", connected(3));
        assertThat(simulator.fleet().messages())
                .extracting(ReceivedMessage::sequence)
                .containsExactly(1L, 3L);
        assertThat(simulator.fleet().irregularities()).isEmpty();
    }

    private JsonObject changed(String previous, String state) {
        return durable(SERVER)
                .put("sourceServerId", SOURCE)
                .put("previousState", previous)
                .put("dataReplicationInfo", info(state));
    }

    @Test
    void changesOfStateAreAHistoryWithoutHoles() throws Exception {
        assign(SERVER, true);
        server.call("UpdateAgentReplicationProcessStateForMgn", changed("STOPPED", "INITIATING"));
        server.call("UpdateAgentReplicationProcessStateForMgn", changed("INITIATING", "INITIAL_SYNC"));
        assertThat(simulator.fleet().irregularities()).isEmpty();
        server.call("UpdateAgentReplicationProcessStateForMgn", changed("BACKLOG", "CONTINUOUS"));
        assertThat(simulator.fleet().sourceServer(SOURCE).stateChanges())
                .extracting(StateChange::state)
                .containsExactly("INITIATING", "INITIAL_SYNC", "CONTINUOUS");
        assertThat(simulator.fleet().irregularities())
                .extracting(Irregularity::kind)
                .containsExactly(Irregularity.Kind.STATE);
        assertThat(simulator.fleet().sourceServer(SOURCE).state()).isEqualTo("CONTINUOUS");
    }

    @Test
    void theNewestProgressWinsWhateverComesLate() throws Exception {
        assign(SERVER, true);
        JsonObject periodic = of(SERVER).put("sourceServerId", SOURCE).put("cause", "PERIODIC");
        JsonObject newer = periodic.copy()
                .put("observedDateTime", "2026-11-25T09:00:00Z")
                .put("dataReplicationInfo", info("CONTINUOUS"));
        JsonObject older = periodic.copy()
                .put("observedDateTime", "2026-11-25T08:00:00Z")
                .put("dataReplicationInfo", info("INITIAL_SYNC"));
        server.call("NotifyAgentReplicationProgressForMgn", newer);
        server.call("NotifyAgentReplicationProgressForMgn", older);
        assertThat(simulator.fleet().sourceServer(SOURCE).state()).isEqualTo("CONTINUOUS");
        assertThat(simulator.fleet().periodicProgressTotal()).isEqualTo(2);
        assertThat(simulator.fleet().messages()).isEmpty();
        assertNoViolations();
    }

    @Test
    void metricsAndLogsAreKept() throws Exception {
        JsonObject metric =
                new JsonObject().put("name", "cpu").put("unit", "Percent").put("value", 12.5);
        server.call(
                "SendClientMetricsForMgn",
                of(SERVER)
                        .put("sampledDateTime", "2026-11-25T08:00:00Z")
                        .put("dropped", 0)
                        .put("metrics", new JsonArray().add(metric)));
        JsonObject logged = new JsonObject()
                .put("dateTime", "2026-11-25T08:00:00Z")
                .put("level", "INFO")
                .put("logger", "x")
                .put("event", "session opened")
                .put("attributes", new JsonObject());
        server.call("SendClientLogsForMgn", of(SERVER).put("dropped", 3).put("records", new JsonArray().add(logged)));
        assertThat(simulator.fleet().metrics())
                .extracting(one -> one.getDouble("value"))
                .containsExactly(12.5);
        assertThat(simulator.fleet().logs())
                .extracting(one -> one.getString("event"))
                .containsExactly("session opened");
        assertNoViolations();
    }
}
