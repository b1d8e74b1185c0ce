package org.replicationserver.crash;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentStartException;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.ServerAddress;
import org.replicationserver.agent.ServerPins;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.TestSource;

/** The reference agent with a disk of its own, a file, behind a network of its own. One thread. */
final class FileAgent implements AutoCloseable {
    static final int STREAMS = 2;
    static final int DISK_BYTES = 2 << 20;
    private static final int BLOCK_BYTES = 4096;
    private static final Duration COMMIT_TIMEOUT = Duration.ofSeconds(90);
    private static final Duration END_TIMEOUT = Duration.ofSeconds(30);
    private static final String SERVER_WAITS = "the server waits for ";

    private final TestSource assigned;
    private final Path disk;
    private final FaultyNetwork network;
    private final ReplicationAgent agent;
    private final AtomicInteger serverWaits;

    private FileAgent(
            TestSource assigned, Path disk, FaultyNetwork network, ReplicationAgent agent, AtomicInteger serverWaits) {
        this.assigned = assigned;
        this.disk = disk;
        this.network = network;
        this.agent = agent;
        this.serverWaits = serverWaits;
    }

    /** What is to be assigned to it. */
    static TestSource assigned(Path directory, String sourceServerId) throws CertificateStoreException {
        Path keys = keys(directory, sourceServerId);
        Identity identity = AgentIdentity.loadOrCreate(keys, sourceServerId);
        return TestSource.of(directory, sourceServerId, DISK_BYTES)
                .withKey(new AgentKey(sourceServerId, identity, keys, keys));
    }

    private static Path keys(Path directory, String sourceServerId) {
        return directory.resolve("agent-" + sourceServerId);
    }

    /** Starts it. After each commit it rests for so long. */
    static FileAgent start(Path directory, TestSource assigned, Endpoint server, Random random, Duration rest)
            throws IOException {
        String id = assigned.sourceServerId();
        Path disk = Images.write(directory.resolve(id + ".disk"), Images.mixed(random.nextLong(), DISK_BYTES));
        FaultyNetwork network = FaultyNetwork.before(server);
        AtomicInteger serverWaits = new AtomicInteger();
        AgentOptions options = AgentOptions.of(
                        List.of(new SourceDisk(assigned.volume(0).deviceName(), disk)),
                        new ServerAddress(
                                Endpoint.HOST, network.endpoint(server).port()),
                        ServerPins.of(server.pin()),
                        id,
                        keys(directory, id))
                .withStreams(STREAMS)
                .withCycles(AgentOptions.ENDLESS, rest)
                .withSeed(random.nextLong());
        try {
            ReplicationAgent agent = ReplicationAgent.start(options, event -> {
                if (event.text().startsWith(SERVER_WAITS)) {
                    serverWaits.incrementAndGet();
                }
            });
            return new FileAgent(assigned, disk, network, agent, serverWaits);
        } catch (AgentStartException e) {
            network.close();
            throw new IOException("the agent does not start: " + e.getMessage(), e);
        }
    }

    FaultyNetwork network() {
        return network;
    }

    /** How often the server has told it by PROGRESS to wait. */
    int serverWaits() {
        return serverWaits.get();
    }

    /** Sessions that it has opened. */
    long sessions() {
        return agent.report().sessions();
    }

    void awaitInitialSync() throws InterruptedException {
        awaitCommitted(1);
    }

    private void awaitCommitted(long epoch) throws InterruptedException {
        if (!agent.awaitCommitted(epoch, COMMIT_TIMEOUT)) {
            throw new AssertionError(assigned.sourceServerId() + ": epoch " + epoch + " was not committed within "
                    + COMMIT_TIMEOUT + ", " + agent.report());
        }
    }

    /** The source writes to its disk. */
    void change(Random random) throws IOException {
        byte[] block = new byte[BLOCK_BYTES];
        random.nextBytes(block);
        try (FileChannel channel = FileChannel.open(disk, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(block), (long) random.nextInt(DISK_BYTES / BLOCK_BYTES) * BLOCK_BYTES);
        }
    }

    void cycleNow() {
        agent.cycleNow();
    }

    /** Nobody writes any more: what is written is replicated, and the replica is what the disk is. */
    void converge() throws IOException, InterruptedException {
        // The first of them may have been read in part before the last write.
        for (int i = 0; i < 2; i++) {
            long next = agent.report().committedEpoch() + 1;
            agent.cycleNow();
            awaitCommitted(next);
        }
        agent.stop();
        if (agent.awaitEnd(END_TIMEOUT) == null) {
            throw new AssertionError(assigned.sourceServerId() + ": the agent does not end");
        }
        Images.assertIdentical(assigned.path(0), disk);
    }

    @Override
    public void close() throws IOException {
        agent.stop();
        network.close();
        Files.deleteIfExists(disk);
    }
}
