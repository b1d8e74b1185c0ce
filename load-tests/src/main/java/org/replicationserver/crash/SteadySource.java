package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Another source server, whose one session replicates all the time whatever befalls the others. A thread of its own. */
final class SteadySource implements AutoCloseable {
    private static final int VOLUME_BYTES = 1 << 20;
    private static final int STREAMS = 2;
    private static final int BLOCKS_CHANGED = 4;
    private static final int PAUSE_MILLIS = 20;
    private static final Duration END_TIMEOUT = Duration.ofSeconds(60);

    /** Of a cycle of a few blocks, which takes some milliseconds on an idle machine. */
    private static final Duration CYCLE_MAX = Duration.ofSeconds(5);

    private final Replication replication;
    private final Random random;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread thread;

    // of the thread, until it has ended
    private long longestNanos;
    private @Nullable Throwable failure;

    private SteadySource(ServerProcess server, TestSource assigned, Random random) {
        this.replication = new Replication(assigned, new DirtySource(1, VOLUME_BYTES), STREAMS);
        this.random = random;
        this.thread = Thread.ofPlatform().daemon().name("steady-source").start(() -> replicate(server));
    }

    /** What is to be assigned to it. */
    static TestSource assigned(Path directory, String sourceServerId) throws CertificateStoreException {
        return TestSource.of(directory, sourceServerId, VOLUME_BYTES);
    }

    static SteadySource begin(ServerProcess server, TestSource assigned, Random random) {
        return new SteadySource(server, assigned, random);
    }

    private void replicate(ServerProcess server) {
        try (RawAgent agent = replication.openSession(server)) {
            replication.cycle(agent, () -> {});
            do {
                long beganNanos = System.nanoTime();
                replication.source().change(random, BLOCKS_CHANGED);
                replication.cycle(agent, () -> {});
                longestNanos = Math.max(longestNanos, System.nanoTime() - beganNanos);
            } while (!stopping.await(PAUSE_MILLIS, TimeUnit.MILLISECONDS));
            agent.bye();
        } catch (IOException | ProtocolException | InterruptedException | AssertionError e) {
            failure = e;
        }
    }

    /** Ends it; it must not have been disturbed. The longest time that one cycle took. */
    Duration finish() throws IOException, InterruptedException {
        stopping.countDown();
        if (!thread.join(END_TIMEOUT)) {
            throw new AssertionError("the session of another source server stands still");
        }
        if (failure != null) {
            throw new AssertionError("the session of another source server was disturbed: " + failure, failure);
        }
        Duration longest = Duration.ofNanos(longestNanos);
        if (longest.compareTo(CYCLE_MAX) > 0) {
            throw new AssertionError("another source server was slowed: " + replication.commits()
                    + " commits, of which one took " + longest);
        }
        replication.assertIdentical();
        return longest;
    }

    @Override
    public void close() {
        stopping.countDown();
    }
}
