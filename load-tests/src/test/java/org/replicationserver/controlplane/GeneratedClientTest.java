package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Flow;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AgentsApi;
import org.openapitools.client.api.AssociationsApi;
import org.openapitools.client.api.CommandsApi;
import org.openapitools.client.api.NotificationsApi;
import org.openapitools.client.model.AgentConnectedRequest;
import org.openapitools.client.model.AgentReplicationServer;
import org.openapitools.client.model.AgentRuntimeConfigurationRequest;
import org.openapitools.client.model.AgentRuntimeConfigurationResponse;
import org.openapitools.client.model.Command;
import org.openapitools.client.model.CommandOutput;
import org.openapitools.client.model.CommandResultRequest;
import org.openapitools.client.model.CommandStatus;
import org.openapitools.client.model.DescribeAssociationsRequest;
import org.openapitools.client.model.DescribeAssociationsResponse;
import org.openapitools.client.model.Event;
import org.openapitools.client.model.GetCommandsRequest;
import org.openapitools.client.model.Pins;
import org.openapitools.client.model.RegisterAgentRequest;
import org.openapitools.client.model.ReplicationServer;
import org.openapitools.client.model.SourceDisk;
import org.replicationserver.controlplane.AccessKey.Role;

/** A client that a public generator makes of the document pairs an agent; the SDK's signer signs for it. */
final class GeneratedClientTest {
    private static final String SERVER = "i-0123456789abcdef0";
    private static final String SOURCE = "s-0123456789abcdef0";
    private static final String PIN = "sha256:" + "a1".repeat(32);
    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    private final ControlPlaneSimulator simulator;
    private long sequence;

    GeneratedClientTest() throws IOException {
        simulator = ControlPlaneSimulator.start();
    }

    @AfterEach
    void close() {
        simulator.close();
    }

    /** Everything but the trust and the signature is the generated client's. */
    private org.openapitools.client.ApiClient generated(Role role) {
        RequestSigner signer = new RequestSigner(
                simulator.region(),
                simulator.accessKeys().issueTemporary(role, Duration.ofHours(1)),
                Clock.systemUTC());
        return new org.openapitools.client.ApiClient(
                        HttpClient.newBuilder()
                                .version(HttpClient.Version.HTTP_1_1)
                                .sslContext(ApiClient.trusting(simulator.authority())),
                        org.openapitools.client.ApiClient.createDefaultObjectMapper(),
                        simulator.endpoint().toString())
                .setReadTimeout(TIMEOUT)
                .setRequestInterceptor(request -> {
                    HttpRequest unsigned = request.copy().build();
                    signer.sign(request, unsigned.uri(), Map.of(), bodyOf(unsigned));
                });
    }

    private static byte[] bodyOf(HttpRequest request) {
        var body = HttpResponse.BodySubscribers.ofByteArray();
        request.bodyPublisher().orElseThrow().subscribe(new Flow.Subscriber<ByteBuffer>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                body.onSubscribe(subscription);
            }

            @Override
            public void onNext(ByteBuffer part) {
                body.onNext(List.of(part));
            }

            @Override
            public void onError(Throwable failure) {
                body.onError(failure);
            }

            @Override
            public void onComplete() {
                body.onComplete();
            }
        });
        return body.getBody().toCompletableFuture().join();
    }

    private Event event() {
        return new Event()
                .outboxId("0123456789abcdef".repeat(2))
                .sequence(++sequence)
                .observedDateTime(OffsetDateTime.now(ZoneOffset.UTC));
    }

    private static ReplicationServer self() {
        return new ReplicationServer()
                .pins(new Pins().current(PIN))
                .port(1500)
                .softwareVersion("0.1.0")
                .protocolVersion("brp/1")
                .startedDateTime(OffsetDateTime.now(ZoneOffset.UTC));
    }

    @Test
    void anAgentIsPairedAndTold() throws ApiException {
        AgentsApi agent = new AgentsApi(generated(Role.AGENT));
        CommandsApi commands = new CommandsApi(generated(Role.REPLICATION_SERVER));
        NotificationsApi notifications = new NotificationsApi(generated(Role.REPLICATION_SERVER));
        AssociationsApi associations = new AssociationsApi(generated(Role.REPLICATION_SERVER));

        agent.registerAgentForMgn(
                new RegisterAgentRequest()
                        .sourceServerId(SOURCE)
                        .agentPin(PIN)
                        .addDisksItem(new SourceDisk().deviceName("/dev/sda").sizeBytes(1L << 30)),
                UUID.randomUUID().toString(),
                "attempt=1; max=1");
        simulator.fleet().assign(SOURCE, SERVER, List.of(new VolumeTarget("/dev/sda", "vol-1", null, true)));

        DescribeAssociationsResponse described = associations.describeReplicationServerAssociationsForMgn(
                new DescribeAssociationsRequest().replicationServerId(SERVER).replicationServer(self()), null, null);
        assertThat(described.getAssociations()).singleElement().satisfies(association -> {
            assertThat(association.getSourceServerId()).isEqualTo(SOURCE);
            assertThat(association.getAgentPins()).containsExactly(PIN);
            assertThat(association.getDisks().getFirst().getVolumeId()).isEqualTo("vol-1");
        });

        Command command = commands.getChannelCommandsForMgn(
                        new GetCommandsRequest()
                                .replicationServerId(SERVER)
                                .waitSeconds(1)
                                .maxCommands(16),
                        null,
                        null)
                .getCommands()
                .getFirst();
        assertThat(command.getType()).isEqualTo("PAIR_SOURCE_SERVER");
        commands.sendChannelCommandResultForMgn(
                new CommandResultRequest()
                        .replicationServerId(SERVER)
                        .event(event())
                        .commandId(command.getCommandId())
                        .status(CommandStatus.SUCCEEDED)
                        .output(new CommandOutput().replicationServer(self())),
                null,
                null);
        notifications.notifyAgentConnectedForMgn(
                new AgentConnectedRequest()
                        .replicationServerId(SERVER)
                        .event(event())
                        .sourceServerId(SOURCE)
                        .remoteAddress("198.51.100.7")
                        .generation("1")
                        .streams(5),
                null,
                null);

        AgentRuntimeConfigurationResponse configuration = agent.getAgentRuntimeConfigurationForMgn(
                new AgentRuntimeConfigurationRequest().sourceServerId(SOURCE), null, null);
        AgentReplicationServer told = Objects.requireNonNull(configuration.getReplicationServer());
        assertThat(told.getPins().getCurrent()).isEqualTo(PIN);
        assertThat(simulator.fleet().messages())
                .extracting(ReceivedMessage::operation)
                .containsExactly("SendChannelCommandResultForMgn", "NotifyAgentConnectedForMgn");
        assertThat(simulator.violations()).isEmpty();
    }

    @Test
    void anErrorHasItsStatusCodeAndMessage() {
        AgentsApi agent = new AgentsApi(generated(Role.AGENT));
        assertThatExceptionOfType(ApiException.class)
                .isThrownBy(() -> agent.getAgentRuntimeConfigurationForMgn(
                        new AgentRuntimeConfigurationRequest().sourceServerId("s-unknown"), null, null))
                .satisfies(refused -> {
                    assertThat(refused.getCode()).isEqualTo(404);
                    assertThat(refused.getResponseBody()).contains("ResourceNotFoundException", "s-unknown");
                });
    }
}
