package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.crash.FaultyNetwork.Fault;
import org.replicationserver.crash.FaultyNetwork.Kind;
import org.replicationserver.crash.FaultyNetwork.Place;
import org.replicationserver.crash.FaultyNetwork.Way;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.TestSource;
import org.replicationserver.integration.InProcessServer;
import org.replicationserver.integration.Seeds;
import org.replicationserver.receiver.protocol.ErrorCode;

/** A block of which one bit is changed below TLS. */
@Timeout(120)
final class FlippedBitTest {
    private static final int FLIPS = 10;
    private static final int SIZE_BYTES = 1 << 20;

    /**
     * A block whose frame is one record. Were there more, the server could close while they come, and the reset that
     * follows could take the alert from the agent.
     */
    private static final int ONE_RECORD_BYTES = 8 * 1024;

    private static final int RECORDS_BYTES = 64 * 1024;
    private static final int RECORD_HEADER_BYTES = 5;

    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @ValueSource(strings = {"jdk", "openssl"})
    void eachIsAlertedAndEndsTheSessionAndNothingIsWritten(String engine) throws Exception {
        flipBits(engine, ONE_RECORD_BYTES, (server, flip, agent) -> {
            agent.control().awaitError(ErrorCode.STATE);
            agent.awaitEnd();
            assertThat(agent.streams().getFirst().connection().ended().join()).contains("bad_record_mac");
            assertThat(agent.durableFrames()).isZero();
        });
    }

    /** BoringSSL sends the alert at once, and tells of it with the record that follows. */
    @ParameterizedTest
    @ValueSource(strings = {"jdk", "openssl"})
    void eachIsCountedAsSoonAsMoreRecordsFollow(String engine) throws Exception {
        flipBits(
                engine,
                RECORDS_BYTES,
                (server, flip, agent) -> Awaitility.await()
                        .atMost(Duration.ofSeconds(10))
                        .until(() -> server.count("replication_connections_broken") == flip));
    }

    private interface Check {
        void afterFlip(InProcessServer server, int flip, RawAgent agent) throws Exception;
    }

    private void flipBits(String engine, int blockBytes, Check check) throws Exception {
        Random random = new Random(Seeds.seed("flips"));
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source), "tls.engine=" + engine);
                FaultyNetwork network = FaultyNetwork.before(server.endpoint())) {
            int handshake = recordsOfDataHandshake(server, network, source);
            for (int flip = 1; flip <= FLIPS; flip++) {
                // After ATTACH, in the first record of the block and behind its header.
                int at = RECORD_HEADER_BYTES + random.nextInt(ONE_RECORD_BYTES);
                Place place = new Place(handshake + 1, at);
                network.expect(new Fault(Kind.FLIP, 1, Way.TO_SERVER, place, random.nextInt(8)));
                try (RawAgent agent = RawAgent.connect(network.endpoint(server.endpoint()), source, 1)) {
                    agent.openNextEpoch();
                    sendUntilEnd(agent, Images.random(flip, blockBytes));
                    check.afterFlip(server, flip, agent);
                }
                assertThat(network.hasHappened()).isTrue();
            }
            assertThat(server.count("replication_received_data_frames")).isZero();
        }
        assertThat(Files.readAllBytes(source.path(0))).containsOnly(0);
    }

    /** The server may end the connection before all records of the block have left. */
    private static void sendUntilEnd(RawAgent agent, byte[] block) throws InterruptedException {
        try {
            agent.send(0, 0, block);
        } catch (IOException e) {
            agent.awaitEndAfter(e);
        }
    }

    /** Of the agent, before its first frame. */
    private static int recordsOfDataHandshake(InProcessServer server, FaultyNetwork network, TestSource source)
            throws Exception {
        try (RawAgent agent = RawAgent.connect(network.endpoint(server.endpoint()), source, 1)) {
            agent.bye();
        }
        FaultyFlow flow = network.link(1).flow(Way.TO_SERVER);
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(flow::hasEnded);
        return flow.recordsOfSession() - 1;
    }
}
