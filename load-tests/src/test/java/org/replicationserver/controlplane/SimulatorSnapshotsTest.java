package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.replicationserver.controlplane.ApiClient.Answer;

/** Snapshot groups, their credits and their requests. */
final class SimulatorSnapshotsTest extends SimulatorWorld {
    SimulatorSnapshotsTest() throws IOException {}

    @Test
    void aSnapshotGroupIsRegisteredOnceAndTakesACredit() throws Exception {
        assign(SERVER, true);
        JsonObject ofSource = of(SERVER).put("sourceServerId", SOURCE);
        simulator.fleet().setSnapshotCredits(SOURCE, 1);
        JsonObject start = ofSource.copy().put("snapshotGroupId", "sg-1");
        Answer started = server.call("StartSnapshotGroupForMgn", start);
        assertThat(started.body().getJsonObject("tags").fieldNames()).contains("AWSApplicationMigrationServiceManaged");
        assertThat(server.call("StartSnapshotGroupForMgn", start).body()).isEqualTo(started.body());
        assertThat(server.call("GetAgentSnapshotCreditsForMgn", ofSource).body().getInteger("credits"))
                .isZero();
        assertRefused(
                server.call("StartSnapshotGroupForMgn", ofSource.copy().put("snapshotGroupId", "sg-2")),
                ErrorCode.CONFLICT);

        JsonObject snapshot = new JsonObject()
                .put("volumeId", "vol-1")
                .put("deviceName", "/dev/sda")
                .put("snapshotId", "snap-1");
        JsonObject group =
                start.copy().put("epoch", "42").put("consistent", true).put("snapshots", new JsonArray().add(snapshot));
        for (long number : List.of(1L, 1L, 2L)) {
            assertThat(server.call(
                                    "BatchCreateVolumeSnapshotGroupForMgn",
                                    group.copy().put("event", event(number)))
                            .status())
                    .isEqualTo(200);
        }
        assertThat(simulator.fleet().snapshotGroups()).containsExactly(group);
        assertThat(simulator.fleet().announcedSnapshotGroups()).containsExactly("sg-1");
        assertRefused(
                server.call(
                        "BatchCreateVolumeSnapshotGroupForMgn",
                        group.copy().put("consistent", false).put("event", event(3))),
                ErrorCode.CONFLICT);
        assertNoViolations();
    }

    @Test
    void aRequestForASnapshotStaysUntilItIsDeletedByTheServerThatServesIt() throws Exception {
        assign(SERVER, true);
        String requestId = simulator.fleet().requestSnapshot(SOURCE);
        JsonObject deletion = of(OTHER_SERVER).put("snapshotRequestIds", new JsonArray().add(requestId));
        assertThat(server.call("BatchDeleteSnapshotRequestForMgn", deletion)
                        .body()
                        .getJsonArray("failures"))
                .hasSize(1);
        assertThat(server.call("DescribeSnapshotRequestsForMgn", of(SERVER))
                        .body()
                        .getJsonArray("requests"))
                .hasSize(1);
        for (int i = 0; i < 2; i++) {
            deletion.put("replicationServerId", SERVER);
            assertThat(server.call("BatchDeleteSnapshotRequestForMgn", deletion)
                            .body()
                            .getJsonArray("failures"))
                    .isEmpty();
        }
        assertThat(server.call("DescribeSnapshotRequestsForMgn", of(SERVER))
                        .body()
                        .getJsonArray("requests"))
                .isEmpty();
        assertNoViolations();
    }
}
