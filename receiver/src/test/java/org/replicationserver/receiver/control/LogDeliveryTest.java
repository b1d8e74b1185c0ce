package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.control.CommandResult.Status;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.RecentLogs;

/** Log records that were asked for, and a control plane that is not always there. */
@Timeout(60)
final class LogDeliveryTest {
    private static final Duration LONG = Duration.ofMinutes(2);
    private static final int RECORDS = ClientLogs.RECORDS_MAX + 3;

    private final FakeControlPlane controlPlane = new FakeControlPlane();
    private final RecentLogs recent = new RecentLogs();
    private final AtomicInteger calls = new AtomicInteger();

    @BeforeEach
    void fill() {
        Logger logger = new LoggerContext().getLogger("lines");
        logger.setLevel(Level.INFO);
        recent.setContext(logger.getLoggerContext());
        recent.start();
        logger.addAppender(recent);
        for (int i = 0; i < RECORDS; i++) {
            logger.info("line {}", i);
        }
    }

    private CommandResult deliver(Duration patience) throws InterruptedException {
        return new LogDelivery(controlPlane, recent, patience).deliver(RECORDS);
    }

    private static ControlPlaneException notTried() {
        return new ControlPlaneException(Kind.CIRCUIT_OPEN, "not tried", "Do so.");
    }

    @Test
    void recordsAreSentInBatchesAndCounted() throws Exception {
        CommandResult result = deliver(LONG);

        assertThat(result.status()).isEqualTo(Status.SUCCEEDED);
        assertThat(result.output()).isEqualTo(new JsonObject().put("records", RECORDS));
        assertThat(controlPlane.logs).extracting(logs -> logs.records().size()).containsExactly(500, 3);
    }

    @Test
    void shortOutageIsWaitedForAndCostsNoRecord() throws Exception {
        controlPlane.logging = logs -> {
            int call = calls.incrementAndGet();
            if (call == 2) {
                throw FakeControlPlane.failure(Kind.UNREACHABLE);
            }
            if (call == 3 || call == 4) {
                throw notTried();
            }
        };

        CommandResult result = deliver(LONG);

        assertThat(result.status()).isEqualTo(Status.SUCCEEDED);
        assertThat(controlPlane.logs).extracting(logs -> logs.records().size()).containsExactly(500, 3);
        assertThat(calls).hasValue(5);
    }

    @Test
    void outageThatOutlastsThePatienceIsToldInASentence() throws Exception {
        controlPlane.logging = logs -> {
            if (calls.incrementAndGet() > 1) {
                throw notTried();
            }
        };
        controlPlane.awaiting = atMost -> false;

        CommandResult result = deliver(LONG);

        assertThat(result.status()).isEqualTo(Status.FAILED);
        assertThat(result.message()).isEqualTo("500 of 503 log records were sent, given up after 0 s: not tried");
    }

    @ParameterizedTest
    @EnumSource(names = {"NOT_VALID", "REFUSED_CREDENTIALS", "CLOCK_SKEW", "UNTRUSTED", "CLOSED"})
    void failureThatDoesNotPassByItselfIsNotTriedAgain(Kind kind) throws Exception {
        controlPlane.logging = logs -> {
            calls.incrementAndGet();
            throw FakeControlPlane.failure(kind);
        };

        assertThat(deliver(LONG).status()).isEqualTo(Status.FAILED);
        assertThat(calls).hasValue(1);
    }

    @Test
    void interruptEndsTheWaitForAnOutage() throws Exception {
        controlPlane.logging = logs -> {
            throw notTried();
        };
        controlPlane.awaiting = atMost -> new CountDownLatch(1).await(atMost.toNanos(), TimeUnit.NANOSECONDS);
        CompletableFuture<String> end = new CompletableFuture<>();
        Thread waiter = Thread.ofVirtual().start(() -> {
            try {
                end.complete(deliver(LONG).message());
            } catch (InterruptedException e) {
                end.complete("interrupted");
            }
        });
        await().until(() -> waiter.getState() == Thread.State.TIMED_WAITING);
        waiter.interrupt();

        assertThat(end.get(30, TimeUnit.SECONDS)).isEqualTo("interrupted");
    }
}
