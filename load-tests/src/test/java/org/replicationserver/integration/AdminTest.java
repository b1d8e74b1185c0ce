package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.testing.FailingDevice;

/** {@code volume reopen} on the command line, against servers whose device failed. */
@Timeout(120)
final class AdminTest {
    private static final int SIZE_BYTES = 4 << 20;
    private static final String VOLUME = "vol-s-1-0";
    private static final byte[] BLOCK = Images.random(4, 64 * 1024);

    private final TestDevices devices = TestDevices.inMemory();

    @TempDir
    Path directory;

    private Commands.Result cli(String... words) throws IOException, InterruptedException {
        return Commands.run(ServerProcess.in(directory).cli(words));
    }

    private InProcessServer serverOf(TestSource source) throws Exception {
        return InProcessServer.start(directory, List.of(source), devices, "session.drain-timeout-seconds=20");
    }

    /** The volume fails with the first block that it is given. */
    private Hello.Remembered failVolume(InProcessServer server, TestSource source) throws Exception {
        try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            agent.send(0, 0, BLOCK);
            agent.control().awaitError(ErrorCode.VOLUME_FAILED);
            return agent.memory();
        }
    }

    @Test
    void failedForceFailsTheVolumeAndNothingOfItIsAcknowledged() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        devices.behind(VOLUME, device -> new FailingDevice(device).failForce(1, Errno.EIO));
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            agent.send(0, 0, BLOCK);
            ErrorBody told = agent.control().awaitError(ErrorCode.VOLUME_FAILED);
            assertThat(told.text()).contains("force", "EIO");
            assertThat(agent.durableFrames()).isZero();
            assertThat(server.count("replication_volume_failures")).isEqualTo(1);
        }
    }

    @Test
    void reopenedVolumeIsSyncedAnewAndTheRunningSessionIsAskedToComeAgain() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        devices.behind(VOLUME, device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        try (InProcessServer server = serverOf(source)) {
            Hello.Remembered before = failVolume(server, source);
            devices.behind(VOLUME, device -> device);
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                Welcome.Volume told = agent.welcome().volumes().getFirst();
                assertThat(told.action()).isEqualTo(Welcome.Action.FAILED);
                assertThat(told.reason()).contains("EIO");

                Commands.Result reopened = cli("volume", "reopen", VOLUME);

                assertThat(reopened.output().strip())
                        .isEqualTo("volume " + VOLUME + " is open; after a failure a full sync of it follows");
                assertThat(reopened.exitCode()).isZero();
                GoAway goAway =
                        GoAway.parse(agent.control().await(FrameType.GOAWAY).json());
                assertThat(goAway.reason()).isEqualTo("VOLUME_REOPENED");
                agent.bye();
            }
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1, before, sent -> {})) {
                Welcome.Volume told = agent.welcome().volumes().getFirst();
                assertThat(told.action()).isEqualTo(Welcome.Action.RESCAN);
                assertThat(told.reason()).isEqualTo("VOLUME_REOPENED");
                agent.openNextEpoch();
                agent.sendDurably(0, 0, BLOCK);
                agent.commit();
            }
            assertThat(Arrays.mismatch(devices.bytes(VOLUME), Arrays.copyOf(BLOCK, SIZE_BYTES)))
                    .isEqualTo(-1);
        }
    }

    @Test
    void failedVolumeStaysFailedOverARestart() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        devices.behind(VOLUME, device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        try (InProcessServer server = serverOf(source)) {
            failVolume(server, source);
        }
        devices.behind(VOLUME, device -> device);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            Welcome.Volume told = agent.welcome().volumes().getFirst();
            assertThat(told.action()).isEqualTo(Welcome.Action.FAILED);
            assertThat(told.reason()).contains("EIO");
            agent.openNextEpoch();
            agent.send(0, 0, BLOCK);
            assertThat(agent.durableFrames()).isZero();

            assertThat(cli("volume", "reopen", VOLUME).exitCode()).isZero();
        }
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            assertThat(agent.welcome().volumes().getFirst().action()).isEqualTo(Welcome.Action.RESCAN);
        }
    }

    @Test
    void volumeThatCannotBeOpenedStaysFailedAndTheCommandSaysWhy() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        devices.behind(VOLUME, device -> new FailingDevice(device).failWrite(1, Errno.EIO));
        try (InProcessServer server = serverOf(source)) {
            failVolume(server, source);
            devices.missing(VOLUME);
            Commands.Result refused = cli("volume", "reopen", VOLUME);
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(refused.output()).contains(VOLUME + " was not reopened").contains("ENOENT");
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                assertThat(agent.welcome().volumes().getFirst().action()).isEqualTo(Welcome.Action.FAILED);
            }
        }
    }

    @Test
    void volumeThatHasNotFailedIsLeftAlone() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            Commands.Result refused = cli("volume", "reopen", VOLUME);
            assertThat(refused.output().strip()).isEqualTo("volume " + VOLUME + " was not reopened: it has not failed");
            assertThat(refused.exitCode()).isEqualTo(1);
            agent.openNextEpoch();
            agent.sendDurably(0, 0, BLOCK);
            agent.commit();
        }
    }

    @Test
    void unknownVolumeIsRefusedInOneLine() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source)) {
            Commands.Result refused = cli("volume", "reopen", "vol-nobody");
            assertThat(refused.output().strip()).isEqualTo("no volume vol-nobody is assigned");
            assertThat(refused.exitCode()).isEqualTo(1);
            assertThat(server.endpoint().port()).isPositive();
        }
    }

    @Test
    void noServerIsToldInOneLine() throws Exception {
        Commands.Result refused = cli("volume", "reopen", VOLUME);
        assertThat(refused.output().strip())
                .startsWith("no server runs with this state.directory")
                .doesNotContain("\n");
        assertThat(refused.exitCode()).isEqualTo(69);
    }
}
