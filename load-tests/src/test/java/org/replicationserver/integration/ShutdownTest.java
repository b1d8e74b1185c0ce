package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;

/**
 * SIGTERM during a stream. The exit code is 143, which is 128 and the number of the signal; systemd takes that for a success
 * (SuccessExitStatus=143).
 */
@Timeout(120)
@ExtendWith(ServerLogs.class)
final class ShutdownTest {
    private static final int TERMINATED = 143;
    private static final int UNAVAILABLE = 69;
    private static final int SIZE_BYTES = 64 << 20;
    private static final int BLOCK_BYTES = 64 * 1024;
    private static final byte[] BLOCK = Images.random(5, BLOCK_BYTES);

    @TempDir
    Path directory;

    private static void assertPortIsClosed(Endpoint endpoint) {
        assertThatThrownBy(() -> {
                    try (Socket socket = new Socket()) {
                        socket.connect(endpoint.socketAddress(), 2000);
                    }
                })
                .isInstanceOf(ConnectException.class);
    }

    /** Sends until the server says GOAWAY; the blocks that were sent. */
    private static int sendUntilGoAway(RawAgent agent, ServerProcess server) throws Exception {
        int sent = 0;
        agent.openNextEpoch();
        while (agent.control().poll(Duration.ZERO) == null) {
            agent.send(0, (long) sent * BLOCK_BYTES % SIZE_BYTES, BLOCK);
            sent++;
            if (sent == 50) {
                server.sigterm();
            }
        }
        return sent;
    }

    private void assertReplicaHas(int blocks) throws IOException {
        byte[] replica =
                Files.readAllBytes(ServerProcess.imageDirectory(directory).resolve("s-1-0.img"));
        for (int i = 0; i < Math.min(blocks, SIZE_BYTES / BLOCK_BYTES); i++) {
            int at = i * BLOCK_BYTES;
            assertThat(Arrays.mismatch(Arrays.copyOfRange(replica, at, at + BLOCK_BYTES), BLOCK))
                    .as("block %d", i)
                    .isEqualTo(-1);
        }
    }

    @Test
    void sigtermAcknowledgesWhatCameAndEndsWithTheSignalsCode() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = ServerProcess.in(directory).start(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            int sent = sendUntilGoAway(agent, server);
            for (RawStream stream : agent.streams()) {
                stream.awaitAllDurable();
            }
            agent.bye();
            assertThat(server.awaitEnd()).isEqualTo(TERMINATED);
            assertThat(agent.durableFrames()).isEqualTo(sent);
            assertReplicaHas(sent);
            assertPortIsClosed(server.endpoint());
            assertThat(server.logSinceStart())
                    .contains("ReplicationServer stopped")
                    .doesNotContain("ERROR");
        }
    }

    /** An agent that hears nothing of GOAWAY: after the deadline the server acknowledges what it has received, and only then closes. */
    @Test
    void afterTheDeadlineWhatWasReceivedIsAcknowledgedAllTheSame() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = ServerProcess.in(directory)
                        .set("session.drain-timeout-seconds=1")
                        .main(TestServer.class)
                        .start(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            agent.openNextEpoch();
            TestServer.hold(server);
            for (int i = 0; i < 40; i++) {
                agent.send(0, (long) i * BLOCK_BYTES, BLOCK);
            }
            server.sigterm();
            GoAway goAway = GoAway.parse(agent.control().await(FrameType.GOAWAY).json());
            assertThat(goAway.reason()).isEqualTo("SHUTDOWN");
            assertThat(goAway.deadlineMillis()).isEqualTo(1000);
            // It comes when the frames have waited for 2 s, so the deadline is over.
            agent.control().await(FrameType.PROGRESS);
            assertThat(agent.durableFrames()).isZero();
            assertThat(agent.control().isEnded()).isFalse();
            server.tell("release");
            agent.awaitEnd();
            assertThat(agent.durableFrames()).isEqualTo(40);
            assertThat(server.awaitEnd()).isEqualTo(TERMINATED);
            assertReplicaHas(40);
        }
    }

    @Test
    void helloDuringTheDrainIsRefusedAndDisturbsNoSession() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = ServerProcess.in(directory).start(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            agent.openNextEpoch();
            server.sigterm();
            agent.control().await(FrameType.GOAWAY);
            try (RawAgent late = RawAgent.greet(server.endpoint(), source, 1, null)) {
                late.control().awaitError(ErrorCode.SHUTDOWN);
            }
            agent.commit();
            agent.bye();
            assertThat(server.awaitEnd()).isEqualTo(TERMINATED);
        }
    }

    /** Neither the agent nor the device lets the server finish, and its own deadline is an hour away. */
    @Test
    void secondSigtermEndsAtOnceAndAcknowledgesNothingMore() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (ServerProcess server = ServerProcess.in(directory)
                        .set("session.drain-timeout-seconds=3600")
                        .main(TestServer.class)
                        .start(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            agent.openNextEpoch();
            TestServer.hold(server);
            agent.send(0, 0, BLOCK);
            server.sigterm();
            agent.control().await(FrameType.GOAWAY);
            server.sigterm();
            assertThat(server.awaitEnd()).isEqualTo(TERMINATED);
            assertThat(agent.durableFrames()).isZero();
        }
    }

    @Test
    void secondServerOnTheSameStateIsRefusedInOneLine() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        ServerProcess.Plan plan = ServerProcess.in(directory);
        try (ServerProcess server = plan.start(source)) {
            Commands.Result second = Commands.run(ServerProcess.in(directory).command());
            assertThat(second.exitCode()).isEqualTo(UNAVAILABLE);
            assertThat(second.output().strip())
                    .doesNotContain("\n")
                    .contains("sources")
                    .contains("another");
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                assertThat(agent.welcome().generation()).isEqualTo(1);
            }
        }
    }
}
