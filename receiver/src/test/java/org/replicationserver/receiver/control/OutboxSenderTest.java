package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

final class OutboxSenderTest {
    private final FakeControlPlane controlPlane = new FakeControlPlane();
    private final AtomicInteger refused = new AtomicInteger();

    @TempDir
    private Path directory = Path.of("");

    private Outbox open() throws IOException {
        return Outbox.open(directory.resolve("outbox"), 64 << 20, Clock.systemUTC());
    }

    private OutboxSender start(Outbox outbox) {
        OutboxSender sender = new OutboxSender(controlPlane, outbox, refused::incrementAndGet);
        sender.start();
        return sender;
    }

    private static void append(Outbox outbox, int from, int to) {
        for (int i = from; i <= to; i++) {
            outbox.append(OutboxLogTest.connected("s-1", i));
        }
    }

    private List<Long> takenSequences() {
        return controlPlane.taken.stream().map(SentReport::sequence).toList();
    }

    private void awaitTaken(int count) {
        await().atMost(Duration.ofSeconds(30)).until(() -> controlPlane.taken.size() >= count);
    }

    @Test
    void everythingIsToldInOrderAlsoAfterARestart() throws Exception {
        controlPlane.taking = report -> {
            throw FakeControlPlane.failure(Kind.UNREACHABLE);
        };
        try (Outbox outbox = open();
                OutboxSender _ = start(outbox)) {
            append(outbox, 1, 5);
        }
        controlPlane.taking = report -> {};
        try (Outbox outbox = open();
                OutboxSender _ = start(outbox)) {
            append(outbox, 6, 7);
            awaitTaken(7);
            await().until(() -> outbox.status().entries() == 0);
        }
        assertThat(takenSequences()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L);
    }

    @Test
    void faultsOfTheControlPlaneNeverMakeAReportGiveUp() throws Exception {
        AtomicInteger faults = new AtomicInteger();
        List<Kind> kinds = List.of(Kind.SERVER_FAULT, Kind.BAD_ANSWER, Kind.REFUSED_CREDENTIALS, Kind.CIRCUIT_OPEN);
        controlPlane.taking = report -> {
            int fault = faults.getAndIncrement();
            if (fault < kinds.size()) {
                throw FakeControlPlane.failure(kinds.get(fault));
            }
        };
        try (Outbox outbox = open();
                OutboxSender _ = start(outbox)) {
            append(outbox, 1, 2);
            awaitTaken(2);
            assertThat(outbox.status().setAside()).isZero();
        }
        assertThat(takenSequences()).containsExactly(1L, 2L);
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"NOT_VALID", "NOT_FOUND", "CONFLICT"})
    void reportThatIsRefusedForGoodIsSetAsideAndTheNextGoesOn(Kind kind) throws Exception {
        AtomicInteger refusals = new AtomicInteger();
        controlPlane.taking = report -> {
            if (report.sequence() == 2) {
                refusals.incrementAndGet();
                throw FakeControlPlane.failure(kind);
            }
        };
        try (Outbox outbox = open();
                OutboxSender _ = start(outbox)) {
            append(outbox, 1, 3);
            awaitTaken(2);
            await().until(() -> outbox.status().entries() == 0);
            await().until(() -> outbox.status().setAside() == 1);
        }
        assertThat(takenSequences()).containsExactly(1L, 3L);
        assertThat(refusals).hasValue(OutboxSender.REFUSALS_MAX);
        assertThat(refused).as("what is known of assignments may be old").hasValue(1);
        assertThat(Files.readString(directory.resolve("outbox").resolve(RefusedReports.FILE_NAME)))
                .contains("\"sequence\":2")
                .contains("answered " + kind);
    }

    @Test
    void faultOfOursDoesNotEndTheThread() throws Exception {
        AtomicInteger faults = new AtomicInteger();
        controlPlane.taking = report -> {
            if (faults.getAndIncrement() == 0) {
                throw new IllegalStateException("on purpose");
            }
        };
        try (Outbox outbox = open();
                OutboxSender _ = start(outbox)) {
            append(outbox, 1, 1);
            awaitTaken(1);
        }
    }
}
