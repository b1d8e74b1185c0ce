package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.testing.RecordingDevice;
import org.replicationserver.volume.testing.SlowDevice;

/** Two sessions of one source server at once: the newer fences the older, however slow its device is. */
@Timeout(120)
final class FencingTest {
    private static final int BLOCK_BYTES = 4096;
    private static final int SIZE_BYTES = 4 << 20;
    private static final String VOLUME = "vol-s-1-0";
    private static final byte[] OLD = Images.random(1, BLOCK_BYTES);
    private static final byte[] NEW = Images.random(2, BLOCK_BYTES);

    @TempDir
    Path directory;

    private final TestDevices devices = TestDevices.inMemory();
    private @Nullable SlowDevice slow;
    private @Nullable RecordingDevice recording;

    private BlockDevice slowAndRecorded(BlockDevice device) {
        RecordingDevice recorded = new RecordingDevice(device);
        SlowDevice held = new SlowDevice(recorded);
        recording = recorded;
        slow = held;
        return held;
    }

    private SlowDevice slow() {
        return Objects.requireNonNull(slow);
    }

    /** What reached the device; a write that is held has not. */
    private List<String> writes() {
        return Objects.requireNonNull(recording).log().stream()
                .filter(entry -> entry.startsWith("write"))
                .toList();
    }

    private InProcessServer serverOf(TestSource source) throws Exception {
        devices.behind(VOLUME, this::slowAndRecorded);
        return InProcessServer.start(directory, List.of(source), devices, "session.progress-interval-seconds=0.2");
    }

    /** One write is held in the device and more wait behind it. */
    private void sendUntilHeld(RawAgent agent) throws IOException, InterruptedException, ProtocolException {
        agent.openNextEpoch();
        agent.sendDurably(0, 0, OLD);
        slow().holdWrites();
        agent.send(0, 0, OLD);
        slow().awaitHeldWrite();
        for (int i = 1; i < 64; i++) {
            agent.send(0, (long) i * BLOCK_BYTES, OLD);
        }
    }

    private static void assertProgressAndNoWelcome(RawAgent newer) throws Exception {
        for (int i = 0; i < 3; i++) {
            Progress progress =
                    Progress.parse(newer.control().await(FrameType.PROGRESS).json());
            assertThat(progress.waitingFor()).isEqualTo(Progress.WaitingFor.FENCING);
        }
    }

    @Test
    void newerSessionGetsNoWelcomeWhileAWriteOfTheOlderIsInTheDevice() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent older = RawAgent.connect(server.endpoint(), source, 1)) {
            sendUntilHeld(older);
            try (RawAgent newer = RawAgent.greet(server.endpoint(), source, 1, null)) {
                older.control().awaitError(ErrorCode.STALE_GENERATION);
                assertProgressAndNoWelcome(newer);
                slow().releaseWrites();
                newer.awaitWelcome();
                assertNoWriteOfTheOlderAfterWelcome(newer);
            }
        }
    }

    /** The held write may have ended, those behind it must not begin. */
    private void assertNoWriteOfTheOlderAfterWelcome(RawAgent newer) throws Exception {
        List<String> atWelcome = writes();
        assertThat(atWelcome).hasSize(2).containsOnly("write 0+" + BLOCK_BYTES);
        newer.attachAll(sent -> {});
        newer.openNextEpoch();
        newer.sendDurably(0, 0, NEW);
        newer.commit();
        assertThat(writes().subList(2, writes().size())).containsExactly("write 0+" + BLOCK_BYTES);
        byte[] expected = Arrays.copyOf(NEW, SIZE_BYTES);
        assertThat(Arrays.mismatch(devices.bytes(VOLUME), expected)).isEqualTo(-1);
    }

    /** The agent's data connection breaks in the middle of a block, the agent comes back, and the device is still stuck. */
    @Test
    void dataConnectionThatIsCutAndComesBackWaitsForTheStuckWrite() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent older = RawAgent.connect(server.endpoint(), source, 1)) {
            sendUntilHeld(older);
            RawConnection data = older.streams().getFirst().connection();
            data.partOfData(older.frame(0, 0, OLD), 1000);
            data.cut();
            older.control().awaitError(ErrorCode.STATE);
            try (RawAgent newer = RawAgent.greet(server.endpoint(), source, 1, null)) {
                assertProgressAndNoWelcome(newer);
                slow().releaseWrites();
                newer.awaitWelcome();
                assertNoWriteOfTheOlderAfterWelcome(newer);
            }
        }
    }

    @Test
    void thirdSessionSupersedesTheOneThatWaits() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent older = RawAgent.connect(server.endpoint(), source, 1)) {
            sendUntilHeld(older);
            try (RawAgent second = RawAgent.greet(server.endpoint(), source, 1, null);
                    RawAgent third = RawAgent.greet(server.endpoint(), source, 1, null)) {
                second.control().awaitError(ErrorCode.STALE_GENERATION);
                assertProgressAndNoWelcome(third);
                assertThat(second.control().poll(Duration.ofMillis(1))).isNull();
                slow().releaseWrites();
                third.awaitWelcome();
                assertNoWriteOfTheOlderAfterWelcome(third);
            }
        }
    }
}
