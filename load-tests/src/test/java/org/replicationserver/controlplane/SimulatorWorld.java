package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ApiClient.Answer;

/** A control plane simulator with a client of a server and one of an agent, which is registered: what tests of it begin with. */
abstract class SimulatorWorld {
    static final String SERVER = "i-0123456789abcdef0";
    static final String OTHER_SERVER = "i-0fedcba9876543210";
    static final String SOURCE = "s-0123456789abcdef0";
    static final String PIN = "sha256:" + "a1".repeat(32);
    static final String NEXT_PIN = "sha256:" + "b2".repeat(32);
    static final String OUTBOX = "0123456789abcdef".repeat(2);
    static final Duration TIMEOUT = Duration.ofSeconds(20);
    static final long MIB = 1024 * 1024;

    final ControlPlaneSimulator simulator;
    final ApiClient server;
    final ApiClient agent;
    private long sequence;

    SimulatorWorld() throws IOException {
        simulator = ControlPlaneSimulator.start();
        server = client(simulator.accessKeys().issueTemporary(Role.REPLICATION_SERVER, Duration.ofHours(1)));
        agent = client(simulator.accessKeys().issue(Role.AGENT));
    }

    @BeforeEach
    void registerAgent() throws Exception {
        assertThat(register(PIN).status()).isEqualTo(200);
    }

    @AfterEach
    void close() {
        server.close();
        agent.close();
        simulator.close();
    }

    ApiClient client(AccessKey key) {
        return client(key, Clock.systemUTC(), TIMEOUT);
    }

    ApiClient client(AccessKey key, Clock clock, Duration timeout) {
        return new ApiClient(simulator.endpoint(), simulator.authority(), "us-east-1", key, clock, timeout);
    }

    Answer register(String pin) throws IOException, InterruptedException {
        JsonObject disk = new JsonObject().put("deviceName", "/dev/sda").put("sizeBytes", 8 * MIB);
        return agent.call(
                "RegisterAgentForMgn",
                new JsonObject()
                        .put("sourceServerId", SOURCE)
                        .put("agentPin", pin)
                        .put("disks", new JsonArray().add(disk)));
    }

    static JsonObject self(String pin) {
        return new JsonObject()
                .put("pins", new JsonObject().put("current", pin))
                .put("port", 1500)
                .put("softwareVersion", "0.1.0")
                .put("protocolVersion", "brp/1")
                .put("startedDateTime", "2026-11-25T08:00:00Z");
    }

    static JsonObject of(String serverId) {
        return new JsonObject().put("replicationServerId", serverId);
    }

    JsonObject describe(String serverId) throws IOException, InterruptedException {
        Answer answer = server.call(
                "DescribeReplicationServerAssociationsForMgn", of(serverId).put("replicationServer", self(NEXT_PIN)));
        assertThat(answer.status()).as(answer.body().encode()).isEqualTo(200);
        return answer.body();
    }

    static JsonObject pollOf(String serverId, int waitSeconds) {
        return of(serverId).put("waitSeconds", waitSeconds).put("maxCommands", 16);
    }

    List<String> poll(String serverId, int waitSeconds) throws IOException, InterruptedException {
        return commandIds(server.call("GetChannelCommandsForMgn", pollOf(serverId, waitSeconds)));
    }

    static List<String> commandIds(Answer answer) {
        assertThat(answer.status()).as(answer.body().encode()).isEqualTo(200);
        return answer.body().getJsonArray("commands").stream()
                .map(command -> ((JsonObject) command).getString("commandId"))
                .toList();
    }

    static JsonObject event(long number) {
        return new JsonObject()
                .put("outboxId", OUTBOX)
                .put("sequence", number)
                .put("observedDateTime", Instant.now().toString());
    }

    JsonObject durable(String serverId) {
        return of(serverId).put("event", event(++sequence));
    }

    Answer sendResult(String serverId, String commandId, String status) throws IOException, InterruptedException {
        JsonObject result = durable(serverId).put("commandId", commandId).put("status", status);
        if (status.equals("SUCCEEDED")) {
            result.put("output", new JsonObject().put("replicationServer", self(NEXT_PIN)));
        }
        return server.call("SendChannelCommandResultForMgn", result);
    }

    JsonObject connected(long number) {
        return of(SERVER)
                .put("event", event(number))
                .put("sourceServerId", SOURCE)
                .put("remoteAddress", "198.51.100.7")
                .put("generation", String.valueOf(number))
                .put("streams", 5);
    }

    static JsonObject info(String state) {
        JsonObject disk = new JsonObject()
                .put("deviceName", "/dev/sda")
                .put("totalStorageBytes", 8 * MIB)
                .put("replicatedStorageBytes", MIB)
                .put("rescannedStorageBytes", 0)
                .put("backloggedStorageBytes", 7 * MIB);
        JsonObject detail = new JsonObject()
                .put("backloggedBytes", 7 * MIB)
                .put("agentConnected", true)
                .put("agentSinceDateTime", "2026-11-24T08:00:00Z")
                .put("backlogKnown", true)
                .put("rates", new JsonArray())
                .put("lagAttribution", new JsonArray())
                .put("explanations", new JsonArray())
                .put("inconsistentVolumes", new JsonArray());
        return new JsonObject()
                .put("dataReplicationState", state)
                .put("replicatedDisks", new JsonArray().add(disk))
                .put(
                        "dataReplicationInitiation",
                        new JsonObject()
                                .put("startDateTime", "2026-11-25T08:00:00Z")
                                .put("steps", new JsonArray()))
                .put("replicatorId", SERVER)
                .put("detail", detail);
    }

    static JsonObject record(String epoch, String... volumeIds) {
        JsonArray volumes = new JsonArray();
        for (String volumeId : volumeIds) {
            volumes.add(new JsonObject().put("volumeId", volumeId).put("dataGen", "c3".repeat(16)));
        }
        return new JsonObject()
                .put("generation", "3")
                .put("writtenGeneration", "3")
                .put("committedEpoch", epoch)
                .put("previousEpoch", "0")
                .put("committedFuzzy", false)
                .put("volumes", volumes);
    }

    JsonObject committed(String serverId, String epoch, String... volumeIds) {
        return durable(serverId)
                .put("sourceServerId", SOURCE)
                .put("cause", "COMMITTED")
                .put("dataReplicationInfo", info("CONTINUOUS"))
                .put("record", record(epoch, volumeIds));
    }

    String assign(String serverId, boolean fresh) {
        return simulator.fleet().assign(SOURCE, serverId, List.of(new VolumeTarget("/dev/sda", "vol-1", null, fresh)));
    }

    JsonObject agentConfiguration() throws IOException, InterruptedException {
        Answer answer =
                agent.call("GetAgentRuntimeConfigurationForMgn", new JsonObject().put("sourceServerId", SOURCE));
        assertThat(answer.status()).isEqualTo(200);
        return answer.body();
    }

    void assertNoViolations() {
        assertThat(simulator.violations()).isEmpty();
    }

    static void assertRefused(Answer answer, ErrorCode error) {
        assertThat(answer.body().getString("code")).as(answer.body().encode()).isEqualTo(error.code());
        assertThat(answer.status()).isEqualTo(error.status());
        assertThat(answer.header("x-amzn-ErrorType")).isEqualTo(error.code());
        assertThat(answer.header("x-amzn-RequestId")).isNotEmpty();
    }
}
