package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatusTextTest {
    private static final Instant NOW = Instant.parse("2026-05-01T00:00:00Z");

    private static JsonObject limit(int mbps, String origin) {
        return new JsonObject().put("bandwidthThrottling", mbps).put("origin", origin);
    }

    private static JsonObject detail() {
        return new JsonObject()
                .put("agentConnected", true)
                .put("agentSinceDateTime", "2026-04-30T23:59:30Z")
                .put("inconsistentVolumes", new JsonArray());
    }

    private static String text(JsonObject limitOfSource, JsonObject limitOfAll) {
        return text(source(limitOfSource), limitOfAll, NOW);
    }

    private static JsonObject source(JsonObject limitOfSource) {
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "CONTINUOUS")
                .put("lagDuration", "PT0S")
                .put("replicatedDisks", new JsonArray())
                .put("dataReplicationInitiation", new JsonObject())
                .put("detail", detail());
        return new JsonObject()
                .put("sourceServerId", "s-1")
                .put("dataReplicationInfo", info)
                .put("bandwidth", limitOfSource);
    }

    private static String text(JsonObject source, JsonObject limitOfAll, Instant now) {
        return StatusText.of(
                new JsonObject()
                        .put("sourceServers", new JsonArray().add(source))
                        .put("bandwidth", limitOfAll)
                        .put("controlPlane", new JsonObject()),
                now);
    }

    private static String text(JsonObject info) {
        return StatusText.of(
                new JsonObject()
                        .put(
                                "sourceServers",
                                new JsonArray()
                                        .add(new JsonObject()
                                                .put("sourceServerId", "s-1")
                                                .put("dataReplicationInfo", info)))
                        .put("controlPlane", new JsonObject()),
                NOW);
    }

    private static JsonObject disk(String deviceName, long total, long replicated, long rescanned, long backlogged) {
        return new JsonObject()
                .put("deviceName", deviceName)
                .put("totalStorageBytes", total)
                .put("replicatedStorageBytes", replicated)
                .put("rescannedStorageBytes", rescanned)
                .put("backloggedStorageBytes", backlogged);
    }

    private static JsonObject step(String name, String status) {
        return new JsonObject().put("name", name).put("status", status);
    }

    @Test
    void syncIsToldWithItsRateItsEndAndWhatIsWrongWithADisk() {
        JsonObject failed = new JsonObject()
                .put("code", "VOLUME_FAILED")
                .put("severity", "ERROR")
                .put("sentence", "volume vol-2 of disk /dev/sdb has taken no writes")
                .put("facts", new JsonObject().put("deviceName", "/dev/sdb"))
                .put("nextAction", "Repair it.");
        JsonObject detail = new JsonObject()
                .put("agentConnected", true)
                .put("agentSinceDateTime", "2026-04-30T23:59:30Z")
                .put(
                        "rates",
                        new JsonArray()
                                .add(new JsonObject()
                                        .put("durableBytesPerSecond", 3 << 20)
                                        .put("windowSeconds", 60)))
                .put("etaEarliestDateTime", "2026-05-01T00:02:40.123Z")
                .put("etaLatestDateTime", "2026-05-01T00:05:00Z")
                .put(
                        "lagAttribution",
                        new JsonArray()
                                .add(new JsonObject().put("stage", "NETWORK").put("seconds", 150.0))
                                .add(new JsonObject().put("stage", "VOLUME").put("seconds", 50.0))
                                .add(new JsonObject().put("stage", "THROTTLE").put("seconds", 0.3)))
                .put("explanations", new JsonArray().add(failed))
                .put("inconsistentVolumes", new JsonArray().add("vol-1").add("vol-2"));
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "RESCAN")
                .put("lagDuration", "PT2M49S")
                .put(
                        "replicatedDisks",
                        new JsonArray()
                                .add(disk("/dev/sda", 64 << 20, 32 << 20, 0, 1 << 20))
                                .add(disk("/dev/sdb", 1 << 30, 1 << 30, 1 << 20, 0))
                                .add(disk("/dev/sdc", 1 << 30, 1 << 30, 1 << 30, 0)))
                .put("dataReplicationInitiation", new JsonObject().put("steps", new JsonArray()))
                .put("detail", detail);

        assertThat(text(info)).isEqualTo("""
                s-1: RESCAN, lag 2 min 49 s, agent connected for 30 s, 3.0 MiB/s in the last 60 s, done in 2 min 40 s to 5 min
                  /dev/sda: 50.0 % of 64.0 MiB replicated, 1.0 MiB backlogged
                  /dev/sdb: 100.0 % of 1.0 GiB replicated, 1.0 MiB of it compared or sent again, and its volume takes no writes
                  /dev/sdc: 100.0 % of 1.0 GiB replicated
                  consistent: 1 of 3 volumes
                  3 min 20 s of lag went to: NETWORK 75 %, VOLUME 25 %
                  ERROR VOLUME_FAILED: volume vol-2 of disk /dev/sdb has taken no writes
                    Repair it.
                """);
        detail.put("etaEarliestDateTime", "2026-05-01T00:04:59.999Z").put("etaLatestDateTime", "2026-05-01T00:04:59Z");
        assertThat(text(info)).contains(", done in about 4 min 59 s\n");
    }

    @Test
    void stepThatIsNotDoneIsTold() {
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "INITIATING")
                .put("lagDuration", "PT0S")
                .put("replicatedDisks", new JsonArray())
                .put(
                        "dataReplicationInitiation",
                        new JsonObject()
                                .put(
                                        "steps",
                                        new JsonArray()
                                                .add(step("WAIT", "SUCCEEDED"))
                                                .add(step("DOWNLOAD_REPLICATION_SOFTWARE", "SKIPPED"))
                                                .add(step("ATTACH_STAGING_DISKS", "FAILED"))
                                                .add(step("START_DATA_TRANSFER", "NOT_STARTED"))))
                .put("detail", detail().put("agentConnected", false));

        assertThat(text(info)).startsWith("""
                s-1: INITIATING, lag 0 s, agent not connected for 30 s
                  initiation: ATTACH_STAGING_DISKS FAILED
                """);
    }

    @Test
    void drainedServerSaysSoFirst() {
        assertThat(StatusText.of(
                        new JsonObject()
                                .put("drainedDateTime", "2026-05-01T00:00:00Z")
                                .put("controlPlane", new JsonObject()),
                        NOW))
                .startsWith(
                        "drained at 2026-05-01T00:00:00Z, no session opens any more: replace this server, or start");
    }

    private static JsonObject failing() {
        return new JsonObject()
                .put("failedCalls", 7)
                .put("failingSinceDateTime", "2026-04-30T23:50:00Z")
                .put("nextAttemptDateTime", "2026-05-01T00:00:41.500Z")
                .put(
                        "lastFailure",
                        new JsonObject()
                                .put("kind", "THROTTLED")
                                .put("sentence", "the control plane answered 429")
                                .put("requestId", "r-1")
                                .put("nextAction", "Nothing for now."))
                .put("associations", new JsonObject().put("fromDisk", false))
                .put("outbox", new JsonObject().put("reports", 0));
    }

    private static String textOfServer(JsonObject controlPlane) {
        return StatusText.of(
                new JsonObject()
                        .put("replicationServerId", "i-0123456789abcdef0")
                        .put("sourceServers", new JsonArray())
                        .put("controlPlane", controlPlane),
                NOW);
    }

    @Test
    void sourceServerThatIsAssignedButNotTakenHasALineOfItsOwn() {
        JsonObject notTaken = new JsonObject()
                .put("sourceServerId", "s-1")
                .put("cause", "volume data-1 has no path")
                .put("nextAction", "Do this.");
        assertThat(StatusText.of(
                        new JsonObject()
                                .put("sourceServers", new JsonArray())
                                .put("notTaken", new JsonArray().add(notTaken))
                                .put("controlPlane", new JsonObject()),
                        NOW))
                .isEqualTo("s-1: assigned but not taken: volume data-1 has no path\n  Do this.\n");
    }

    @Test
    void outageIsToldOnceAtTheTopWithTheNextAttemptAndWhatToDo() {
        assertThat(textOfServer(failing())).isEqualTo("""
                replication server: i-0123456789abcdef0
                control plane: calls have failed for 10 min, the next is made in 41 s
                  THROTTLED: the control plane answered 429 (request r-1)
                    Nothing for now.
                what is assigned is not known yet: the control plane has not said so
                """);
    }

    @Test
    void attemptWhoseTimeHasComeIsUnderWay() {
        assertThat(textOfServer(failing().put("nextAttemptDateTime", NOW.toString())))
                .contains("calls have failed for 10 min, the next is under way\n");
        JsonObject soon = failing();
        soon.remove("nextAttemptDateTime");
        assertThat(textOfServer(soon)).contains("calls have failed for 10 min, the next is made soon\n");
    }

    @Test
    void sourceServersReferToTheControlPlanesTroubleAndDoNotRepeatIt() {
        JsonObject unreachable = new JsonObject()
                .put("code", "CONTROL_PLANE_UNREACHABLE")
                .put("severity", "WARNING")
                .put("sentence", "the control plane has not been reached")
                .put("facts", new JsonObject())
                .put("nextAction", "Open the way.");
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "CONTINUOUS")
                .put("lagDuration", "PT0S")
                .put("replicatedDisks", new JsonArray())
                .put("dataReplicationInitiation", new JsonObject())
                .put("detail", detail().put("explanations", new JsonArray().add(unreachable)));
        assertThat(text(info))
                .endsWith("  WARNING CONTROL_PLANE_UNREACHABLE: see the control plane at the top\n")
                .doesNotContain("Open the way.");
    }

    @Test
    void reportsThatWaitAreCountedWithTheAgeOfTheOldest() {
        JsonObject controlPlane = new JsonObject()
                .put("lastAnsweredDateTime", "2026-04-30T23:59:58Z")
                .put(
                        "associations",
                        new JsonObject().put("fromDisk", false).put("answeredDateTime", "2026-04-30T23:59:58Z"))
                .put("outbox", new JsonObject().put("reports", 12).put("oldestDateTime", "2026-04-30T21:30:00Z"));
        assertThat(textOfServer(controlPlane)).isEqualTo("""
                replication server: i-0123456789abcdef0
                control plane: answered 2 s ago
                  reports that wait to be told: 12, the oldest for 2 h 30 min
                no source server is assigned
                """);
    }

    @Test
    void assignmentsOfAnEarlierStartAreToldAsThose() {
        JsonObject controlPlane = failing()
                .put(
                        "associations",
                        new JsonObject().put("fromDisk", true).put("answeredDateTime", "2026-04-30T20:00:00Z"));
        assertThat(textOfServer(controlPlane))
                .contains("  what is assigned is what it said 4 h ago, before this server was started\n")
                .endsWith("no source server is assigned\n");
    }

    @Test
    void timeThatTheControlPlaneHasAskedForIsToldAlthoughNoCallHasFailedForGood() {
        JsonObject asked = new JsonObject()
                .put("lastAnsweredDateTime", "2026-04-30T23:59:58Z")
                .put("nextAttemptDateTime", "2026-05-01T00:00:40Z")
                .put("associations", new JsonObject())
                .put("outbox", new JsonObject());
        assertThat(textOfServer(asked)).contains("control plane: it has asked for time, the next is made in 40 s\n");
    }

    @Test
    void answerThatCannotBeTakenIsToldAlthoughCallsAreAnswered() {
        JsonObject associations = new JsonObject().put("fromDisk", false).put("trouble", "associations is missing");
        JsonObject answered = new JsonObject()
                .put("lastAnsweredDateTime", "2026-04-30T23:59:58Z")
                .put("associations", associations)
                .put("outbox", new JsonObject());
        assertThat(textOfServer(answered)).contains("  trouble with what it assigns: associations is missing\n");
        assertThat(textOfServer(failing().put("associations", associations)))
                .as("while calls fail that is the trouble")
                .doesNotContain("trouble with what it assigns");
    }

    @Test
    void controlPlaneThatWasNotAskedYetIsToldAsThat() {
        JsonObject controlPlane =
                new JsonObject().put("associations", new JsonObject()).put("outbox", new JsonObject());
        assertThat(textOfServer(controlPlane)).isEqualTo("""
                replication server: i-0123456789abcdef0
                control plane: no call has ended yet
                what is assigned is not known yet: the control plane has not said so
                """);
    }

    @Test
    void limitsAreToldWhereTheyHold() {
        assertThat(text(limit(50, "SCHEDULE"), limit(200, "ASSIGNED"))).isEqualTo("""
                        s-1: CONTINUOUS, lag 0 s, agent connected for 30 s
                          consistent: 0 of 0 volumes
                          limit of bandwidth: 50 Mbps, by schedule
                        limit of bandwidth of all source servers together: 200 Mbps, assigned
                        """);
    }

    @ParameterizedTest
    @CsvSource({
        "0, BY_HAND, 'none, set by hand'",
        "20, BY_HAND, '20 Mbps, set by hand'",
        "0, SCHEDULE, 'none, by schedule'"
    })
    void noLimitIsToldWhereOneMayBeExpected(int mbps, String origin, String told) {
        assertThat(text(limit(mbps, origin), limit(0, "ASSIGNED"))).isEqualTo("""
                        s-1: CONTINUOUS, lag 0 s, agent connected for 30 s
                          consistent: 0 of 0 volumes
                          limit of bandwidth: %s
                        """.formatted(told));
    }

    @Test
    void nothingIsToldOfALimitThatNobodySet() {
        assertThat(text(limit(0, "ASSIGNED"), limit(0, "ASSIGNED"))).isEqualTo("""
                        s-1: CONTINUOUS, lag 0 s, agent connected for 30 s
                          consistent: 0 of 0 volumes
                        """);
    }

    @ParameterizedTest
    @CsvSource({"BY_HAND, by hand", "SNAPSHOT_GROUP, for a snapshot group"})
    void holdIsToldWithItsEpochItsEndAndWhoHolds(String origin, String told) {
        JsonObject hold = new JsonObject()
                .put("epoch", 7)
                .put("untilDateTime", "2026-05-01T00:01:00Z")
                .put("origin", origin);
        assertThat(text(source(limit(0, "ASSIGNED")).put("hold", hold), limit(0, "ASSIGNED"), NOW))
                .contains("\n  held at epoch 7 until 2026-05-01T00:01:00Z, " + told
                        + ": nothing is written until then or its release\n");
    }

    @Test
    void fetchOfSoftwareThatFailedIsToldOnce() {
        JsonObject explanation = new JsonObject()
                .put("code", "SOFTWARE_NOT_FETCHED")
                .put("severity", "WARNING")
                .put("sentence", "agent was not fetched")
                .put("nextAction", "Fetch again.");
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "CONTINUOUS")
                .put("lagDuration", "PT0S")
                .put("replicatedDisks", new JsonArray())
                .put("dataReplicationInitiation", new JsonObject())
                .put("detail", detail().put("explanations", new JsonArray().add(explanation)));
        JsonObject status = new JsonObject()
                .put(
                        "sourceServers",
                        new JsonArray()
                                .add(new JsonObject()
                                        .put("sourceServerId", "s-1")
                                        .put("dataReplicationInfo", info)))
                .put("controlPlane", new JsonObject());
        assertThat(StatusText.of(status, NOW)).containsOnlyOnce("not fetched");

        status.put(
                "software",
                new JsonObject()
                        .put(
                                "lastFailure",
                                new JsonObject()
                                        .put("object", "bucket/agent")
                                        .put("kind", "UNREACHABLE")
                                        .put("sentence", "no way")
                                        .put("nextAction", "Fetch again.")));
        assertThat(StatusText.of(status, NOW))
                .contains("software: bucket/agent was not fetched\n  UNREACHABLE: no way\n    Fetch again.\n")
                .containsOnlyOnce("not fetched")
                .containsOnlyOnce("Fetch again.");
    }
}
