package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.time.Clock;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.ApiClient.Answer;

/** Faults on demand. */
final class SimulatorFaultsTest extends SimulatorWorld {
    SimulatorFaultsTest() throws IOException {}

    private static final String CONNECTED = "NotifyAgentConnectedForMgn";

    @ParameterizedTest
    @EnumSource(ErrorCode.class)
    void anErrorCanBeInjectedSoManyTimes(ErrorCode error) throws Exception {
        simulator.faults().inject(Fault.error(error).on(CONNECTED).times(2).retryAfter(7));
        for (int i = 0; i < 2; i++) {
            Answer answer = server.call(CONNECTED, connected(1));
            assertRefused(answer, error);
            assertThat(answer.header("Retry-After")).isEqualTo("7");
        }
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        assertThat(simulator.fleet().messagesTotal()).isEqualTo(1);
        assertThat(simulator.exchanges(CONNECTED))
                .extracting(Exchange::status)
                .containsExactly(error.status(), error.status(), 200);
        assertNoViolations();
    }

    @Test
    void aFaultHoldsForOneOperationOrAllUntilItIsCleared() throws Exception {
        simulator.faults().inject(Fault.error(ErrorCode.INTERNAL_SERVER).on(CONNECTED));
        describe(SERVER);
        assertRefused(server.call(CONNECTED, connected(1)), ErrorCode.INTERNAL_SERVER);
        simulator.faults().clear();
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        simulator.faults().inject(Fault.error(ErrorCode.SERVICE_UNAVAILABLE));
        assertRefused(server.call(CONNECTED, connected(1)), ErrorCode.SERVICE_UNAVAILABLE);
        assertRefused(register(PIN), ErrorCode.SERVICE_UNAVAILABLE);
    }

    private static void assertTaken(ControlPlaneSimulator simulator, long messages) {
        await().until(() -> simulator.fleet().messagesTotal() == messages);
    }

    @Test
    void anAnswerThatHangsNeverComesAndTheRequestIsNotTaken() throws Exception {
        simulator.faults().inject(Fault.of(Fault.Kind.HANG).times(1));
        AccessKey key = simulator.accessKeys().issue(Role.REPLICATION_SERVER);
        try (ApiClient impatient = client(key, Clock.systemUTC(), Duration.ofMillis(300))) {
            assertThatThrownBy(() -> impatient.call(CONNECTED, connected(1))).isInstanceOf(HttpTimeoutException.class);
        }
        assertTaken(simulator, 0);
    }

    @Test
    void anAnswerThatIsDelayedComesLate() throws Exception {
        simulator.faults().inject(Fault.delay(Duration.ofMillis(300)).times(1));
        long began = System.nanoTime();
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(290));
    }

    @Test
    void aResetConnectionIsResetAndTheRequestIsNotTaken() {
        simulator.faults().inject(Fault.of(Fault.Kind.RESET).times(1));
        assertThatIOException()
                .isThrownBy(() -> server.call(CONNECTED, connected(1)))
                .havingRootCause()
                .withMessage("Connection reset");
        assertTaken(simulator, 0);
    }

    @ParameterizedTest
    @EnumSource(
            value = Fault.Kind.class,
            names = {"LOSE_ANSWER", "TRUNCATE_ANSWER"})
    void aRequestWhoseAnswerIsLostOrCutIsTaken(Fault.Kind kind) throws Exception {
        simulator.faults().inject(Fault.of(kind).times(1));
        assertThatIOException().isThrownBy(() -> server.call(CONNECTED, connected(1)));
        assertTaken(simulator, 1);
        assertThat(server.call(CONNECTED, connected(1)).status()).isEqualTo(200);
        assertTaken(simulator, 1);
        assertThat(simulator.exchanges(CONNECTED)).extracting(Exchange::fault).containsExactly(kind, null);
    }

    @Test
    void aGarbledAnswerIsNoJson() throws Exception {
        simulator.faults().inject(Fault.of(Fault.Kind.GARBLE_ANSWER).times(1));
        Answer answer = server.call(CONNECTED, connected(1));
        assertThat(answer.header("Content-Type")).isEqualTo("text/html");
        assertTaken(simulator, 1);
    }

    @Test
    void aControlPlaneThatIsDownRefusesConnectionsAndForgetsNothing() throws Exception {
        String commandId = simulator.fleet().issue(SERVER, "DRAIN_SERVER", null);
        simulator.goDown();
        assertThatThrownBy(() -> poll(SERVER, 0)).isInstanceOf(ConnectException.class);
        simulator.comeUp();
        assertThat(poll(SERVER, 0)).containsExactly(commandId);
    }
}
