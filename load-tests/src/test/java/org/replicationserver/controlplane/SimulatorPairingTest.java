package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.replicationserver.controlplane.ApiClient.Answer;

/** How an agent comes to its server, and volumes to another one. */
final class SimulatorPairingTest extends SimulatorWorld {
    SimulatorPairingTest() throws IOException {}

    @Test
    void anAgentLearnsItsServerOnceThatHasAnsweredThePairing() throws Exception {
        assertThat(describe(SERVER)).isEqualTo(new JsonObject().put("associations", new JsonArray()));
        assertThat(agentConfiguration()).isEqualTo(new JsonObject().put("desiredState", "STARTED"));

        String commandId = assign(SERVER, true);
        JsonObject association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonArray("agentPins")).containsExactly(PIN);
        assertThat(association.getJsonArray("disks").getJsonObject(0))
                .isEqualTo(new JsonObject()
                        .put("deviceName", "/dev/sda")
                        .put("sizeBytes", 8 * MIB)
                        .put("volumeId", "vol-1")
                        .put("fresh", true));
        Answer commands = server.call("GetChannelCommandsForMgn", pollOf(SERVER, 20));
        JsonObject command = commands.body().getJsonArray("commands").getJsonObject(0);
        assertThat(command.getString("commandId")).isEqualTo(commandId);
        assertThat(command.getString("type")).isEqualTo("PAIR_SOURCE_SERVER");
        assertThat(command.getJsonObject("parameters").getJsonObject("association"))
                .isEqualTo(association);
        assertThat(agentConfiguration().containsKey("replicationServer")).isFalse();

        assertThat(sendResult(SERVER, commandId, "SUCCEEDED").status()).isEqualTo(200);
        assertThat(agentConfiguration().getJsonObject("replicationServer"))
                .isEqualTo(of(SERVER)
                        .put("address", "127.0.0.1")
                        .put("port", 1500)
                        .put("pins", new JsonObject().put("current", NEXT_PIN)));
        simulator.fleet().setAddress(SERVER, "rs.example");
        assertThat(agentConfiguration().getJsonObject("replicationServer").getString("address"))
                .isEqualTo("rs.example");
        assertNoViolations();
    }

    @Test
    void aPairingThatFailedGivesTheAgentNoServer() throws Exception {
        describe(SERVER);
        sendResult(SERVER, assign(SERVER, true), "FAILED");
        assertThat(agentConfiguration().containsKey("replicationServer")).isFalse();
    }

    @Test
    void anotherKeyThanTheRegisteredOneIsRefusedAndChangesNothing() throws Exception {
        sendResult(SERVER, assign(SERVER, true), "SUCCEEDED");
        Answer answer = register(NEXT_PIN);
        assertRefused(answer, ErrorCode.CONFLICT);
        assertThat(answer.body().getString("message")).contains(SOURCE, NEXT_PIN, "another key");
        assertThat(describe(SERVER)
                        .getJsonArray("associations")
                        .getJsonObject(0)
                        .getJsonArray("agentPins"))
                .containsExactly(PIN);
        assertThat(register(PIN).status()).as("the same agent once more").isEqualTo(200);
        assertNoViolations();
    }

    @Test
    void aNewKeyOfTheAgentIsPairedBesideTheFormerOne() throws Exception {
        sendResult(SERVER, assign(SERVER, true), "SUCCEEDED");
        simulator.fleet().registerAgent(SOURCE, NEXT_PIN, List.of(new SourceDisk("/dev/sda", 8 * MIB)));
        assertThat(register(NEXT_PIN).status()).isEqualTo(200);
        JsonObject association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonArray("agentPins")).containsExactly(PIN, NEXT_PIN);
        assertThat(simulator.fleet().commands(SERVER).getFirst().command().getString("type"))
                .isEqualTo("PAIR_SOURCE_SERVER");
        assertNoViolations();
    }

    @Test
    void disksThatTheAgentRegistersAnewAreAssignedOnlyWhenSomebodyDoesIt() throws Exception {
        assign(SERVER, true);
        JsonObject before = describe(SERVER);
        simulator.fleet().registerAgent(SOURCE, PIN, List.of(new SourceDisk("/dev/sdb", 16 * MIB)));
        assertThat(describe(SERVER)).isEqualTo(before);
    }

    @Test
    void aReplacementGetsTheRecordAndTheOldOneIsUnpaired() throws Exception {
        sendResult(SERVER, assign(SERVER, true), "SUCCEEDED");
        server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "41", "vol-1"));
        server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "42", "vol-1"));

        simulator.fleet().move(SOURCE, OTHER_SERVER);
        assertThat(agentConfiguration().containsKey("replicationServer")).isFalse();
        JsonObject association =
                describe(OTHER_SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonObject("record")).isEqualTo(record("42", "vol-1"));
        assertThat(association.getJsonArray("disks").getJsonObject(0).getBoolean("fresh"))
                .isFalse();
        assertThat(describe(SERVER).getJsonArray("associations")).isEmpty();
        assertThat(simulator.fleet().commands(SERVER).getFirst().command().getString("type"))
                .isEqualTo("UNPAIR_SOURCE_SERVER");

        // What the old one still has to say is taken, but its record is too late.
        assertThat(server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "43", "vol-1"))
                        .status())
                .isEqualTo(200);
        assertThat(simulator.fleet().sourceServer(SOURCE).record()).isEqualTo(record("42", "vol-1"));
        assertNoViolations();
    }

    @Test
    void aVolumeThatIsNewHasNoRecordAndOneThatWasWrittenIsFreshNoMore() throws Exception {
        assign(SERVER, true);
        server.call("NotifyAgentReplicationProgressForMgn", committed(SERVER, "42", "vol-1"));
        JsonObject association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonArray("disks").getJsonObject(0).getBoolean("fresh"))
                .isFalse();

        simulator.fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-1", null, true)));
        association = describe(SERVER).getJsonArray("associations").getJsonObject(0);
        assertThat(association.getJsonObject("record").getJsonArray("volumes")).isEmpty();
    }

    @Test
    void anAssignmentOfADiskThatTheAgentDoesNotHaveIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> simulator
                        .fleet()
                        .assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sdz", "vol-1", null, true))))
                .withMessageContaining("/dev/sda");
    }
}
