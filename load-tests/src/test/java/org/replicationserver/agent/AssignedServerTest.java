package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.URI;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.replicationserver.controlplane.AccessKey;
import org.replicationserver.controlplane.ApiClient;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.SourceDisk;

/** What an agent says of a control plane that does not tell it its server. */
class AssignedServerTest {
    private static final String PIN = "sha256:" + "ab".repeat(32);
    private static final String OTHER_PIN = "sha256:" + "cd".repeat(32);
    private static final String TRUST = "--control-plane-ca ca.pem";
    private static final String CREDENTIALS = "access key AK1 of profile agent";

    private final ControlPlaneSimulator simulator;

    AssignedServerTest() throws IOException {
        simulator = ControlPlaneSimulator.start();
    }

    @AfterEach
    void close() {
        simulator.close();
    }

    private LookupException failure(URI endpoint, X509Certificate authority, AccessKey key) {
        try (ApiClient client =
                new ApiClient(endpoint, authority, "us-east-1", key, Clock.systemUTC(), Duration.ofSeconds(20))) {
            AssignedServer server = new AssignedServer(client, TRUST, CREDENTIALS);
            server.introduce(new ReplicationPlan(
                    "s-1",
                    PIN,
                    "1",
                    1,
                    List.of(new ReplicationPlan.Disk("/dev/sda", 1 << 20, 512)),
                    0,
                    0,
                    0,
                    true,
                    false,
                    false,
                    0,
                    ServerLookup.Change.SERVER));
            LookupException failure = catchThrowableOfType(LookupException.class, server::find);
            assertThat(failure).isNotNull();
            return failure;
        }
    }

    private AccessKey key() {
        return simulator.accessKeys().issue(AccessKey.Role.AGENT);
    }

    @Test
    void pairingThatIsStillToComeIsExpected() {
        LookupException failure = failure(simulator.endpoint(), simulator.authority(), key());
        assertThat(failure)
                .hasMessage("the control plane at " + simulator.endpoint()
                        + " has not paired source server s-1 with a replication server yet");
        assertThat(failure.isExpected()).isTrue();
    }

    @Test
    void certificateOfAnotherAuthorityNamesTheOption() throws IOException {
        try (ControlPlaneSimulator other = ControlPlaneSimulator.start()) {
            LookupException failure = failure(simulator.endpoint(), other.authority(), key());
            assertThat(failure)
                    .hasMessageStartingWith("the control plane at " + simulator.endpoint()
                            + " shows a certificate that is not trusted by " + TRUST + ": ");
            assertThat(failure.isExpected()).isFalse();
        }
    }

    @Test
    void controlPlaneThatIsNotThereIsNamed() throws IOException {
        URI endpoint = simulator.endpoint();
        simulator.goDown();
        assertThat(failure(endpoint, simulator.authority(), key()))
                .hasMessage("the control plane at " + endpoint + " cannot be reached: nobody listens there");
        URI nowhere = URI.create("https://control-plane.invalid");
        assertThat(failure(nowhere, simulator.authority(), key()))
                .hasMessage("the control plane at " + nowhere + " cannot be reached: its host name is not known");
    }

    @Test
    void credentialsThatAreRefusedAreNamedWithoutTheirSecret() {
        AccessKey unknown = new AccessKey("AK1", "topsecret", null, null, AccessKey.Role.AGENT);
        assertThat(failure(simulator.endpoint(), simulator.authority(), unknown).getMessage())
                .startsWith(
                        "the control plane at " + simulator.endpoint() + " refuses RegisterAgentForMgn: status=403 ")
                .endsWith("; the request was signed with " + CREDENTIALS)
                .doesNotContain("topsecret");
    }

    @Test
    void keyOfAnotherAgentIsToldAsTheControlPlaneSaysIt() {
        simulator.fleet().registerAgent("s-1", OTHER_PIN, List.of(new SourceDisk("/dev/sda", 1 << 20)));
        assertThat(failure(simulator.endpoint(), simulator.authority(), key()).getMessage())
                .contains("status=409 ConflictException source server s-1 has an agent with another key than " + PIN)
                .doesNotContain("signed with");
    }
}
