package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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

    /** Before anything befalls the others. */
    static final int CYCLES_UNDISTURBED = 25;

    /**
     * How long half of the cycles may take, and any one. A cycle of a few blocks takes some milliseconds on an idle machine; on one that has
     * other things to do it takes longer before the trouble as well.
     */
    private static final Bound HALF = new Bound(3, Duration.ofMillis(200));

    private static final Bound ANY = new Bound(20, Duration.ofSeconds(5));

    /** So many times what half of them took before the trouble, and so much more. */
    private record Bound(int factor, Duration added) {
        boolean allows(Duration took, Duration before) {
            return took.compareTo(before.multipliedBy(factor).plus(added)) <= 0;
        }
    }

    private final Replication replication;
    private final Random random;
    private final CountDownLatch measured = new CountDownLatch(1);
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread thread;

    // of the thread, until it has ended
    private final List<Long> cyclesNanos = new ArrayList<>();
    private @Nullable Throwable failure;

    private SteadySource(ServerProcess server, TestSource assigned, Random random) {
        this.replication = new Replication(assigned, new DirtySource(1, VOLUME_BYTES), STREAMS);
        // Of its own, since the other thread draws as well.
        this.random = new Random(random.nextLong());
        this.thread = Thread.ofPlatform().daemon().name("steady-source").start(() -> replicate(server));
    }

    /** What is to be assigned to it. */
    static TestSource assigned(Path directory, String sourceServerId) throws CertificateStoreException {
        return TestSource.of(directory, sourceServerId, VOLUME_BYTES);
    }

    /** Returns when it has replicated for a moment, so that it is known how long its cycles take. */
    static SteadySource begin(ServerProcess server, TestSource assigned, Random random) throws InterruptedException {
        SteadySource source = new SteadySource(server, assigned, random);
        // Where this takes too long the end tells.
        boolean _ = source.measured.await(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        return source;
    }

    private void replicate(ServerProcess server) {
        try (RawAgent agent = replication.openSession(server)) {
            replication.cycle(agent, () -> {});
            do {
                long beganNanos = System.nanoTime();
                replication.source().change(random, BLOCKS_CHANGED);
                replication.cycle(agent, () -> {});
                cyclesNanos.add(System.nanoTime() - beganNanos);
                if (cyclesNanos.size() == CYCLES_UNDISTURBED) {
                    measured.countDown();
                }
            } while (!stopping.await(PAUSE_MILLIS, TimeUnit.MILLISECONDS) || cyclesNanos.size() <= CYCLES_UNDISTURBED);
            agent.bye();
        } catch (IOException | ProtocolException | InterruptedException | RuntimeException | AssertionError e) {
            failure = e;
        } finally {
            measured.countDown();
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
        requireNotSlowed(cyclesNanos);
        replication.assertIdentical();
        return nanos(cyclesNanos, 1);
    }

    /** The cycles in their order; those before the trouble come first. */
    static void requireNotSlowed(List<Long> cyclesNanos) {
        Duration longest = nanos(cyclesNanos, 1);
        Duration before = nanos(cyclesNanos.subList(0, CYCLES_UNDISTURBED), 0.5);
        Duration median = nanos(cyclesNanos.subList(CYCLES_UNDISTURBED, cyclesNanos.size()), 0.5);
        if (!HALF.allows(median, before) || !ANY.allows(longest, before)) {
            throw new AssertionError("another source server was slowed: of " + cyclesNanos.size()
                    + " cycles one, number "
                    + (1 + cyclesNanos.indexOf(longest.toNanos())) + ", took " + longest + "; half took up to " + before
                    + " at first and then " + median);
        }
    }

    /** So long or less took this share of the cycles, or a cycle more. */
    private static Duration nanos(List<Long> cyclesNanos, double share) {
        List<Long> sorted = cyclesNanos.stream().sorted().toList();
        return Duration.ofNanos(sorted.get(Math.min((int) (share * sorted.size()), sorted.size() - 1)));
    }

    @Override
    public void close() {
        stopping.countDown();
    }
}
