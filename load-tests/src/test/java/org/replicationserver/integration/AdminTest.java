package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.AdminRequests;
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

/** {@code volume reopen}, {@code source hold} and {@code source release} on the command line, against servers in this process. */
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
    void rescanThatIsAskedForBeginsWithTheNextSessionAndMistakesAreTold() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES, SIZE_BYTES);
        try (InProcessServer server = serverOf(source)) {
            Hello.Remembered before;
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
                before = agent.memory();
                Commands.Result asked = cli("source", "rescan", "s-1", "--volume", VOLUME);
                assertThat(asked.output().strip())
                        .isEqualTo("the agent compares or sends again what is in " + VOLUME
                                + "; `status` tells how far it is");
                assertThat(asked.exitCode()).isZero();
                assertThat(GoAway.parse(agent.control().await(FrameType.GOAWAY).json())
                                .reason())
                        .isEqualTo("RESCAN_REQUESTED");
                agent.bye();
            }
            try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1, before, sent -> {})) {
                assertThat(agent.welcome().volumes())
                        .extracting(Welcome.Volume::reason)
                        .containsExactly("RESCAN_REQUESTED", "NONE");
            }
            assertThat(cli("source", "rescan", "s-1", "--volume", "vol-x"))
                    .satisfies(refused -> assertThat(refused.exitCode()).isEqualTo(1))
                    .satisfies(refused -> assertThat(refused.output())
                            .contains("no volume vol-x is assigned to source server s-1; its volumes: " + VOLUME
                                    + ", vol-s-1-1"));
            assertThat(cli("source", "rescan", "s-2").output()).contains("no source server s-2 is assigned");
            assertThat(cli("source", "rescan", "s-1").exitCode()).isZero();
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

    // --- source hold and release

    private static final Pattern HELD = Pattern.compile(
            "held at epoch (\\d+), the disks as they were at (\\S+)\nuntil (\\S+); when the copy is done: "
                    + "\\./run source release s-1 ([0-9a-f]{32})\n  /dev/disk0  " + VOLUME + "  (\\S+)\\s*");

    private static RawAgent committed(InProcessServer server, TestSource source) throws Exception {
        RawAgent agent = RawAgent.connect(server.endpoint(), source, 1);
        agent.openNextConsistentEpoch();
        agent.sendDurably(0, 0, BLOCK);
        agent.commit();
        return agent;
    }

    @Test
    void volumesAreHeldAtTheLastCommitUntilTheReleaseSaysValid() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source)) {
            try (RawAgent agent = committed(server, source)) {
                agent.bye();
            }
            Commands.Result held = cli("source", "hold", "s-1", "--seconds", "60");
            Matcher told = HELD.matcher(held.output());
            assertThat(told.matches()).as(held.output()).isTrue();
            assertThat(held.exitCode()).isZero();
            assertThat(told.group(1)).isEqualTo("1");
            assertThat(told.group(5)).isEqualTo(source.path(0).toString());
            assertThat(cli("status").output()).contains("held at epoch 1 until " + told.group(3) + ", by hand");
            assertThat(server.info("s-1").getString("dataReplicationState"))
                    .as("that is of snapshots")
                    .isNotEqualTo("CREATING_SNAPSHOT");

            Commands.Result second = cli("source", "hold", "s-1");
            assertThat(second.exitCode()).isEqualTo(1);
            assertThat(second.output())
                    .startsWith("source server s-1 is not held (ALREADY_HELD): ")
                    .contains("it is held at epoch 1 until " + told.group(3) + ", by hand. Wait for its end");

            Commands.Result released = cli("source", "release", "s-1", told.group(4));
            assertThat(released.output().strip()).isEqualTo("VALID");
            assertThat(released.exitCode()).isZero();
            Commands.Result again = cli("source", "release", "s-1", told.group(4));
            assertThat(again.output()).startsWith("EXPIRED: ").contains("hold again, with more --seconds");
            assertThat(again.exitCode()).isEqualTo(1);
            assertThat(cli("status").output()).doesNotContain("held at epoch");
        }
    }

    @Test
    void holdIsToldAsJsonAndExpiresByItself() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source)) {
            try (RawAgent agent = committed(server, source)) {
                agent.bye();
            }
            JsonObject held = new JsonObject(
                    cli("source", "hold", "s-1", "--seconds", "1", "--json").output());
            assertThat(held.getString("sourceServerId")).isEqualTo("s-1");
            assertThat(held.getLong("epoch")).isEqualTo(1);
            assertThat(Instant.parse(held.getString("markDateTime")))
                    .isBefore(Instant.parse(held.getString("untilDateTime")));
            assertThat(held.getJsonArray("volumes").getJsonObject(0))
                    .isEqualTo(new JsonObject()
                            .put("deviceName", "/dev/disk0")
                            .put("volumeId", VOLUME)
                            .put("path", source.path(0).toString()));
            Awaitility.await("the expiry")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> server.count("replication_holds_ended", "valid", "false") == 1);
            assertThat(cli("source", "release", "s-1", held.getString("token")).exitCode())
                    .isEqualTo(1);
        }
    }

    @Test
    void refusalOfAHoldTellsItsCauseAndWhatToDo() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source)) {
            Commands.Result nobody = cli("source", "hold", "s-nobody");
            assertThat(nobody.exitCode()).isEqualTo(1);
            assertThat(nobody.output().strip())
                    .isEqualTo("source server s-nobody is not held (NOT_ASSIGNED): no volume is assigned to this source"
                            + " server. `./run status` tells which source servers are assigned.");
            Commands.Result noAgent = cli("source", "hold", "s-1", "--commit-timeout-seconds", "1");
            assertThat(noAgent.exitCode()).isEqualTo(1);
            assertThat(noAgent.output())
                    .startsWith("source server s-1 is not held (COMMIT_TIMEOUT): no agent came to commit an epoch")
                    .contains("--commit-timeout-seconds.");
            assertThat(server.count("replication_holds_refused")).isEqualTo(1);
        }
    }

    @Test
    void whoeverIsInterruptedWhileACommitIsWaitedForHoldsNothing() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        try (InProcessServer server = serverOf(source)) {
            CompletableFuture<AdminRequests.Reply> asked;
            try (AdminRequests admin = new AdminRequests(directory)) {
                asked = admin.post("/sources/s-1/hold/60/600");
                Awaitility.await("the wish")
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> cli("source", "hold", "s-1", "--commit-timeout-seconds", "1")
                                .output()
                                .contains("one is wanted by hand already"));
            }
            Awaitility.await("its end")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> asked.isCompletedExceptionally() && server.count("replication_holds_refused") == 1);
            assertThat(server.count("replication_holds")).isZero();
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
