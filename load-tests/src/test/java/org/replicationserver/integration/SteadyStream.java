package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Another source server's session that streams while something is done to the server. */
final class SteadyStream implements AutoCloseable {
    private static final int BLOCK_BYTES = 16 * 1024;
    private static final byte[] BLOCK = Images.random(12, BLOCK_BYTES);

    private final RawAgent agent;
    private final CompletableFuture<Long> blocksSent;
    private volatile boolean stopping;

    private SteadyStream(RawAgent agent) {
        this.agent = agent;
        this.blocksSent = CompletableFuture.supplyAsync(
                this::stream,
                task -> Thread.ofPlatform().daemon().name("steady-stream").start(task));
    }

    static SteadyStream begin(Endpoint endpoint, TestSource source)
            throws IOException, InterruptedException, ProtocolException {
        RawAgent agent = RawAgent.connect(endpoint, source, 2);
        agent.openNextEpoch();
        return new SteadyStream(agent);
    }

    private long stream() {
        long blocks = 0;
        long sizeBytes = agent.welcome().volumes().getFirst().sizeBytes();
        try {
            while (!stopping) {
                agent.sendDurably(0, blocks * BLOCK_BYTES % (sizeBytes - BLOCK_BYTES), BLOCK);
                blocks++;
                Thread.sleep(5);
            }
            return blocks;
        } catch (IOException | InterruptedException e) {
            throw new CompletionException("after " + blocks + " blocks", e);
        }
    }

    /** Ends the stream: each block was acknowledged, and the session is the same as ever and commits. */
    void assertUndisturbed() throws Exception {
        stopping = true;
        long blocks = blocksSent.join();
        assertThat(blocks).isPositive();
        assertThat(agent.durableFrames()).isEqualTo(blocks);
        agent.commit();
        agent.bye();
    }

    @Override
    public void close() throws IOException {
        stopping = true;
        agent.close();
    }
}
