package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentMain;

/**
 * What a speed test takes from a session that sends as fast as it may, without a disk that would be the limit. Rounds with and without a
 * speed test take turns, so that what else the machine does falls on both; the ratio is printed, and what is asserted are bytes.
 */
class SpeedTestShareTest {
    private static final long SIZE_BYTES = 1L << 30;
    private static final int ROUNDS = 6;
    private static final Duration ROUND = Duration.ofSeconds(5);

    @TempDir
    Path directory = Path.of("");

    @Tag("long")
    @Test
    void speedTestTakesItsShareOfReplicationAndNoMore() throws Exception {
        TestSource own = TestSource.of(directory, "s-1", SIZE_BYTES);
        Path identity = directory.resolve("identity");
        String tester = AgentIdentity.loadOrCreate(identity, "s-1").pin().toString();
        TestSource source =
                new TestSource(own.key(), own.volumes(), List.of(own.key().pin(), tester));
        List<Double> without = new ArrayList<>();
        List<Double> with = new ArrayList<>();
        try (InProcessServer server = InProcessServer.start(
                        directory, List.of(source), spec -> new NullDevice(spec.sizeBytes()), "listen.port=0");
                FullStreams full = FullStreams.begin(server.endpoint(), source, 2, 256 * 1024)) {
            full.during(ROUND);
            for (int i = 0; i < ROUNDS; i++) {
                without.add(full.during(ROUND).mbps());
                CompletableFuture<JsonObject> test =
                        CompletableFuture.supplyAsync(() -> speedTest(server.endpoint(), identity));
                with.add(full.during(ROUND).mbps());
                JsonObject result = test.join().getJsonObject("result");
                long replicated = result.getLong("replicatedBytes");
                double share = (double) result.getLong("payloadBytes") / replicated;
                report(i, without.getLast(), with.getLast(), share);
                assertThat(test.join().getString("limit")).isEqualTo("REPLICATION");
                assertThat(share).isBetween(0.005, 0.03);
            }
        }
        report(ROUNDS, mean(without), mean(with), 0);
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    @SuppressWarnings("SystemOut")
    private static void report(int round, double without, double with, double share) {
        System.out.printf(
                "speed test, %s: session %.1f Mbps without, %.1f with, ratio %.3f; share %.4f%n",
                round == ROUNDS ? "mean" : "round " + round, without, with, with / without, share);
    }

    private JsonObject speedTest(Endpoint endpoint, Path identity) {
        try {
            Commands.Result result = Commands.run(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    AgentMain.class.getName(),
                    "speed-test",
                    "--server=" + endpoint.address(),
                    "--server-pin=" + endpoint.pin(),
                    "--source-server-id=s-1",
                    "--identity=" + identity,
                    "--seconds=4",
                    "--json"));
            assertThat(result.exitCode()).as(result.output()).isZero();
            return new JsonObject(result.output().substring(result.output().indexOf('{')));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
