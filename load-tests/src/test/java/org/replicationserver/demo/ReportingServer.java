package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.replicationserver.controlplane.AccessKey;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ApiClient;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.process.LocalServer;

/** Sends to a control plane what a replication server sends, and what none should. */
final class ReportingServer implements AutoCloseable {
    static final String ID = "i-0123456789abcdef0";
    private static final String OUTBOX = "0123456789abcdef".repeat(2);
    private static final long DISK_BYTES = 8 << 20;

    private final ApiClient client;

    private ReportingServer(URI endpoint, X509Certificate authority, String region, AccessKey key) {
        client = new ApiClient(endpoint, authority, region, key, Clock.systemUTC(), Duration.ofSeconds(20));
    }

    static ReportingServer of(URI endpoint, X509Certificate authority, AccessKey key) {
        return new ReportingServer(endpoint, authority, "us-east-1", key);
    }

    /** One that serves the source server of the demo. */
    static ReportingServer assigned(LocalControlPlane controlPlane) {
        controlPlane
                .fleet()
                .registerAgent(
                        LocalServer.SOURCE_SERVER,
                        "sha256:" + "a1".repeat(32),
                        List.of(new SourceDisk(LocalServer.DEVICE, DISK_BYTES)));
        controlPlane
                .fleet()
                .assign(
                        LocalServer.SOURCE_SERVER,
                        ID,
                        List.of(new VolumeTarget(LocalServer.DEVICE, LocalServer.VOLUME, null, true)));
        return of(
                controlPlane.simulator().endpoint(),
                controlPlane.simulator().authority(),
                controlPlane.simulator().accessKeys().issue(Role.REPLICATION_SERVER));
    }

    int send(String operation, JsonObject body) throws IOException, InterruptedException {
        return client.call(operation, body).status();
    }

    void answer(long sequence, String commandId, String status, String message)
            throws IOException, InterruptedException {
        JsonObject event = new JsonObject()
                .put("outboxId", OUTBOX)
                .put("sequence", sequence)
                .put("observedDateTime", Instant.now().toString());
        assertThat(send(
                        "SendChannelCommandResultForMgn",
                        new JsonObject()
                                .put("replicationServerId", ID)
                                .put("event", event)
                                .put("commandId", commandId)
                                .put("status", status)
                                .put("message", message)))
                .isEqualTo(200);
    }

    void tellProgress(JsonObject info) throws IOException, InterruptedException {
        assertThat(send(
                        "NotifyAgentReplicationProgressForMgn",
                        new JsonObject()
                                .put("replicationServerId", ID)
                                .put("observedDateTime", Instant.now().toString())
                                .put("sourceServerId", LocalServer.SOURCE_SERVER)
                                .put("cause", "PERIODIC")
                                .put("dataReplicationInfo", info)))
                .isEqualTo(200);
    }

    /** A DataReplicationInfo in the initial sync. */
    static JsonObject info(long replicatedBytes) {
        JsonObject disk = new JsonObject()
                .put("deviceName", LocalServer.DEVICE)
                .put("totalStorageBytes", DISK_BYTES)
                .put("replicatedStorageBytes", replicatedBytes)
                .put("rescannedStorageBytes", 0)
                .put("backloggedStorageBytes", 0);
        JsonObject detail = new JsonObject()
                .put("backloggedBytes", 0)
                .put("agentConnected", true)
                .put("agentSinceDateTime", "2026-11-24T08:00:00Z")
                .put("backlogKnown", true);
        for (String list : List.of("rates", "lagAttribution", "explanations", "inconsistentVolumes")) {
            detail.put(list, new JsonArray());
        }
        return new JsonObject()
                .put("dataReplicationState", "INITIAL_SYNC")
                .put("lagDuration", "PT3S")
                .put("replicatedDisks", new JsonArray().add(disk))
                .put("replicatorId", ID)
                .put(
                        "dataReplicationInitiation",
                        new JsonObject()
                                .put("startDateTime", "2026-11-25T08:00:00Z")
                                .put("steps", new JsonArray()))
                .put("detail", detail);
    }

    @Override
    public void close() {
        client.close();
    }
}
