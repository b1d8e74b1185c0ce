package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;

/** Replicates a source whose server is killed again and again, and audits the replica after each kill. */
final class KillRun {
    private static final int VOLUMES = 2;
    private static final int STREAMS = 4;
    private static final int VOLUME_BYTES = 8 << 20;
    private static final int BLOCKS_CHANGED = 60;

    /** A kill comes after at most so many blocks were sent since the last one: an initial sync has 256. */
    private static final int BLOCKS_UNTIL_KILL_MAX = 300;

    private static final int KILL_DELAY_MILLIS_MAX = 15;

    private final Path directory;
    private final long seed;
    private final Random random;
    private final DirtySource source = new DirtySource(VOLUMES, VOLUME_BYTES);

    private Hello.@Nullable Remembered remembered;
    private int killsLeft;
    private int blocksUntilKill;
    private @Nullable CompletableFuture<Void> kill;
    private int windowBytes;
    private int commits;
    private long resentBytesMax;

    @SuppressWarnings("SystemOut") // who repeats a failure needs the seed
    KillRun(Path directory, long seed) {
        this.directory = directory;
        this.seed = seed;
        this.random = new Random(seed);
        System.out.println("kills with seed " + seed);
    }

    @SuppressWarnings("SystemOut")
    void run(ServerProcess.Plan plan, int kills) throws Exception {
        killsLeft = kills;
        // The smallest windows, so that the bound of what is sent again is far below the whole.
        plan.set("memory.budget-bytes=2MiB").set("session.region-shift=20");
        TestSource assigned = TestSource.of(directory, "s-1", VOLUME_BYTES, VOLUME_BYTES);
        try (ServerProcess server = plan.start(assigned)) {
            drawKill();
            while (killsLeft > 0) {
                replicateUntilKilled(server, assigned);
                audit(kills - killsLeft);
                server.restart();
                drawKill();
            }
            replicateOnce(server, assigned);
        }
        for (int volume = 0; volume < VOLUMES; volume++) {
            source.assertIdentical(volume, replica(volume));
        }
        System.out.printf(
                "%d kills, %d commits, at most %d of %d allowed bytes resent after one%n",
                kills, commits, resentBytesMax, resentBytesAllowed());
    }

    private void drawKill() {
        blocksUntilKill = killsLeft == 0 ? Integer.MAX_VALUE : random.nextInt(BLOCKS_UNTIL_KILL_MAX);
    }

    private long resentBytesAllowed() {
        return (long) VOLUMES * STREAMS * windowBytes + (long) STREAMS * DirtySource.BLOCK_BYTES;
    }

    private byte[] replica(int volume) throws IOException {
        return Files.readAllBytes(ServerProcess.imageDirectory(directory).resolve("s-1-" + volume + ".img"));
    }

    private void replicateUntilKilled(ServerProcess server, TestSource assigned) throws Exception {
        try (RawAgent agent = openSession(server, assigned)) {
            try {
                while (true) {
                    cycle(server, agent);
                    source.change(random, BLOCKS_CHANGED);
                }
            } catch (IOException e) {
                // The connections are over; what they had received up to the end counts.
                agent.awaitEnd();
            }
        } catch (IOException e) {
            assertThat(kill).as("%s, and no kill", e).isNotNull();
        }
        Objects.requireNonNull(kill, "a session ended and the server was not killed")
                .join();
        kill = null;
        killsLeft--;
        resentBytesMax = Math.max(resentBytesMax, source.resentBytes());
        assertThat(source.resentBytes())
                .as("bytes sent again, seed %d", seed)
                .isLessThanOrEqualTo(resentBytesAllowed());
    }

    private void replicateOnce(ServerProcess server, TestSource assigned) throws Exception {
        try (RawAgent agent = openSession(server, assigned)) {
            cycle(server, agent);
            agent.bye();
        }
        assertThat(source.resentBytes()).isLessThanOrEqualTo(resentBytesAllowed());
    }

    private RawAgent openSession(ServerProcess server, TestSource assigned)
            throws IOException, InterruptedException, ProtocolException {
        source.sessionBegins();
        RawAgent agent = RawAgent.connect(server.endpoint(), assigned, STREAMS, remembered, source::acknowledged);
        Welcome welcome = agent.welcome();
        Welcome.Action expected = remembered == null ? Welcome.Action.RESCAN : Welcome.Action.RESUME;
        if (welcome.volumes().stream().anyMatch(volume -> volume.action() != expected)) {
            throw new AssertionError("seed " + seed + ": " + expected + " expected, came " + welcome);
        }
        remember(welcome, agent.committedEpoch());
        windowBytes = agent.streams().getFirst().limits().windowBytes();
        return agent;
    }

    private void remember(Welcome welcome, long committedEpoch) {
        List<Hello.RememberedDisk> disks = welcome.volumes().stream()
                .map(volume -> new Hello.RememberedDisk(volume.deviceName(), volume.dataGen(), committedEpoch))
                .toList();
        remembered = new Hello.Remembered(welcome.generation(), disks);
    }

    private void cycle(ServerProcess server, RawAgent agent)
            throws IOException, InterruptedException, ProtocolException {
        agent.openNextEpoch();
        for (DirtySource.Piece piece : source.dirty()) {
            if (blocksUntilKill-- == 0) {
                killSoon(server);
            }
            source.sending(piece);
            agent.send(piece.volume(), piece.offsetBytes(), piece.content());
        }
        agent.commit();
        commits++;
        remember(agent.welcome(), agent.openedEpoch());
        if (source.dirty().isEmpty()) {
            return;
        }
        throw new AssertionError("seed " + seed + ": committed, and blocks are not acknowledged");
    }

    /** From another thread and a little later, so that it hits any step of what goes on. */
    private void killSoon(ServerProcess server) {
        int delayMillis = random.nextInt(KILL_DELAY_MILLIS_MAX);
        kill = CompletableFuture.runAsync(() -> {
            try {
                Thread.sleep(delayMillis);
                server.sigkill();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private void audit(int kills) throws IOException {
        for (int volume = 0; volume < VOLUMES; volume++) {
            try {
                source.assertNothingAcknowledgedIsMissing(volume, replica(volume));
            } catch (AssertionError e) {
                throw new AssertionError("after kill " + kills + ", seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }
}
