package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
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
                        s-1: CONTINUOUS, lag PT0S
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
                        s-1: CONTINUOUS, lag PT0S
                          limit of bandwidth: %s
                        """.formatted(told));
    }

    @Test
    void nothingIsToldOfALimitThatNobodySet() {
        assertThat(text(limit(0, "ASSIGNED"), limit(0, "ASSIGNED"))).isEqualTo("s-1: CONTINUOUS, lag PT0S\n");
    }
}
