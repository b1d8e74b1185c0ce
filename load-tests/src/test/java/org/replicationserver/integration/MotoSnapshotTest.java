package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.controlplane.Ec2Proxy;
import org.replicationserver.controlplane.Ec2Proxy.Fault;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.SnapshotSettings;
import org.replicationserver.receiver.replication.SnapshotStanding;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.HoldToken;
import org.replicationserver.receiver.session.StandingHold;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.Ec2Snapshots;
import org.replicationserver.receiver.snapshot.SnapshotDesk;
import org.replicationserver.receiver.snapshot.SnapshotEvents;
import org.replicationserver.receiver.snapshot.SnapshotFollower;
import org.replicationserver.receiver.snapshot.SnapshotGroup;
import org.replicationserver.receiver.snapshot.SnapshotHolds;
import org.replicationserver.receiver.snapshot.SnapshotMaker;
import org.replicationserver.receiver.snapshot.SnapshotOutcome;
import org.replicationserver.receiver.snapshot.SnapshotResult;
import org.replicationserver.receiver.snapshot.SnapshotStore;
import org.replicationserver.receiver.snapshot.SnapshotTrigger;
import org.replicationserver.volume.StateDirectory;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Snapshot;

/**
 * Snapshot groups on an EC2 that this project has not written: what the SDK sends is understood, and found again by its tags. Holds and
 * control plane are the test's.
 */
@Timeout(300)
final class MotoSnapshotTest implements SnapshotDesk, SnapshotHolds, SnapshotEvents {
    private static final String SOURCE = "s-1";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Nullable
    private static MotoServer moto;

    @TempDir
    Path directory;

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final List<SnapshotGroup> registered = new CopyOnWriteArrayList<>();
    private final Map<String, SnapshotStanding> standings = new ConcurrentHashMap<>();
    private final AtomicInteger commands = new AtomicInteger();
    private final AtomicInteger held = new AtomicInteger();
    private List<VolumeAssignment> volumes = List.of();
    private Ec2Client ec2;
    private Ec2Proxy proxy;
    private SnapshotMaker maker;

    @BeforeAll
    static void startMoto() throws Exception {
        moto = MotoServer.start();
    }

    @AfterAll
    static void stopMoto() {
        if (moto != null) {
            moto.close();
        }
    }

    private static MotoServer running() {
        if (moto == null) {
            throw new AssertionError("moto does not run");
        }
        return moto;
    }

    @BeforeEach
    void begin() throws Exception {
        ControlPlaneWorld world = new ControlPlaneWorld(directory);
        parts.push(world);
        System.setProperty(
                "aws.ec2MetadataServiceEndpoint",
                world.instance("i-0123456789abcdef0").instanceMetadata().toString());
        Path authority = directory.resolve("control-plane");
        proxy = Ec2Proxy.start(running().endpoint(), authority);
        parts.push(proxy);
        ec2 = running().client(world.simulator().region());
        parts.push(ec2);
        List<VolumeAssignment> made = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            String id = MotoServer.createVolume(ec2, world.simulator().region());
            made.add(new VolumeAssignment(
                    id, "/dev/sd" + (char) ('a' + i), Path.of("/dev/nvme" + (i + 1) + "n1"), 1 << 20, false));
        }
        volumes = made;
        AwsSettings aws = new AwsSettings(
                Optional.empty(),
                false,
                false,
                Optional.of(authority.resolve("control-plane-ca.cert.pem")),
                CredentialsSource.INSTANCE);
        SnapshotSettings settings = new SnapshotSettings(
                Optional.of(proxy.endpoint()),
                Duration.ofSeconds(30),
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                Duration.ofSeconds(1));
        StateDirectory state = StateDirectory.open(directory.resolve("state"), failure -> {
            throw new AssertionError(failure);
        });
        parts.push(state);
        Ec2Snapshots snapshots = new Ec2Snapshots(aws, settings);
        parts.push(snapshots);
        SnapshotStore store = SnapshotStore.load(state);
        SnapshotFollower follower =
                new SnapshotFollower(settings.completionInterval(), snapshots, store, this, Clock.systemUTC());
        parts.push(follower);
        maker = new SnapshotMaker(
                settings,
                this,
                this,
                snapshots,
                store,
                follower,
                this,
                () -> "sg-" + System.nanoTime(),
                Clock.systemUTC());
        parts.push(maker);
        maker.recover();
        follower.start();
    }

    @AfterEach
    void end() throws Exception {
        while (!parts.isEmpty()) {
            parts.pop().close();
        }
    }

    private SnapshotResult make() throws Exception {
        return maker.make(SOURCE, List.of(SnapshotTrigger.command("c-" + commands.incrementAndGet())))
                .toCompletableFuture()
                .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /** What EC2 has of a volume. */
    private List<Snapshot> snapshotsOf(int volume) {
        return MotoServer.snapshotsOf(ec2, volume(volume));
    }

    private String volume(int number) {
        return volumes.get(number).volumeId();
    }

    @Test
    void eachVolumeHasOneSnapshotWithTheTagsAndTheGroupBecomesComplete() throws Exception {
        SnapshotResult result = make();

        assertThat(result.outcome()).as(result.sentence()).isEqualTo(SnapshotOutcome.MADE);
        for (int i = 0; i < volumes.size(); i++) {
            assertThat(snapshotsOf(i)).singleElement().satisfies(snapshot -> {
                assertThat(result.snapshotIds()).contains(snapshot.snapshotId());
                assertThat(snapshot.description()).contains("at epoch 43");
                assertThat(snapshot.tags())
                        .extracting(tag -> tag.key() + "=" + tag.value())
                        .contains(
                                "AWSApplicationMigrationServiceManaged=mgn",
                                "ReplicationSnapshotGroupId=" + result.groupId(),
                                "ReplicationSourceServerId=" + SOURCE,
                                "ReplicationEpoch=43");
            });
        }
        assertThat(registered)
                .singleElement()
                .satisfies(group -> assertThat(group.snapshots()).hasSize(3));
        Awaitility.await("completion")
                .atMost(PATIENCE)
                .until(() ->
                        standings.getOrDefault(SOURCE, SnapshotStanding.NONE).lastMillis() > 0);
        assertThat(held).hasValue(0);
    }

    @Test
    void throttlingAndLostAnswersMakeNoSecondSnapshot() throws Exception {
        proxy.fail("CreateSnapshot", volume(0), Fault.refusal(503, "RequestLimitExceeded"), Fault.delay(300));
        proxy.fail("CreateSnapshot", volume(1), Fault.cut(true));
        proxy.fail("CreateSnapshot", volume(2), Fault.cut(false), Fault.refusal(503, "RequestLimitExceeded"));

        SnapshotResult result = make();

        assertThat(result.outcome()).as(result.sentence()).isEqualTo(SnapshotOutcome.MADE);
        for (int i = 0; i < volumes.size(); i++) {
            assertThat(snapshotsOf(i)).as(volume(i)).hasSize(1);
        }
        assertThat(proxy.count("CreateSnapshot", volume(1))).isEqualTo(1);
        assertThat(proxy.count("CreateSnapshot", volume(2))).isEqualTo(3);
    }

    @Test
    void volumeThatEc2DoesNotKnowEndsTheGroupAndWhatIsLeftOverIsTold() throws Exception {
        List<VolumeAssignment> withUnknown = new ArrayList<>(volumes);
        withUnknown.add(
                new VolumeAssignment("vol-0000000000000dead", "/dev/sdx", Path.of("/dev/nvme9n1"), 1 << 20, false));
        volumes = withUnknown;

        SnapshotResult result = make();

        assertThat(result.outcome()).isEqualTo(SnapshotOutcome.EC2_REFUSED);
        assertThat(result.sentence()).contains("InvalidVolume.NotFound").contains("vol-0000000000000dead");
        List<String> left = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            snapshotsOf(i).forEach(one -> left.add(one.snapshotId()));
        }
        assertThat(result.snapshotIds()).containsExactlyInAnyOrderElementsOf(left);
        assertThat(registered).isEmpty();
        assertThat(held).hasValue(0);
    }

    // --- the control plane

    @Override
    public Credits credits(String sourceServerId) {
        return new Credits(1, null);
    }

    @Override
    public Map<String, String> start(String groupId, String sourceServerId) {
        return Map.of("AWSApplicationMigrationServiceManaged", "mgn");
    }

    @Override
    public CompletionStage<Void> register(SnapshotGroup group) {
        registered.add(group);
        return CompletableFuture.completedStage(null);
    }

    // --- the sessions

    @Override
    public CompletionStage<@Nullable List<VolumeAssignment>> volumes(String sourceServerId) {
        return CompletableFuture.completedStage(volumes);
    }

    @Override
    public CompletionStage<@Nullable String> notOpen(String sourceServerId) {
        return CompletableFuture.completedStage(null);
    }

    @Override
    public CompletionStage<HoldAnswer> hold(String sourceServerId, HoldRequest request) {
        held.incrementAndGet();
        HoldToken token = new HoldToken(sourceServerId, "token");
        return CompletableFuture.completedStage(
                new HoldAnswer.Held(token, new StandingHold(HoldRequest.Origin.SNAPSHOT_GROUP, 43, 0), 1, volumes));
    }

    @Override
    public CompletionStage<HoldEnd> release(HoldToken token) {
        held.decrementAndGet();
        return CompletableFuture.completedStage(HoldEnd.VALID);
    }

    // --- what is told

    @Override
    public void ended(String sourceServerId, SnapshotOutcome outcome) {}

    @Override
    public void standing(String sourceServerId, SnapshotStanding standing) {
        standings.put(sourceServerId, standing);
    }
}
