package org.replicationserver.integration;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.replicationserver.harness.BlockFrame;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * A session all of whose streams send as fast as they may. What the server has taken from the wire is told by its acknowledgements: each
 * stands for frames whose bytes on the wire, TLS included, were counted when they were sent.
 */
final class FullStreams implements AutoCloseable {
    /** The bytes on the wire of each stream in a time. */
    record Taken(double seconds, List<Long> bytes) {
        double mbps() {
            return 8e-6 * bytes.stream().mapToLong(Long::longValue).sum() / seconds;
        }

        /** Of several, in the same time. */
        static Taken sum(List<Taken> all) {
            return new Taken(
                    all.getFirst().seconds(),
                    all.stream().flatMap(each -> each.bytes().stream()).toList());
        }

        /** How far the stream that had the most or the least is from the average of all, as a part of that. */
        double unfairness() {
            double average = bytes.stream().mapToLong(Long::longValue).average().orElseThrow();
            return bytes.stream()
                    .mapToDouble(each -> Math.abs(each / average - 1))
                    .max()
                    .orElseThrow();
        }
    }

    private final RawAgent agent;
    private final byte[] block;
    private final List<CompletableFuture<Void>> senders = new ArrayList<>();
    private volatile boolean stopping;

    private FullStreams(RawAgent agent, byte[] block) {
        this.agent = agent;
        this.block = block;
        for (int i = 0; i < agent.streams().size(); i++) {
            int stream = i;
            senders.add(CompletableFuture.runAsync(
                    () -> send(stream),
                    task -> Thread.ofPlatform()
                            .daemon()
                            .name("full-stream-" + stream)
                            .start(task)));
        }
    }

    /** @param blockBytes of each frame; it is random, so that it goes stored */
    static FullStreams begin(Endpoint endpoint, TestSource source, int streams, int blockBytes)
            throws IOException, InterruptedException, ProtocolException {
        return begin(endpoint, source, streams, Images.random(13, blockBytes));
    }

    /** @param block of each frame */
    static FullStreams begin(Endpoint endpoint, TestSource source, int streams, byte[] block)
            throws IOException, InterruptedException, ProtocolException {
        RawAgent agent = RawAgent.connect(endpoint, source, streams);
        agent.openNextEpoch();
        return new FullStreams(agent, block);
    }

    /** Over and over the same place, which is in the first region of the stream. */
    private void send(int stream) {
        long offsetBytes = (long) stream << agent.welcome().regionShift();
        try {
            BlockFrame frame = agent.frame(0, offsetBytes, block);
            while (!stopping) {
                agent.streams().get(stream).send(frame);
            }
        } catch (IOException | InterruptedException e) {
            if (!stopping) {
                throw new CompletionException("stream " + stream, e);
            }
        } catch (AssertionError e) { // a window that is not opened any more, because the server has ended
            if (!stopping) {
                throw e;
            }
        }
    }

    RawAgent agent() {
        return agent;
    }

    private List<Long> taken() {
        return agent.streams().stream().map(RawStream::durableWireBytes).toList();
    }

    /** What is taken from now on. */
    Taken during(Duration duration) {
        return during(duration, List.of(this)).getFirst();
    }

    /** The same of several at the same time. */
    static List<Taken> during(Duration duration, List<FullStreams> all) {
        long began = System.nanoTime();
        List<List<Long>> before = all.stream().map(FullStreams::taken).toList();
        Awaitility.await().pollDelay(duration).atMost(duration.plusSeconds(30)).until(() -> true);
        List<List<Long>> after = all.stream().map(FullStreams::taken).toList();
        double seconds = (System.nanoTime() - began) / 1e9;
        all.forEach(FullStreams::assertSending);
        return IntStream.range(0, all.size())
                .mapToObj(i -> new Taken(seconds, differences(before.get(i), after.get(i))))
                .toList();
    }

    private static List<Long> differences(List<Long> before, List<Long> after) {
        return IntStream.range(0, before.size())
                .mapToObj(i -> after.get(i) - before.get(i))
                .toList();
    }

    private void assertSending() {
        senders.stream().filter(CompletableFuture::isDone).forEach(CompletableFuture::join);
    }

    @Override
    public void close() throws IOException {
        stopping = true;
        agent.close();
    }
}
