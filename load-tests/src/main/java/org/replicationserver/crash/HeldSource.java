package org.replicationserver.crash;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentStartException;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.ServerAddress;
import org.replicationserver.agent.ServerPins;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.harness.AdminRequests;
import org.replicationserver.harness.AdminRequests.Reply;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.NetworkProxy;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.Children;
import org.replicationserver.process.RunException;
import org.replicationserver.process.Waiting;

/**
 * One source server of a {@link HoldRun}: its disks, which are written all the time, its agent, and who holds it. What must not be is
 * thrown as an {@link AssertionError}. Its driver's thread, but for what the neighbour asks.
 */
final class HeldSource {
    private static final int[] DISK_BYTES = {4 << 20, 2 << 20, 1 << 20};
    private static final int STREAMS = 2;

    /** Of the first source, which commits all the time; the others rest longer, so that they commit when the server asks. */
    private static final Duration CYCLE_PAUSE = Duration.ofMillis(20);

    private static final Duration CYCLE_PAUSE_LONG = Duration.ofSeconds(2);

    private static final int SECONDS_EXPIRING = 2;
    private static final int SECONDS_MIN = 10;
    private static final int SECONDS_MAX = 30;
    private static final int COMMIT_SECONDS = 60;
    private static final int PAUSE_MILLIS_MAX = 100;

    /** One in so many holds is asked for a second time while it is there, and looked for in the status. */
    private static final int HOLDS_PER_LOOK = 4;

    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final Duration TOOL_TIMEOUT = Duration.ofSeconds(10);

    private final Path directory;
    private final long seed;
    final int number;
    final String id;
    final TestSource assigned;
    private final Random random;
    private final MarkedSource source;
    private final Path files;
    private final HoldRun.Done done;

    /** Of the one that waits for its neighbour; were both held and waiting, neither would commit before its hold ends. */
    private final Semaphore waiting;

    private @Nullable NetworkProxy network;
    private @Nullable ReplicationAgent agent;
    private @Nullable AdminRequests admin;
    private @Nullable HeldSource neighbour;

    HeldSource(Path directory, long seed, int number, HoldRun.Done done, Semaphore waiting)
            throws IOException, InterruptedException, CertificateStoreException {
        this.directory = directory;
        this.seed = seed;
        this.number = number;
        this.done = done;
        this.waiting = waiting;
        this.id = "s-" + number;
        this.random = new Random(seed + number);
        this.files = Files.createDirectories(directory.resolve("source-" + number));
        Path identity = files.resolve("identity");
        AgentKey key = new AgentKey(
                id,
                AgentIdentity.loadOrCreate(identity, id),
                identity.resolve("agent.cert.pem"),
                identity.resolve("agent.key.pem"));
        assigned = TestSource.of(
                        directory, id, Arrays.stream(DISK_BYTES).asLongStream().toArray())
                .withKey(key);
        source = new MarkedSource(files, id, seed + number, this::pipe, DISK_BYTES);
    }

    /** Starts the agent, and the writer once all has been committed. */
    void begin(Endpoint server, AdminRequests administrator, HeldSource neighbour)
            throws IOException, InterruptedException, AgentStartException {
        admin = administrator;
        this.neighbour = neighbour;
        source.start();
        NetworkProxy proxy = NetworkProxy.to(server.port());
        network = proxy;
        List<SourceDisk> disks = new ArrayList<>();
        for (int i = 0; i < DISK_BYTES.length; i++) {
            disks.add(new SourceDisk(assigned.volume(i).deviceName(), source.disk(i)));
        }
        AgentOptions options = AgentOptions.of(
                        disks,
                        new ServerAddress(Endpoint.HOST, proxy.port()),
                        ServerPins.of(server.pin()),
                        id,
                        files.resolve("identity"))
                .withStreams(STREAMS)
                .withMarkCommand(source.markCommand())
                .withCycles(AgentOptions.ENDLESS, number == 0 ? CYCLE_PAUSE : CYCLE_PAUSE_LONG)
                .withSeed(seed + number);
        ReplicationAgent started = ReplicationAgent.start(options, event -> {});
        agent = started;
        await("the first commit", () -> committedEpoch() > 0);
    }

    private ReplicationAgent agent() {
        return Objects.requireNonNull(agent);
    }

    private long committedEpoch() {
        return agent().report().committedEpoch();
    }

    private void await(String awaited, BooleanSupplier reached) throws InterruptedException {
        try {
            Waiting.until(
                    awaited + " of " + id,
                    PATIENCE,
                    () -> ", " + agent().report().phase() + ", committed epoch " + committedEpoch(),
                    () -> {
                        if (source.failure() != null || agent().report().outcome() != null) {
                            throw new RunException(id + " ended: " + source.failure() + " "
                                    + agent().report().outcome());
                        }
                        return reached.getAsBoolean();
                    });
        } catch (RunException e) {
            throw new AssertionError(e.getMessage(), e);
        }
    }

    // --- one hold

    void hold() throws IOException, InterruptedException {
        HoldKind kind = HoldKind.draw(random);
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(PAUSE_MILLIS_MAX)));
        int seconds = kind == HoldKind.EXPIRED ? SECONDS_EXPIRING : random.nextInt(SECONDS_MIN, SECONDS_MAX + 1);
        long askedNanos = System.nanoTime();
        CompletableFuture<Reply> answer = post("hold/" + seconds + "/" + COMMIT_SECONDS);
        if (kind == HoldKind.CUT_BEFORE) {
            Objects.requireNonNull(network).cut();
        }
        Reply reply = get(answer);
        final long heldNanos = System.nanoTime();
        if (!reply.isDone()) {
            throw new AssertionError("a hold of " + id + " was refused: " + reply.body());
        }
        JsonObject held = reply.body();
        final long writtenBytes = source.writtenBytes();
        final long durableBytesOfOther = neighbour().agent().report().durableBytes();
        assertHeld(held, "at the begin of the hold");
        boolean look = random.nextInt(HOLDS_PER_LOOK) == 0 && kind != HoldKind.EXPIRED;
        if (look) {
            assertToldAndNotHeldTwice(held);
        }
        switch (kind) {
            case RELEASED, CUT_BEFORE ->
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(PAUSE_MILLIS_MAX)));
            case RELEASED_LATER -> awaitCommitOfOther();
            case CUT_WHILE_HELD -> {
                long before = agent().report().reconnects();
                Objects.requireNonNull(network).cut();
                await("the end of the session", () -> agent().report().reconnects() > before);
            }
            case EXPIRED -> {
                if (Instant.now().isBefore(until(held))) {
                    // What is read after its end says nothing.
                    readAndCompareUntilItsEnd(held);
                }
                awaitNextEpoch(held);
            }
        }
        if (kind != HoldKind.EXPIRED) {
            assertHeld(held, "at the end of the hold");
        }
        assertReleased(held, kind == HoldKind.EXPIRED ? "EXPIRED" : "VALID");
        final double secondsHeld = (System.nanoTime() - heldNanos) / 1e9;
        final long written = source.writtenBytes() - writtenBytes;
        final long ofOther = neighbour().agent().report().durableBytes() - durableBytesOfOther;
        assertReleased(held, "EXPIRED");
        awaitNextEpoch(held);
        if (look && status().containsKey("hold")) {
            throw new AssertionError(id + " is told to be held after the release: " + status());
        }
        done.add(kind, (heldNanos - askedNanos) / 1e9, secondsHeld, written, ofOther);
    }

    private HeldSource neighbour() {
        return Objects.requireNonNull(neighbour);
    }

    private CompletableFuture<Reply> post(String command) {
        return Objects.requireNonNull(admin).post("/sources/" + id + "/" + command);
    }

    private Reply get(CompletableFuture<Reply> answer) throws IOException, InterruptedException {
        try {
            return answer.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("no answer about " + id + ": " + e, e);
        }
    }

    private void awaitNextEpoch(JsonObject held) throws InterruptedException {
        await("an epoch after " + held.getLong("epoch"), () -> committedEpoch() > held.getLong("epoch"));
    }

    private void awaitCommitOfOther() throws InterruptedException {
        if (!waiting.tryAcquire()) {
            return;
        }
        try {
            long before = neighbour().committedEpoch();
            neighbour()
                    .await(
                            "a commit while " + id + " is held",
                            () -> neighbour().committedEpoch() > before);
        } finally {
            waiting.release();
        }
    }

    private static Instant until(JsonObject held) {
        return Instant.parse(held.getString("untilDateTime"));
    }

    // --- what is asserted

    private void assertHeld(JsonObject held, String when) throws IOException {
        String difference = difference(held);
        if (difference != null) {
            throw new AssertionError(
                    id + " is held at epoch " + held.getLong("epoch") + ", but " + when + " " + difference);
        }
    }

    private void readAndCompareUntilItsEnd(JsonObject held) throws IOException {
        String difference = difference(held);
        if (difference != null && Instant.now().isBefore(until(held))) {
            throw new AssertionError(
                    id + " is held at epoch " + held.getLong("epoch") + ", but before its end " + difference);
        }
    }

    private @Nullable String difference(JsonObject held) throws IOException {
        MarkedSource.Mark mark =
                source.markAt(Instant.parse(held.getString("markDateTime")).toEpochMilli());
        JsonArray volumes = held.getJsonArray("volumes");
        if (volumes.size() != DISK_BYTES.length) {
            return "there are " + volumes.size() + " volumes";
        }
        for (int i = 0; i < DISK_BYTES.length; i++) {
            JsonObject volume = volumes.getJsonObject(i);
            Path path = assigned.path(i);
            if (!path.toString().equals(volume.getString("path"))
                    || !assigned.volume(i).deviceName().equals(volume.getString("deviceName"))) {
                return "disk " + i + " is told as " + volume;
            }
            String difference = source.difference(mark, i, Files.readAllBytes(path));
            if (difference != null) {
                return difference;
            }
        }
        return null;
    }

    private void assertReleased(JsonObject held, String expected) throws IOException, InterruptedException {
        Reply reply = get(post("release/" + held.getString("token")));
        String told = reply.body().getString(reply.isDone() ? "result" : "error", "");
        if (!told.startsWith(expected)) {
            throw new AssertionError("the release of epoch " + held.getLong("epoch") + " of " + id + " says " + told
                    + ", expected is " + expected);
        }
    }

    private void assertToldAndNotHeldTwice(JsonObject held) throws IOException, InterruptedException {
        Reply second = get(post("hold/" + SECONDS_MAX + "/" + COMMIT_SECONDS));
        if (second.isDone() || !second.body().getString("error").contains("ALREADY_HELD")) {
            throw new AssertionError("a second hold of " + id + ": " + second.body());
        }
        JsonObject told = status().getJsonObject("hold");
        if (told == null || !Objects.equals(told.getLong("epoch"), held.getLong("epoch"))) {
            throw new AssertionError(id + " is held, and the status tells " + told);
        }
    }

    private JsonObject status() throws IOException, InterruptedException {
        JsonArray sources =
                get(Objects.requireNonNull(admin).get("/status")).body().getJsonArray("sourceServers");
        for (int i = 0; i < sources.size(); i++) {
            if (sources.getJsonObject(i).getString("sourceServerId").equals(id)) {
                return sources.getJsonObject(i);
            }
        }
        throw new AssertionError("no " + id + " in the status: " + sources);
    }

    // --- the end

    /** Of an agent that runs. */
    void end() throws InterruptedException {
        ReplicationAgent running = agent;
        if (running != null) {
            running.stop();
            if (running.awaitEnd(PATIENCE) == null) {
                throw new AssertionError("the agent of " + id + " does not end");
            }
            agent = null;
        }
    }

    void close() throws IOException, InterruptedException {
        end();
        source.end();
        if (network != null) {
            network.close();
        }
    }

    private Path pipe(Path path) throws IOException, InterruptedException {
        Children.Result made =
                Children.run(TOOL_TIMEOUT, directory.resolve("tool.out"), List.of("mkfifo", path.toString()));
        if (!made.ok()) {
            throw new IOException("mkfifo " + path + ": " + made.output());
        }
        return path;
    }
}
