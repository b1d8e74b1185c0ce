package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatusTextTest {
    private static JsonObject limit(int mbps, String origin) {
        return new JsonObject().put("bandwidthThrottling", mbps).put("origin", origin);
    }

    private static String text(JsonObject limitOfSource, JsonObject limitOfAll) {
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "CONTINUOUS")
                .put("lagDuration", "PT0S")
                .put("detail", new JsonObject());
        JsonObject source = new JsonObject()
                .put("sourceServerId", "s-1")
                .put("dataReplicationInfo", info)
                .put("bandwidth", limitOfSource);
        return StatusText.of(new JsonObject()
                .put("sourceServers", new JsonArray().add(source))
                .put("bandwidth", limitOfAll)
                .put("controlPlane", new JsonObject()));
    }

    @Test
    void limitsAreToldWhereTheyHold() {
        assertThat(text(limit(50, "SCHEDULE"), limit(200, "ASSIGNED"))).isEqualTo("""
                        s-1: CONTINUOUS, lag 0 s
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
                        s-1: CONTINUOUS, lag 0 s
                          limit of bandwidth: %s
                        """.formatted(told));
    }

    @Test
    void nothingIsToldOfALimitThatNobodySet() {
        assertThat(text(limit(0, "ASSIGNED"), limit(0, "ASSIGNED"))).isEqualTo("s-1: CONTINUOUS, lag 0 s\n");
    }

    private static String textOf(JsonObject info, JsonObject controlPlane) {
        JsonObject source = new JsonObject().put("sourceServerId", "s-1").put("dataReplicationInfo", info);
        return StatusText.of(new JsonObject()
                .put("sourceServers", new JsonArray().add(source))
                .put("controlPlane", controlPlane));
    }

    @Test
    void amountsAreForPeople() {
        JsonObject disk = new JsonObject()
                .put("deviceName", "/dev/sda")
                .put("totalStorageBytes", 64L << 20)
                .put("replicatedStorageBytes", 32L << 20)
                .put("rescannedStorageBytes", 0L)
                .put("backloggedStorageBytes", 3L << 29);
        JsonArray stages = new JsonArray()
                .add(new JsonObject().put("stage", "SOURCE").put("seconds", 0.01))
                .add(new JsonObject().put("stage", "NETWORK").put("seconds", 7.5))
                .add(new JsonObject().put("stage", "VOLUME").put("seconds", 161.5));
        JsonObject info = new JsonObject()
                .put("dataReplicationState", "BACKLOG")
                .put("lagDuration", "PT2M49S")
                .put("etaDateTime", "2026-11-25T08:00:00.123456789Z")
                .put("replicatedDisks", new JsonArray().add(disk))
                .put(
                        "detail",
                        new JsonObject()
                                .put("etaEarliestDateTime", "2026-11-25T08:00:00.123456789Z")
                                .put("etaLatestDateTime", "2026-11-25T09:00:00Z")
                                .put("lagAttribution", stages));
        JsonObject controlPlane = new JsonObject().put("lastAnsweredDateTime", "2026-11-25T07:59:59.987654321Z");
        assertThat(textOf(info, controlPlane)).isEqualTo("""
                        s-1: BACKLOG, lag 2 min 49 s, done between 2026-11-25T08:00:00Z and 2026-11-25T09:00:00Z
                          /dev/sda: 50.0 % of 64.0 MiB replicated, 0.0 MiB rescanned, 1.5 GiB backlogged
                          time went to, 2 min 49 s in all: NETWORK 7.5 s (4 %), VOLUME 2 min 41 s (96 %)
                        control plane: answered 2026-11-25T07:59:59Z
                        """);
    }

    @ParameterizedTest
    @CsvSource({"PT0S, 0 s", "PT59.9S, 59 s", "PT60S, 1 min 00 s", "PT59M59S, 59 min 59 s", "PT26H5M59S, 26 h 05 min"})
    void timeIsToldInTwoUnitsAtMost(Duration time, String told) {
        assertThat(Amounts.time(time)).isEqualTo(told);
    }
}
