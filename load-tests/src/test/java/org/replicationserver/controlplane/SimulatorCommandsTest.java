package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Commands of the channel, from their issue to their result. */
final class SimulatorCommandsTest extends SimulatorWorld {
    SimulatorCommandsTest() throws IOException {}

    @Test
    void aCommandThatComesWhileAPollWaitsIsDeliveredAtOnce() throws Exception {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            CompletableFuture<List<String>> waiting = CompletableFuture.supplyAsync(() -> pollQuietly(20), executor);
            await().until(() -> !simulator.fleet().replicationServers().isEmpty());
            String commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
            assertThat(waiting.get(5, TimeUnit.SECONDS)).containsExactly(commandId);
        }
        assertNoViolations();
    }

    private List<String> pollQuietly(int waitSeconds) {
        try {
            return poll(SERVER, waitSeconds);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aCommandComesAgainAtTheEndOfEachWaitUntilItsResultHasCome() throws Exception {
        String first = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
        String second = simulator.fleet().issue(SERVER, "COLLECT_LOGS", null);
        assertThat(poll(SERVER, 20)).containsExactly(first, second);
        // Not at once again, though there is no result: that would be a loop without a pause.
        long began = System.nanoTime();
        assertThat(poll(SERVER, 1)).containsExactly(first, second);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(900));
        sendResult(SERVER, first, "SUCCEEDED");
        assertThat(poll(SERVER, 0)).containsExactly(second);
        assertThat(simulator.fleet().command(first).status()).isEqualTo("SUCCEEDED");
        assertThat(simulator.fleet().command(first).deliveries()).isEqualTo(2);
        assertThat(simulator.fleet().command(second).deliveries()).isEqualTo(3);
    }

    @Test
    void theFirstResultOfACommandIsTheResult() throws Exception {
        String commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
        sendResult(SERVER, commandId, "FAILED");
        assertThat(sendResult(SERVER, commandId, "SUCCEEDED").status()).isEqualTo(200);
        assertThat(simulator.fleet().command(commandId).status()).isEqualTo("FAILED");
        assertRefused(sendResult(SERVER, "c-unknown", "FAILED"), ErrorCode.RESOURCE_NOT_FOUND);
    }

    @Test
    void aSecondPollEndsTheFirst() throws Exception {
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            CompletableFuture<List<String>> first = CompletableFuture.supplyAsync(() -> pollQuietly(20), executor);
            await().until(() -> !simulator.fleet().replicationServers().isEmpty());
            String commandId;
            CompletableFuture<List<String>> second = CompletableFuture.supplyAsync(() -> pollQuietly(20), executor);
            assertThat(first.get(5, TimeUnit.SECONDS)).isEmpty();
            commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
            assertThat(second.get(5, TimeUnit.SECONDS)).containsExactly(commandId);
        }
    }

    @Test
    void commandsThatAreWrongAreOnlySentOnPurpose() throws Exception {
        JsonObject wrong = new JsonObject().put("type", "REOPEN_VOLUME");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> simulator.fleet().issue(SERVER, wrong))
                .withMessageContaining("/parameters");
        String commandId = simulator.fleet().issueUnchecked(SERVER, wrong);
        assertThat(poll(SERVER, 0)).containsExactly(commandId);
        assertNoViolations();
    }

    @Test
    void whatIsWantedIsToldByCommandAndByAssociation() throws Exception {
        assign(SERVER, true);
        simulator.fleet().issue(SERVER, "PAUSE_REPLICATION", SOURCE);
        JsonObject bandwidth = new JsonObject().put("bandwidthThrottling", 50);
        simulator
                .fleet()
                .issue(
                        SERVER,
                        new JsonObject()
                                .put("type", "SET_BANDWIDTH")
                                .put("parameters", new JsonObject().put("bandwidth", bandwidth)));
        JsonObject described = describe(SERVER);
        assertThat(described.getJsonObject("bandwidth")).isEqualTo(bandwidth);
        assertThat(described.getJsonArray("associations").getJsonObject(0).getString("desiredState"))
                .isEqualTo("PAUSED");
        assertThat(agentConfiguration().getString("desiredState")).isEqualTo("PAUSED");
        assertNoViolations();
    }

    @Test
    void aCommandWhoseIdIsTakenHasNoEffect() throws Exception {
        assign(SERVER, true);
        JsonObject pause = new JsonObject()
                .put("commandId", "mine")
                .put("type", "PAUSE_REPLICATION")
                .put("sourceServerId", SOURCE);
        simulator.fleet().issue(SERVER, pause);
        List<JsonObject> others = List.of(
                pause.copy().put("type", "START_REPLICATION"),
                pause.copy().put("type", "UNPAIR_SOURCE_SERVER"),
                pause.copy()
                        .put("type", "SET_BANDWIDTH")
                        .put(
                                "parameters",
                                new JsonObject().put("bandwidth", new JsonObject().put("bandwidthThrottling", 5))));
        JsonObject before = describe(SERVER);
        for (JsonObject other : others) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> simulator.fleet().issue(SERVER, other))
                    .withMessage("commandId: mine is taken; allowed: a new one");
        }
        assertThat(describe(SERVER)).isEqualTo(before);
    }

    @Test
    void anIdThatAnOperatorHasTakenIsNotDrawnAgain() {
        JsonObject collect = new JsonObject().put("type", "COLLECT_LOGS");
        for (int i = 1; i < 20; i++) {
            simulator.fleet().issue(SERVER, collect.copy().put("commandId", "c-" + i));
        }
        assertThat(assign(SERVER, true)).isEqualTo("c-20");
    }

    @Test
    void commandsWithoutAResultAreBounded() {
        for (int i = 0; i < 1024; i++) {
            simulator.fleet().issue(SERVER, "COLLECT_LOGS", null);
        }
        assertThatIllegalStateException()
                .isThrownBy(() -> simulator.fleet().issue(SERVER, "COLLECT_LOGS", null))
                .withMessageContaining("allowed: 1024");
        assertThatIllegalStateException().isThrownBy(() -> assign(SERVER, true));
        assertThat(simulator.fleet().sourceServer(SOURCE).replicationServerId())
                .as("what cannot be told is not done")
                .isNull();
    }
}
