package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.replication.ReplicationSettings;

/** What a server tells of the trouble of its source server {@code s-1}. */
final class Explanations {
    static final Duration PATIENCE = Duration.ofSeconds(30);

    /** Seconds where the product has minutes. */
    static final ReplicationSettings SETTINGS = new ReplicationSettings(
            Duration.ofMillis(500),
            Duration.ofSeconds(2),
            Duration.ofMillis(500),
            Duration.ofSeconds(1),
            Duration.ofSeconds(2),
            Duration.ofMillis(500),
            3,
            Duration.ofMinutes(10),
            Duration.ofMillis(300),
            Duration.ofMillis(500),
            Duration.ofMillis(500),
            Duration.ofMinutes(10),
            Duration.ofMillis(300),
            Duration.ofSeconds(5),
            85,
            1 << 20);

    private Explanations() {}

    static @Nullable JsonObject find(InProcessServer server, String code) {
        return find(server.info("s-1"), code);
    }

    static @Nullable JsonObject find(JsonObject info, String code) {
        return all(info)
                .filter(told -> told.getString("code").equals(code))
                .findFirst()
                .orElse(null);
    }

    static List<String> codes(JsonObject info) {
        return all(info).map(told -> told.getString("code")).toList();
    }

    private static Stream<JsonObject> all(JsonObject info) {
        JsonArray all = info.getJsonObject("detail").getJsonArray("explanations");
        return IntStream.range(0, all.size()).mapToObj(all::getJsonObject);
    }

    /** Waits until it is told, and has a sentence and what to do. */
    static JsonObject await(InProcessServer server, String code) {
        JsonObject told = Awaitility.await("what is told of " + code)
                .atMost(PATIENCE)
                .until(() -> find(server, code), Objects::nonNull);
        assertThat(told.getString("sentence")).isNotBlank().doesNotContain("{");
        assertThat(told.getString("nextAction")).isNotBlank();
        return told;
    }

    static @Nullable String error(InProcessServer server) {
        JsonObject error = server.info("s-1").getJsonObject("dataReplicationError");
        return error == null ? null : error.getString("error");
    }
}
