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

    /** A kill comes after at most so many blocks were sent since the start; an initial sync has 256. */
    private static final int BLOCKS_UNTIL_KILL_IN_INITIAL_SYNC_MAX = 100;

    private static final int BLOCKS_UNTIL_KILL_IN_CYCLES_MAX = 250;

    private static final int NO_KILL = -1;

    /** One in so many kills comes while a session is being opened. */
    private static final int KILLS_PER_KILL_OF_HELLO = 8;

    private static final int KILL_DELAY_MILLIS_MAX = 15;

    private final Path directory;
    private final long seed;
    private final Random random;
    private final DirtySource source = new DirtySource(VOLUMES, VOLUME_BYTES);

    private Hello.@Nullable Remembered remembered;
    private int kills;
    private int killsInInitialSync;
    private int killsOfHello;
    private int killsLeft;
    private int blocksUntilKill;
    private boolean killsHello;
    private @Nullable CompletableFuture<Void> kill;
    private int windowBytes;
    private int commits;
    private long resentBytesMax;

    KillRun(Path directory, long seed) {
        this.directory = directory;
        this.seed = seed;
        this.random = new Random(seed);
    }

    /** At most half of the kills hit the initial sync, and at least one; the others hit cycles. */
    @SuppressWarnings("SystemOut")
    void run(ServerProcess.Plan plan, int killCount) throws Exception {
        kills = killCount;
        killsLeft = killCount;
        // The smallest windows, so that the bound of what is sent again is far below the whole.
        plan.set("memory.budget-bytes=2MiB").set("session.region-shift=20");
        TestSource assigned = TestSource.of(directory, "s-1", VOLUME_BYTES, VOLUME_BYTES);
        try (ServerProcess server = plan.start(assigned)) {
            drawKill();
            while (killsLeft > 0) {
                replicateUntilKilled(server, assigned);
                audit();
                server.restart();
                drawKill();
            }
            replicateOnce(server, assigned);
        }
        for (int volume = 0; volume < VOLUMES; volume++) {
            source.assertIdentical(volume, replica(volume));
        }
        System.out.printf(
                "%d kills, %d of them in the initial sync, %d of a HELLO, %d commits, at most %d of %d allowed bytes resent%n",
                kills, killsInInitialSync, killsOfHello, commits, resentBytesMax, windowsBytes());
        assertThat(killsInInitialSync).isBetween(1, kills - 1);
        assertThat(resentBytesMax).as("a kill that costs nothing tests nothing").isPositive();
    }

    private void drawKill() {
        boolean initialSync = commits == 0;
        blocksUntilKill = NO_KILL;
        killsHello = false;
        if (killsLeft == 0 || (initialSync && 2 * killsInInitialSync >= kills)) {
            return;
        }
        blocksUntilKill =
                random.nextInt(initialSync ? BLOCKS_UNTIL_KILL_IN_INITIAL_SYNC_MAX : BLOCKS_UNTIL_KILL_IN_CYCLES_MAX);
        killsHello = !initialSync && random.nextInt(KILLS_PER_KILL_OF_HELLO) == 0;
    }

    /** What the server allows to be unacknowledged. */
    private long windowsBytes() {
        return (long) VOLUMES * STREAMS * windowBytes;
    }

    private byte[] replica(int volume) throws IOException {
        return Files.readAllBytes(ServerProcess.imageDirectory(directory).resolve("s-1-" + volume + ".img"));
    }

    private void replicateUntilKilled(ServerProcess server, TestSource assigned) throws Exception {
        if (killsHello) {
            killsOfHello++;
            killSoon(server);
        }
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
        assertResentNoMoreThanTheWindows();
    }

    private void assertResentNoMoreThanTheWindows() {
        resentBytesMax = Math.max(resentBytesMax, source.resentBytes());
        assertThat(source.resentBytes()).as("bytes sent again, seed %d", seed).isLessThanOrEqualTo(windowsBytes());
    }

    private void replicateOnce(ServerProcess server, TestSource assigned) throws Exception {
        try (RawAgent agent = openSession(server, assigned)) {
            cycle(server, agent);
            agent.bye();
        }
        assertResentNoMoreThanTheWindows();
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
            if (blocksUntilKill != NO_KILL && blocksUntilKill-- == 0 && kill == null) {
                killSoon(server);
            }
            RawStream stream = agent.streamOf(piece.volume(), piece.offsetBytes());
            stream.awaitRoom(piece.volume(), DirtySource.BLOCK_BYTES);
            source.sending(piece);
            agent.send(piece.volume(), piece.offsetBytes(), piece.content());
        }
        agent.commit();
        commits++;
        remember(agent.welcome(), agent.openedEpoch());
        if (commits == 1 && blocksUntilKill == NO_KILL) {
            drawKill();
        }
        // The commit is told on another connection, so it may overtake them.
        for (RawStream stream : agent.streams()) {
            stream.awaitAllDurable();
        }
        if (!source.dirty().isEmpty()) {
            throw new AssertionError("seed " + seed + ": all is acknowledged, and blocks are dirty");
        }
    }

    /** From another thread and a little later, so that it hits any step of what goes on. */
    private void killSoon(ServerProcess server) {
        int delayMillis = random.nextInt(KILL_DELAY_MILLIS_MAX);
        killsInInitialSync += commits == 0 ? 1 : 0;
        kill = CompletableFuture.runAsync(() -> {
            try {
                Thread.sleep(delayMillis);
                server.sigkill();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private void audit() throws IOException {
        for (int volume = 0; volume < VOLUMES; volume++) {
            try {
                source.assertNothingAcknowledgedIsMissing(volume, replica(volume));
            } catch (AssertionError e) {
                throw new AssertionError(
                        "after kill " + (kills - killsLeft) + ", seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }
}
