package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.replication.InitiationStepName.ATTACH_STAGING_DISKS;
import static org.replicationserver.receiver.replication.InitiationStepName.AUTHENTICATE_WITH_SERVICE;
import static org.replicationserver.receiver.replication.InitiationStepName.CONNECT_AGENT_TO_REPLICATION_SERVER;
import static org.replicationserver.receiver.replication.InitiationStepName.PAIR_REPLICATION_SERVER_WITH_AGENT;
import static org.replicationserver.receiver.replication.InitiationStepName.START_DATA_TRANSFER;
import static org.replicationserver.receiver.replication.InitiationStepStatus.FAILED;
import static org.replicationserver.receiver.replication.InitiationStepStatus.IN_PROGRESS;
import static org.replicationserver.receiver.replication.InitiationStepStatus.NOT_STARTED;
import static org.replicationserver.receiver.replication.InitiationStepStatus.SKIPPED;
import static org.replicationserver.receiver.replication.InitiationStepStatus.SUCCEEDED;

import java.time.Duration;
import java.util.EnumSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.DesiredState;

class InitiationStepsTest {
    private static final EnumSet<InitiationStepName> TOLD = EnumSet.of(
            AUTHENTICATE_WITH_SERVICE,
            ATTACH_STAGING_DISKS,
            PAIR_REPLICATION_SERVER_WITH_AGENT,
            CONNECT_AGENT_TO_REPLICATION_SERVER,
            START_DATA_TRANSFER);

    private final ModelWorld world = new ModelWorld();

    private void start() {
        world.model.desired(DesiredState.STARTED, world.now());
    }

    private void assertSteps(InitiationStepStatus... expected) {
        assertThat(TOLD.stream().map(world::step)).containsExactly(expected);
    }

    @Test
    void stepsSucceedOneAfterTheOther() {
        start();
        assertSteps(IN_PROGRESS, NOT_STARTED, SUCCEEDED, NOT_STARTED, NOT_STARTED);
        world.model.controlPlaneAuthenticated();
        assertSteps(SUCCEEDED, IN_PROGRESS, SUCCEEDED, NOT_STARTED, NOT_STARTED);
        world.openVolumes();
        assertSteps(SUCCEEDED, SUCCEEDED, SUCCEEDED, IN_PROGRESS, NOT_STARTED);
        world.open(Welcome.Action.RESCAN);
        assertSteps(SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED, IN_PROGRESS);
        world.model.firstByte(world.now());
        assertSteps(SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED, IN_PROGRESS);
        world.durable(0, 512);
        assertSteps(SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED);
    }

    @Test
    void serverThatFoundTroubleWithItselfHasNotBooted() {
        start();
        assertThat(world.step(InitiationStepName.BOOT_REPLICATION_SERVER)).isEqualTo(SUCCEEDED);
        world.model.serverTrouble(new ServerTrouble("certificate has ended", "Make a new one."));
        assertThat(world.step(InitiationStepName.BOOT_REPLICATION_SERVER)).isEqualTo(InitiationStepStatus.FAILED);
        assertThat(world.explanation(ExplanationCode.SERVER_CHECK_FAILED).nextAction())
                .isEqualTo("Make a new one. Then start the server again.");
    }

    @Test
    void allPublishedStepsAreThereInTheirOrder() {
        assertThat(world.info().dataReplicationInitiation().steps().stream().map(step -> step.name()))
                .containsExactly(InitiationStepName.values());
    }

    @Test
    void whatThisServerDoesNotDoIsSkippedAndWhatWasDoneBeforeItHasSucceeded() {
        assertThat(world.step(InitiationStepName.DOWNLOAD_REPLICATION_SOFTWARE)).isEqualTo(SKIPPED);
        assertThat(world.step(InitiationStepName.SETUP_FSX_PROXY)).isEqualTo(SKIPPED);
        EnumSet<InitiationStepName> elsewhere = EnumSet.complementOf(TOLD);
        elsewhere.remove(InitiationStepName.DOWNLOAD_REPLICATION_SOFTWARE);
        elsewhere.remove(InitiationStepName.SETUP_FSX_PROXY);
        assertThat(elsewhere.stream().map(world::step)).hasSize(5).containsOnly(SUCCEEDED);
    }

    @Test
    void downloadIsAsTheNewestFetch() {
        InitiationStepName download = InitiationStepName.DOWNLOAD_REPLICATION_SOFTWARE;
        start();
        world.model.controlPlaneAuthenticated();
        world.model.softwareFetching();
        assertThat(world.step(download)).isEqualTo(IN_PROGRESS);
        assertThat(world.step(ATTACH_STAGING_DISKS)).as("waits for it").isEqualTo(NOT_STARTED);
        world.model.softwareFailed(new SoftwareTrouble("b/k", "TIMEOUT", "too slow", "Wait."), world.now());
        assertThat(world.step(download)).isEqualTo(FAILED);
        assertThat(world.info().dataReplicationError())
                .isNotNull()
                .satisfies(error -> assertThat(error.error())
                        .isEqualTo(DataReplicationErrorCode.FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE));
        world.model.softwareInstalled();
        assertThat(world.step(download)).isEqualTo(SUCCEEDED);
        assertThat(world.codes()).isEmpty();
    }

    @Test
    void serverWithoutAControlPlaneSkipsAuthentication() {
        world.start();

        assertSteps(SKIPPED, SUCCEEDED, SUCCEEDED, IN_PROGRESS, NOT_STARTED);
        world.pass(Duration.ofMinutes(2));
        assertThat(world.codes()).isEmpty();
    }

    @Test
    void stepsThatTakeTooLongFailAndStillSucceedLater() {
        start();
        world.pass(Duration.ofMinutes(5));
        assertSteps(FAILED, FAILED, SUCCEEDED, FAILED, NOT_STARTED);

        world.model.controlPlaneAuthenticated();
        world.openVolumes();
        world.open(Welcome.Action.RESCAN);
        world.pass(Duration.ofMinutes(2));
        assertSteps(SUCCEEDED, SUCCEEDED, SUCCEEDED, SUCCEEDED, FAILED);
    }

    @Test
    void sessionWithoutADurableByteOutlivesTheProcess() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.restart();
        world.model.controlPlaneAbsent();
        assertSteps(SKIPPED, SUCCEEDED, SUCCEEDED, SUCCEEDED, IN_PROGRESS);

        world.pass(Duration.ofMinutes(10));
        assertThat(world.state()).isEqualTo(DataReplicationState.DISCONNECTED);
        assertThat(world.codes()).containsExactly(ExplanationCode.AGENT_NOT_SEEN);
    }

    @Test
    void refusalsFailTheirSteps() {
        world.start();
        world.model.handshakeRefused(HandshakeFault.SERVER_PIN_REJECTED, "192.0.2.9:1", "unknown_ca", world.now());
        assertSteps(SKIPPED, SUCCEEDED, FAILED, NOT_STARTED, NOT_STARTED);
        world.model.connectionAccepted();
        world.refuseHello(ErrorCode.VERSION, "this server speaks version 1");
        assertSteps(SKIPPED, SUCCEEDED, SUCCEEDED, FAILED, NOT_STARTED);
        world.pass(Duration.ofMinutes(10));
        assertThat(world.step(CONNECT_AGENT_TO_REPLICATION_SERVER))
                .as("overdue")
                .isEqualTo(FAILED);
    }

    @Test
    void controlPlaneThatRefusesFailsAtOnceAndOneThatIsSilentWasStillAuthenticated() {
        start();
        world.failControlPlane(ControlPlaneFault.UNREACHABLE, "no route");
        assertThat(world.step(AUTHENTICATE_WITH_SERVICE)).isEqualTo(IN_PROGRESS);
        world.failControlPlane(ControlPlaneFault.NOT_AUTHENTICATED, "403");
        assertThat(world.step(AUTHENTICATE_WITH_SERVICE)).isEqualTo(FAILED);
        world.model.controlPlaneAuthenticated();
        world.failControlPlane(ControlPlaneFault.UNREACHABLE, "no route");
        world.pass(Duration.ofHours(1));
        assertThat(world.step(AUTHENTICATE_WITH_SERVICE)).isEqualTo(SUCCEEDED);
        world.failControlPlane(ControlPlaneFault.NOT_AUTHENTICATED, "403");
        assertThat(world.step(AUTHENTICATE_WITH_SERVICE)).isEqualTo(FAILED);
        assertThat(world.explanation(ExplanationCode.CONTROL_PLANE_NOT_AUTHENTICATED)
                        .facts())
                .as("since it began to refuse")
                .containsEntry("seconds", 0L);
    }

    @Test
    void startIsTheFirstOne() {
        world.model.desired(DesiredState.PAUSED, world.now());
        world.jump(Duration.ofSeconds(5));
        start();
        Moment started = world.now();
        world.jump(Duration.ofSeconds(5));
        world.model.desired(DesiredState.STOPPED, world.now());
        start();
        world.restart();

        assertThat(world.info().dataReplicationInitiation().startDateTime()).isEqualTo(started.instant());
        assertThat(Stream.of(world.info())
                        .map(info -> info.dataReplicationInitiation().nextAttemptDateTime()))
                .containsOnlyNulls();
    }
}
