package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Replicates a source whose server is killed again and again, and audits the replica after each kill. */
public final class KillRun {
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

    /**
     * What was done.
     *
     * @param resentBytesMax the most that a session had to send again
     * @param windowsBytes what it might have had to
     */
    public record Done(
            int kills, int killsInInitialSync, int killsOfHello, int commits, long resentBytesMax, long windowsBytes) {
        public String text() {
            return String.format(
                    "%d in the initial sync, %d of a HELLO, %d commits, at most %d of %d allowed bytes resent",
                    killsInInitialSync, killsOfHello, commits, resentBytesMax, windowsBytes);
        }
    }

    private final long seed;
    private final Random random;
    private final Replication replication;
    private final TestSource assigned;

    private int kills;
    private int killsInInitialSync;
    private int killsOfHello;
    private int killsLeft;
    private int blocksUntilKill;
    private boolean killsHello;
    private @Nullable CompletableFuture<Void> kill;

    public KillRun(Path directory, long seed) throws CertificateStoreException {
        this.seed = seed;
        this.random = new Random(seed);
        this.assigned = TestSource.of(directory, "s-1", VOLUME_BYTES, VOLUME_BYTES);
        this.replication = new Replication(assigned, new DirtySource(VOLUMES, VOLUME_BYTES), STREAMS);
    }

    /** At most half of the kills hit the initial sync, and at least one; the others hit cycles. */
    public Done run(ServerProcess.Plan plan, int killCount)
            throws IOException, InterruptedException, ProtocolException {
        kills = killCount;
        killsLeft = killCount;
        // The smallest windows, so that the bound of what is sent again is far below the whole.
        plan.set("memory.budget-bytes=2MiB").set("session.region-shift=20");
        try (ServerProcess server = plan.start(assigned)) {
            drawKill();
            while (killsLeft > 0) {
                replicateUntilKilled(server);
                replication.assertNothingAcknowledgedIsMissing();
                server.restart();
                drawKill();
            }
            replication.replicateOnce(server);
            replication.assertIdentical();
        } catch (AssertionError e) {
            throw new AssertionError("after kill " + (kills - killsLeft) + ", seed " + seed + ": " + e.getMessage(), e);
        }
        return new Done(
                kills,
                killsInInitialSync,
                killsOfHello,
                replication.commits(),
                replication.resentBytesMax(),
                replication.windowsBytes());
    }

    private void drawKill() {
        boolean initialSync = replication.commits() == 0;
        blocksUntilKill = NO_KILL;
        killsHello = false;
        if (killsLeft == 0 || (initialSync && 2 * killsInInitialSync >= kills)) {
            return;
        }
        blocksUntilKill =
                random.nextInt(initialSync ? BLOCKS_UNTIL_KILL_IN_INITIAL_SYNC_MAX : BLOCKS_UNTIL_KILL_IN_CYCLES_MAX);
        killsHello = !initialSync && random.nextInt(KILLS_PER_KILL_OF_HELLO) == 0;
    }

    private void replicateUntilKilled(ServerProcess server)
            throws IOException, InterruptedException, ProtocolException {
        if (killsHello) {
            killsOfHello++;
            killSoon(server);
        }
        try (RawAgent agent = replication.openSession(server)) {
            try {
                while (true) {
                    replication.cycle(agent, () -> killAtItsBlock(server));
                    if (replication.commits() == 1 && blocksUntilKill == NO_KILL) {
                        drawKill();
                    }
                    replication.source().change(random, BLOCKS_CHANGED);
                }
            } catch (IOException e) {
                // The connections are over; what they had received up to the end counts.
                agent.awaitEndAfter(e);
                throw e;
            }
        } catch (IOException e) {
            awaitKill(e);
        }
        killsLeft--;
        replication.assertResentNoMoreThanTheWindows();
    }

    /** Nothing but a kill ends a session. */
    private void awaitKill(IOException broken) throws IOException {
        CompletableFuture<Void> begun = kill;
        if (begun == null) {
            throw new AssertionError("a session ended and the server was not killed: " + broken.getMessage(), broken);
        }
        try {
            begun.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof AssertionError found) {
                throw found;
            }
            throw new IOException("the server cannot be killed: " + e.getCause(), e);
        }
        kill = null;
    }

    private void killAtItsBlock(ServerProcess server) {
        if (blocksUntilKill != NO_KILL && blocksUntilKill-- == 0 && kill == null) {
            killSoon(server);
        }
    }

    /** From another thread and a little later, so that it hits any step of what goes on. */
    private void killSoon(ServerProcess server) {
        int delayMillis = random.nextInt(KILL_DELAY_MILLIS_MAX);
        killsInInitialSync += replication.commits() == 0 ? 1 : 0;
        kill = CompletableFuture.runAsync(() -> {
            try {
                Thread.sleep(delayMillis);
                server.sigkill();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }
}
