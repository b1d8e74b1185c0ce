package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.Ec2Proxy;
import org.replicationserver.controlplane.Ec2Proxy.Fault;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.Irregularity;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.ServerProcess;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Snapshot;

/**
 * The life of a replication server, against real servers, each step with a fault in it: it looks at what it needs, starts, fetches software,
 * finds its volumes, replicates, is killed, holds, makes snapshots, and goes back to older software.
 */
@Tag("long")
@Tag("alone")
@Timeout(600)
final class WholeWayTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-1";
    private static final int DISKS = 2;
    private static final int DISK_BYTES = 32 << 20;
    private static final int VOLUME_BYTES = 40 << 20;
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @TempDir
    Path directory;

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final List<String> volumeIds = new ArrayList<>();
    private final List<Path> disks = new ArrayList<>();
    private final List<Path> backings = new ArrayList<>();
    private ControlPlaneWorld world;
    private Ec2Client ec2;
    private Ec2Proxy ec2Proxy;
    private S3Server s3;
    private NvmeNamespace nvme;
    private ServerProcess.Plan plan;

    @BeforeEach
    void begin() throws Exception {
        nvme = NvmeNamespace.in(directory.resolve("machine"));
        parts.push(nvme);
        MotoServer moto = MotoServer.start();
        parts.push(moto);
        world = new ControlPlaneWorld(directory);
        parts.push(world);
        s3 = S3Server.start(directory.resolve("s3"), region());
        parts.push(s3);
        ec2Proxy = Ec2Proxy.start(moto.endpoint(), directory.resolve("control-plane"));
        parts.push(ec2Proxy);
        ec2 = moto.client(region());
        parts.push(ec2);
        plan = world.server(SERVER)
                .under(nvme.command())
                .jvm("-Djdk.net.hosts.file=" + hosts())
                .set("aws.ca-file=" + authorities())
                .set("aws.region=" + region())
                .set("volume.discovery=nvme")
                .set("control.poll-wait-seconds=1")
                .set("control.progress-interval-seconds=1")
                .set("software.allow-private-addresses=true")
                .set("snapshot.endpoint=" + ec2Proxy.endpoint())
                .set("snapshot.requests-interval-seconds=1")
                .set("snapshot.completion-interval-seconds=1");
        for (int i = 0; i < DISKS; i++) {
            disks.add(Files.write(directory.resolve("disk-" + i), Images.random(i, DISK_BYTES)));
            backings.add(Files.write(directory.resolve("backing-" + i), new byte[VOLUME_BYTES]));
            volumeIds.add(MotoServer.createVolume(ec2, region()));
        }
    }

    @AfterEach
    void end() throws Exception {
        while (!parts.isEmpty()) {
            parts.pop().close();
        }
    }

    private String region() {
        return world.simulator().region();
    }

    /** What the names of this machine and of the buckets lead to. */
    private Path hosts() throws IOException {
        return Files.writeString(directory.resolve("hosts"), Files.readString(s3.hosts()) + "127.0.0.1 localhost\n");
    }

    private Path authorities() throws IOException {
        Path controlPlane = directory.resolve("control-plane/control-plane-ca.cert.pem");
        return Files.writeString(
                directory.resolve("authorities.pem"),
                Files.readString(controlPlane) + Files.readString(s3.authority()));
    }

    private Fleet fleet() {
        return world.simulator().fleet();
    }

    private JsonObject info() {
        JsonObject info = fleet().sourceServer(SOURCE).info();
        return info == null ? new JsonObject() : info;
    }

    private JsonObject result(String commandId) {
        Awaitility.await(commandId)
                .atMost(PATIENCE)
                .until(() -> !fleet().command(commandId).status().isEmpty());
        return Objects.requireNonNull(fleet().command(commandId).result());
    }

    // --- preflight

    /** The verdict of each check. */
    private Map<String, String> preflight(int exitCode) throws Exception {
        Commands.Result run = Commands.run(plan.cliAsServer("preflight", "--json"));
        assertThat(run.exitCode()).as(run.output()).isEqualTo(exitCode);
        JsonArray checks = new JsonObject(run.output().substring(run.output().indexOf('{'))).getJsonArray("checks");
        return IntStream.range(0, checks.size())
                .mapToObj(checks::getJsonObject)
                .collect(Collectors.toMap(
                        check -> check.getString("check"), check -> check.getString("verdict"), (a, b) -> a + " " + b));
    }

    private void preflightTellsWhatIsAwayAndPassesWhenItIsThere() throws Exception {
        Path hosts = directory.resolve("hosts");
        String all = Files.readString(hosts);
        Files.writeString(
                hosts,
                all.lines().filter(line -> !line.contains(" amazon-ssm-")).collect(Collectors.joining("\n", "", "\n")));
        assertThat(preflight(69).entrySet())
                .filteredOn(check ->
                        !check.getValue().equals("OK") && !check.getValue().equals("SKIP"))
                .as("one bucket has no address")
                .singleElement()
                .satisfies(check -> assertThat(check.getKey()).contains("amazon-ssm-"));
        Files.writeString(hosts, all);
        assertThat(preflight(0)).doesNotContainValue("FAIL").hasSizeGreaterThan(10);
    }

    // --- software

    private JsonObject fetch(String key, String version) {
        return result(fleet().issue(
                        SERVER,
                        new JsonObject()
                                .put("type", "FETCH_SOFTWARE")
                                .put(
                                        "parameters",
                                        new JsonObject()
                                                .put("bucket", s3.bucket())
                                                .put("key", key)
                                                .put("name", "converter")
                                                .put("version", version))));
    }

    private Path currentSoftware() {
        return directory.resolve(SERVER).resolve("state/software/current/converter");
    }

    private static byte[] software(int version) {
        return ("software " + version + "\n").repeat(100_000).getBytes(StandardCharsets.US_ASCII);
    }

    private void softwareIsFetchedButNoneThatIsNotWhatItSays() throws Exception {
        s3.publish("1/converter", software(1), true);
        s3.publish("2/converter", software(2), software(3), true);
        assertThat(fetch("1/converter", "1").getString("status")).isEqualTo("SUCCEEDED");
        JsonObject wrong = fetch("2/converter", "2");
        assertThat(wrong.getString("message")).startsWith("HASH_DIFFERS: ");
        assertThat(installed()).isEqualTo(software(1));
        s3.publish("2/converter", software(2), true);
        assertThat(fetch("2/converter", "2").getString("status")).isEqualTo("SUCCEEDED");
        assertThat(installed()).isEqualTo(software(2));
    }

    private byte[] installed() throws IOException {
        return Files.readAllBytes(currentSoftware().resolve("converter"));
    }

    private void softwareIsRolledBackAndNothingOlderIsFetchedAfterwards() throws Exception {
        Commands.Result rolledBack = Commands.run(plan.cliAsServer("software", "rollback", "converter"));
        assertThat(rolledBack.exitCode()).as(rolledBack.output()).isZero();
        assertThat(installed()).isEqualTo(software(1));
        s3.publish("old/converter", software(0), true);
        assertThat(fetch("old/converter", "1.5").getString("message")).startsWith("VERSION_LOWER: ");
        assertThat(installed()).isEqualTo(software(1));
    }

    // --- volumes

    private void volumesAreFoundWhenTheyAppearByTheirSerialNumbers() throws Exception {
        List<VolumeTarget> targets = new ArrayList<>();
        for (int i = 0; i < DISKS; i++) {
            targets.add(new VolumeTarget(deviceName(i), volumeIds.get(i), null, true));
        }
        fleet().assign(SOURCE, SERVER, targets);
        nvme.attach(volumeIds.get(0), backings.get(0));
        Awaitility.await("what is waited for")
                .atMost(PATIENCE)
                .until(() -> info().encode().contains("VOLUME_AWAITED")
                        && info().encode().contains(volumeIds.get(1)));
        nvme.attach(volumeIds.get(1), backings.get(1));
        Awaitility.await("both")
                .atMost(PATIENCE)
                .until(() -> !Explanations.codes(info()).contains("VOLUME_AWAITED"));
    }

    private static String deviceName(int disk) {
        return "/dev/sd" + (char) ('a' + disk);
    }

    // --- replication

    private ReplicationAgent startAgent() throws Exception {
        SourceDisk[] sources = IntStream.range(0, DISKS)
                .mapToObj(i -> new SourceDisk(deviceName(i), disks.get(i)))
                .toArray(SourceDisk[]::new);
        AgentOptions options = world.agent(SOURCE, sources)
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, Duration.ofMillis(500));
        ReplicationAgent agent = ReplicationAgent.start(options, event -> {});
        parts.push(() -> {
            agent.stop();
            agent.awaitEnd(PATIENCE);
        });
        Awaitility.await("the registration")
                .atMost(PATIENCE)
                .until(() -> fleet().sourceServers().stream()
                        .anyMatch(known -> known.sourceServerId().equals(SOURCE)));
        return agent;
    }

    private void replicaBecomesTheSourceAlthoughTheServerIsKilledMeanwhile(ServerProcess server, ReplicationAgent agent)
            throws Exception {
        Awaitility.await("some data")
                .pollInterval(Duration.ofMillis(5))
                .atMost(PATIENCE)
                .until(() -> agent.report().durableBytes() > DISK_BYTES / 4);
        server.sigkill();
        server.restart();
        awaitReplica();
        assertThat(agent.report().bytesResent())
                .as("only what was not acknowledged")
                .isLessThan(DISKS * (long) DISK_BYTES / 2);
    }

    private void awaitReplica() {
        Awaitility.await("CONTINUOUS and identical")
                .atMost(PATIENCE)
                .until(() -> fleet().sourceServer(SOURCE).state().equals("CONTINUOUS")
                        && Arrays.equals(firstBytes(0), Files.readAllBytes(disks.get(0)))
                        && Arrays.equals(firstBytes(1), Files.readAllBytes(disks.get(1))));
    }

    /** Of the volume that has a disk. */
    private byte[] firstBytes(int disk) throws IOException {
        return Arrays.copyOf(Files.readAllBytes(backings.get(disk)), DISK_BYTES);
    }

    // --- snapshots

    private void snapshotsAreOfOneMomentAlthoughEc2IsSlowAndBusy() throws Exception {
        List<byte[]> atCommit = List.of(firstBytes(0), firstBytes(1));
        ec2Proxy.fail("CreateSnapshot", volumeIds.get(0), Fault.refusal(503, "RequestLimitExceeded"));
        ec2Proxy.fail("CreateSnapshot", volumeIds.get(1), Fault.delay(4000));
        String commandId = fleet().issue(SERVER, "CREATE_SNAPSHOT", SOURCE);
        Awaitility.await("the slow request")
                .atMost(PATIENCE)
                .until(() -> ec2Proxy.count("CreateSnapshot", volumeIds.get(1)) == 1);
        for (int i = 0; i < DISKS; i++) {
            byte[] changed = Files.readAllBytes(disks.get(i));
            Arrays.fill(changed, 0, 1 << 20, (byte) 'x');
            Files.write(disks.get(i), changed);
        }
        Awaitility.await("both snapshots")
                .atMost(PATIENCE)
                .until(() -> volumeIds.stream().allMatch(id -> snapshotsOf(id).size() == 1));
        for (int i = 0; i < DISKS; i++) {
            assertThat(Arrays.equals(firstBytes(i), atCommit.get(i)))
                    .as("volume %d at the second request", i)
                    .isTrue();
        }
        assertThat(fleet().command(commandId).status())
                .as("the hold lasts still")
                .isEmpty();

        JsonObject result = result(commandId);
        assertThat(result.getString("status")).as(result.encode()).isEqualTo("SUCCEEDED");
        JsonObject output = result.getJsonObject("output");
        for (String volumeId : volumeIds) {
            Snapshot snapshot = snapshotsOf(volumeId).getFirst();
            assertThat(output.getJsonArray("snapshotIds")).contains(snapshot.snapshotId());
            assertThat(snapshot.tags())
                    .extracting(tag -> tag.key() + "=" + tag.value())
                    .contains(
                            "AWSApplicationMigrationServiceManaged=mgn",
                            "AWSApplicationMigrationServiceSourceServerID=" + SOURCE,
                            "ReplicationSnapshotGroupId=" + output.getString("snapshotGroupId"));
        }
        Awaitility.await("the registration and the completion")
                .atMost(PATIENCE)
                .until(() -> fleet().snapshotGroups().size() == 1 && info().containsKey("lastSnapshotDateTime"));
        assertThat(fleet().snapshotGroups().getFirst().getBoolean("consistent")).isTrue();
        awaitReplica();
    }

    private List<Snapshot> snapshotsOf(String volumeId) {
        return MotoServer.snapshotsOf(ec2, volumeId);
    }

    @Test
    void serverLivesThroughItsWholeLife() throws Exception {
        preflightTellsWhatIsAwayAndPassesWhenItIsThere();
        try (ServerProcess server = plan.start()) {
            softwareIsFetchedButNoneThatIsNotWhatItSays();
            ReplicationAgent agent = startAgent();
            volumesAreFoundWhenTheyAppearByTheirSerialNumbers();
            replicaBecomesTheSourceAlthoughTheServerIsKilledMeanwhile(server, agent);
            snapshotsAreOfOneMomentAlthoughEc2IsSlowAndBusy();
            softwareIsRolledBackAndNothingOlderIsFetchedAfterwards();
            assertThat(preflight(0)).as("beside the running server").doesNotContainValue("FAIL");
            assertThat(server.logSinceStart()).doesNotContain("fault of this program", "fault of ours");
        }
        for (Path backing : backings) {
            assertThat(Arrays.copyOfRange(Files.readAllBytes(backing), DISK_BYTES, VOLUME_BYTES))
                    .as("what lies behind the disk was never touched")
                    .containsOnly(0);
        }
        assertThat(world.simulator().violations()).isEmpty();
        assertThat(fleet().irregularities())
                .as("a server that was killed may tell the newest again")
                .extracting(Irregularity::kind)
                .isSubsetOf(Irregularity.Kind.BACK);
    }
}
