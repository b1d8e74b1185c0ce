package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.controlplane.ErrorCode;
import org.replicationserver.controlplane.Fault;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.LocalServer;

/** Each trouble between a server and its control plane is provoked and told, with what to do; agents are served all the same. */
@Timeout(120)
final class ControlExplanationTest {
    private static final String METADATA_SETTING = "aws.ec2MetadataServiceEndpoint";
    private static final String INSTANCE = "i-0123456789abcdef0";
    private static final URI NOBODY = URI.create("http://127.0.0.1:9");
    private static final byte[] BLOCK = Images.random(1, 64 * 1024);

    @TempDir
    Path directory;

    private ControlPlaneWorld world;
    private TestSource source;
    private LocalServer.ControlPlane access;

    @BeforeEach
    void begin() throws Exception {
        world = new ControlPlaneWorld(directory);
        access = world.instance(INSTANCE);
        source = TestSource.of(directory, "s-1", 4 << 20);
    }

    @AfterEach
    void end() {
        System.clearProperty(METADATA_SETTING);
        world.close();
    }

    /** With what was assigned at its start. */
    private InProcessServer serverOn(URI metadataService, String... settings) throws Exception {
        System.setProperty(METADATA_SETTING, metadataService.toString());
        List<String> all = new ArrayList<>(List.of(
                "control.mode=https",
                "control.endpoint=" + access.endpoint(),
                "aws.ca-file=" + access.authority(),
                "control.associations-interval-seconds=1",
                "control.attempt-timeout-seconds=2",
                "control.poll-wait-seconds=1"));
        all.addAll(List.of(settings));
        return InProcessServer.start(
                        directory,
                        Explanations.SETTINGS,
                        List.of(source),
                        TestDevices.inMemory(),
                        all.toArray(String[]::new))
                .follow();
    }

    private InProcessServer serverOnInstance(String... settings) throws Exception {
        return serverOn(access.instanceMetadata(), settings);
    }

    /** The server is not authenticated, says so with the reason, and goes on serving. */
    private void assertNotAuthenticated(InProcessServer server, String action, String... reasons) throws Exception {
        JsonObject told = Awaitility.await("what is told of " + List.of(reasons))
                .atMost(Explanations.PATIENCE)
                .until(
                        () -> Explanations.await(server, "CONTROL_PLANE_NOT_AUTHENTICATED"),
                        found -> Stream.of(reasons).allMatch(found.getString("sentence")::contains));
        assertThat(told.getString("nextAction")).contains(action);
        assertThat(Explanations.error(server)).isEqualTo("FAILED_TO_AUTHENTICATE_WITH_SERVICE");
        assertServes(server);
    }

    private void assertServes(InProcessServer server) throws Exception {
        try (RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            agent.openNextEpoch();
            agent.sendDurably(0, 0, BLOCK);
            agent.commit();
            agent.bye();
        }
    }

    @Test
    void credentialsThatAreRefusedAreTold() throws Exception {
        world.simulator().faults().inject(Fault.error(ErrorCode.ACCESS_DENIED));
        try (InProcessServer server = serverOnInstance()) {
            assertNotAuthenticated(server, "policies of the instance's role", "AccessDeniedException");
        }
    }

    @Test
    void instanceWithoutMetadataIsTold() throws Exception {
        try (InProcessServer server = serverOn(
                NOBODY, "aws.region=" + world.simulator().region(), "control.replication-server-id=" + INSTANCE)) {
            assertNotAuthenticated(server, "allow IMDSv2", "credentials", "IMDS");
        }
    }

    @Test
    void clockThatIsOffIsToldWithHowFar() throws Exception {
        world.simulator().shiftClock(Duration.ofMinutes(20));
        try (InProcessServer server = serverOnInstance()) {
            assertNotAuthenticated(server, "Set the clock", "the clock here is 1", "s behind the control plane's");
        }
    }

    @Test
    void certificateThatIsNotTrustedIsTold() throws Exception {
        try (InProcessServer server = serverOnInstance("aws.ca-file=")) {
            assertNotAuthenticated(server, "in aws.ca-file", "certificate", "aws.ca-file is not set");
        }
    }

    @Test
    void controlPlaneThatIsAwayIsToldAndForgottenWhenItIsBack() throws Exception {
        try (InProcessServer server = serverOnInstance()) {
            awaitReports();
            world.simulator().goDown();
            assertAway(server, "CONTROL_PLANE_UNREACHABLE", "control.endpoint");
            world.simulator().comeUp();
            Awaitility.await()
                    .atMost(Explanations.PATIENCE)
                    .until(() -> Explanations.find(server, "CONTROL_PLANE_UNREACHABLE") == null);
        }
    }

    @Test
    void controlPlaneThatAnswersWithItsOwnTroubleIsNotToldToBeAway() throws Exception {
        try (InProcessServer server = serverOnInstance()) {
            awaitReports();
            world.simulator().faults().inject(Fault.error(ErrorCode.THROTTLING));
            assertAway(server, "CONTROL_PLANE_THROTTLED", "Nothing for now");
            world.simulator().faults().clear();
            world.simulator().faults().inject(Fault.error(ErrorCode.INTERNAL_SERVER));
            assertAway(server, "CONTROL_PLANE_SERVER_ERROR", "control plane's own logs");
        }
    }

    /** Until the control plane was reached; it is authenticated then. */
    private void awaitReports() {
        Fleet fleet = world.simulator().fleet();
        String device = source.volume(0).deviceName();
        fleet.registerAgent("s-1", source.key().pin(), List.of(new SourceDisk(device, 4 << 20)));
        fleet.assign(
                "s-1",
                INSTANCE,
                List.of(new VolumeTarget(device, source.volume(0).volumeId(), null, true)));
        Awaitility.await()
                .atMost(Explanations.PATIENCE)
                .until(() -> fleet.sourceServer("s-1").info() != null);
    }

    private static void assertAway(InProcessServer server, String code, String action) {
        JsonObject told = Explanations.await(server, code);
        assertThat(told.getString("severity")).isEqualTo("WARNING");
        assertThat(told.getString("sentence")).contains("tried again").contains("what is to be told is kept");
        assertThat(told.getString("nextAction")).contains(action);
    }
}
