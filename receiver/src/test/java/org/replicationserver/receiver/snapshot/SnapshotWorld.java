package org.replicationserver.receiver.snapshot;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.ImdsStub;
import org.replicationserver.receiver.aws.TestCertificates;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.config.SnapshotSettings;
import org.replicationserver.receiver.replication.SnapshotStanding;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldAnswer.Held;
import org.replicationserver.receiver.session.HoldAnswer.NotHeld;
import org.replicationserver.receiver.session.HoldEnd;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.HoldRequest.Origin;
import org.replicationserver.receiver.session.HoldToken;
import org.replicationserver.receiver.session.StandingHold;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.volume.StateDirectory;

/** Those who make snapshot groups, on a real SDK and a real state directory, between EC2, control plane and sessions of the test. */
final class SnapshotWorld implements AutoCloseable, SnapshotDesk, SnapshotHolds, SnapshotEvents {
    static final String SOURCE = "s-1";

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path directory;
    private final ImdsStub instance;
    private final TestCertificates certificates = new TestCertificates();
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final AtomicInteger groupIds = new AtomicInteger();
    final Ec2Stub ec2;

    /** What was done, in its order. */
    final List<String> steps = new CopyOnWriteArrayList<>();

    /** Those of requests, as they were asked for. */
    final List<Duration> pauses = new CopyOnWriteArrayList<>();

    final List<SnapshotGroup> registered = new CopyOnWriteArrayList<>();
    final Map<String, SnapshotStanding> standings = new ConcurrentHashMap<>();

    // what the test may change
    URI endpoint;
    Duration hold = Duration.ofSeconds(20);
    volatile List<VolumeAssignment> volumes;
    volatile int credits = 1000;
    volatile boolean holdIsValid = true;
    volatile @Nullable String notOpen;
    volatile @Nullable NotHeld notHeld;

    /** Other source servers, with the same volumes. */
    final Set<String> others = ConcurrentHashMap.newKeySet();

    /** The same, whose agents do not commit. */
    final Set<String> silent = ConcurrentHashMap.newKeySet();

    volatile @Nullable Throwable registerFailure;
    volatile @Nullable RuntimeException releaseFailure;

    /** Is thrown once. */
    volatile @Nullable RuntimeException tellFailure;

    /** Is done when a registration is kept. */
    CompletableFuture<Void> registering = CompletableFuture.completedFuture(null);

    volatile Map<String, String> tags = Map.of("AWSApplicationMigrationServiceManaged", "mgn", "Stage", "staging");
    Clock clock = Clock.systemUTC();

    SnapshotMaker maker;
    SnapshotStore store;

    SnapshotWorld(Path directory) throws IOException, GeneralSecurityException {
        this.directory = directory;
        this.instance = new ImdsStub();
        this.ec2 = new Ec2Stub(certificates.serverFor("127.0.0.1"));
        this.endpoint = ec2.address();
        this.volumes = volumes(3);
        certificates.writeCa(directory.resolve("ca.pem"));
        start();
    }

    static List<VolumeAssignment> volumes(int number) {
        return IntStream.range(0, number)
                .mapToObj(i -> new VolumeAssignment(
                        volumeId(i),
                        "/dev/sd" + (char) ('a' + i),
                        Path.of("/dev/nvme" + (i + 1) + "n1"),
                        1 << 20,
                        false))
                .toList();
    }

    static String volumeId(int number) {
        return String.format("vol-%017x", number);
    }

    /** Begins a process, as it were. */
    void start() throws IOException {
        StateDirectory state = StateDirectory.open(
                Files.createDirectories(directory.resolve("state")), failure -> steps.add("state failed"));
        parts.push(state);
        AwsSettings aws = new AwsSettings(
                Optional.empty(), false, false, Optional.of(directory.resolve("ca.pem")), CredentialsSource.INSTANCE);
        SnapshotSettings settings = new SnapshotSettings(
                Optional.of(endpoint), hold, Duration.ofSeconds(5), Duration.ofSeconds(60), Duration.ofMillis(200));
        Ec2Snapshots snapshots = new Ec2Snapshots(aws, settings);
        parts.push(snapshots);
        store = SnapshotStore.load(state);
        SnapshotFollower follower = new SnapshotFollower(settings.completionInterval(), snapshots, store, this, clock);
        parts.push(follower);
        maker = new SnapshotMaker(
                settings,
                this,
                this,
                snapshots,
                store,
                follower,
                this,
                () -> "sg-" + groupIds.incrementAndGet(),
                clock,
                this::pause);
        parts.push(maker);
        maker.recover();
        follower.start();
    }

    /** A hundred times as fast. */
    private boolean pause(Duration pause, CountDownLatch stopped) throws InterruptedException {
        pauses.add(pause);
        return RequestPauses.REAL.await(pause.dividedBy(100), stopped);
    }

    /** Ends it. */
    void stop() {
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }

    void restart() throws IOException {
        stop();
        start();
    }

    /** As if the process before had ended after a group was made. */
    void rewind(String groupId, SnapshotGroup group) throws IOException {
        try (StateDirectory state = StateDirectory.open(directory.resolve("state"), failure -> {
            throw new AssertionError(failure);
        })) {
            JsonObject content = new JsonObject()
                    .put(
                            "groups",
                            SnapshotJson.list(List.of(SnapshotJson.of(
                                    SnapshotGroup.begun(groupId, SOURCE, group.triggers(), group.begunMillis())
                                            .made(
                                                    group.epoch(),
                                                    group.markMillis(),
                                                    group.takenMillis(),
                                                    group.snapshots())))));
            state.store(SnapshotStore.RECORD, content.encode().getBytes(StandardCharsets.UTF_8))
                    .toCompletableFuture()
                    .join();
        }
    }

    /** From now on nothing can be stored. */
    void breakStateDirectory() throws IOException {
        Path state = directory.resolve("state");
        Files.move(state, directory.resolve("state-gone"));
        Files.writeString(state, "no directory");
    }

    SnapshotResult make(SnapshotTrigger... triggers) throws Exception {
        List<SnapshotTrigger> all =
                triggers.length == 0 ? List.of(SnapshotTrigger.command("c-" + System.nanoTime())) : List.of(triggers);
        return maker.make(SOURCE, all).toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    SnapshotStanding standing() {
        return standings.getOrDefault(SOURCE, SnapshotStanding.NONE);
    }

    // --- the control plane

    @Override
    public Credits credits(String sourceServerId) {
        steps.add("credits");
        return new Credits(credits, credits > 0 ? null : Instant.parse("2026-05-01T00:10:00Z"));
    }

    @Override
    public Map<String, String> start(String groupId, String sourceServerId) {
        steps.add("start");
        return tags;
    }

    @Override
    public CompletionStage<Void> register(SnapshotGroup group) {
        steps.add("register");
        Throwable failure = registerFailure;
        if (failure != null) {
            return CompletableFuture.failedStage(failure);
        }
        registered.add(group);
        return registering;
    }

    // --- the sessions

    @Override
    public CompletionStage<@Nullable List<VolumeAssignment>> volumes(String sourceServerId) {
        boolean assigned =
                sourceServerId.equals(SOURCE) || others.contains(sourceServerId) || silent.contains(sourceServerId);
        return CompletableFuture.completedStage(assigned ? volumes : null);
    }

    @Override
    public CompletionStage<@Nullable String> notOpen(String sourceServerId) {
        return CompletableFuture.completedStage(notOpen);
    }

    @Override
    public CompletionStage<HoldAnswer> hold(String sourceServerId, HoldRequest request) {
        steps.add("hold");
        if (silent.contains(sourceServerId)) {
            return new CompletableFuture<>();
        }
        NotHeld none = notHeld;
        HoldToken token = new HoldToken(sourceServerId, "token");
        return CompletableFuture.completedStage(
                none == null ? new Held(token, new StandingHold(Origin.SNAPSHOT_GROUP, 43, 0), 4300, volumes) : none);
    }

    @Override
    public CompletionStage<HoldEnd> release(HoldToken token) {
        steps.add("release");
        RuntimeException failure = releaseFailure;
        if (failure != null) {
            return CompletableFuture.failedStage(failure);
        }
        return CompletableFuture.completedStage(holdIsValid ? HoldEnd.VALID : HoldEnd.EXPIRED);
    }

    // --- what is told

    @Override
    public void ended(String sourceServerId, SnapshotOutcome outcome) {
        steps.add(outcome.name());
        RuntimeException failure = tellFailure;
        if (failure != null) {
            tellFailure = null;
            throw failure;
        }
    }

    @Override
    public void standing(String sourceServerId, SnapshotStanding standing) {
        standings.put(sourceServerId, standing);
    }

    @Override
    public void close() {
        stop();
        ec2.close();
        instance.close();
    }
}
