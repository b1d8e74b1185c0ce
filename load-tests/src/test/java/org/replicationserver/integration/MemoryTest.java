package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.protocol.ErrorCode;

/** Direct memory comes back whatever way sessions end. The server's pool counts exactly, because it keeps no caches here. */
@Timeout(120)
@ExtendWith(ServerLogs.class)
final class MemoryTest {
    private static final int SIZE_BYTES = 64 << 20;
    private static final int BLOCK_BYTES = 256 * 1024;
    private static final int CUTS = 50;
    private static final byte[] BLOCK = Images.random(9, BLOCK_BYTES);

    @TempDir
    Path directory;

    private int questions;

    private ServerProcess.Plan plan() {
        return ServerProcess.in(directory)
                .main(TestServer.class)
                .jvm("-Dio.netty.allocator.type=pooled")
                .jvm("-Dio.netty.allocator.smallCacheSize=0")
                .jvm("-Dio.netty.allocator.normalCacheSize=0")
                .jvm("-Dio.netty.leakDetection.level=paranoid");
    }

    /** Direct buffers that are in use. */
    private long inUse(ServerProcess server) throws Exception {
        String question = "memory-" + ++questions;
        server.tell(question);
        return Long.parseLong(server.awaitLine(Pattern.compile(question + ": (\\d+)"), Duration.ofSeconds(10))
                .group(1));
    }

    private void awaitNoneInUse(ServerProcess server) throws Exception {
        long used = -1;
        for (int i = 0; i < 50 && used != 0; i++) {
            Thread.sleep(100);
            used = inUse(server);
        }
        assertThat(used).as("direct buffers in use when no connection is open").isZero();
        assertThat(server.logSinceStart()).doesNotContain("LEAK").doesNotContain("fault of this program");
    }

    @Test
    void connectionsThatAreCutInTheMiddleOfABlockLeakNothing() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        Random random = new Random(10);
        try (ServerProcess server = plan().start(source)) {
            for (int i = 0; i < CUTS; i++) {
                try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                    agent.openNextEpoch();
                    RawConnection data = agent.streams().getFirst().connection();
                    agent.send(0, 0, BLOCK);
                    data.partOfData(agent.frame(0, BLOCK_BYTES, BLOCK), 1 + random.nextInt(BLOCK_BYTES));
                    if (i % 2 == 0) {
                        data.cut();
                    }
                }
            }
            awaitNoneInUse(server);
        }
    }

    @Test
    void sessionsThatAreRefusedInTheMiddleOfAStreamLeakNothing() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = plan().start(source)) {
            for (int i = 0; i < 10; i++) {
                try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                    agent.openNextEpoch();
                    RawConnection data = agent.streams().getFirst().connection();
                    data.data(agent.frame(0, 0, BLOCK));
                    BlockFrame bad = i % 2 == 0
                            ? agent.frame(0, BLOCK_BYTES, BLOCK).corrupt()
                            : agent.frame(0, SIZE_BYTES, BLOCK);
                    data.data(bad);
                    sendMoreUntilClosed(agent, data);
                    data.awaitError(i % 2 == 0 ? ErrorCode.INTEGRITY : ErrorCode.RANGE);
                }
            }
            awaitNoneInUse(server);
        }
    }

    private static void sendMoreUntilClosed(RawAgent agent, RawConnection data) {
        try {
            for (int block = 2; block < 12; block++) {
                data.data(agent.frame(0, (long) block * BLOCK_BYTES, BLOCK));
            }
        } catch (IOException e) {
            assertThat(data.isEnded() || e.getMessage() != null).isTrue();
        }
    }

    @Test
    void sessionThatEndsWhileItsVolumeStallsLeaksNothing() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = plan().start(source)) {
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 4)) {
                agent.openNextEpoch();
                server.tell("hold");
                while (agent.streamOf(0, 0).hasRoom(0, BLOCK_BYTES)) {
                    agent.send(0, 0, BLOCK);
                }
                assertThat(inUse(server)).isGreaterThan(20);
            }
            server.tell("release");
            awaitNoneInUse(server);
        }
    }
}
