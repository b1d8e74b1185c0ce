package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.slf4j.LoggerFactory;

/** Which lines an outage leaves, in virtual time. */
final class OutageLogTest {
    private static final Instant BEGIN = Instant.parse("2026-05-01T00:00:00Z");

    private final Logger logger = (Logger) LoggerFactory.getLogger(OutageLog.class);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
    private final OutageLog outage = new OutageLog();
    private long failedCalls = 2;

    @BeforeEach
    void listen() {
        lines.start();
        logger.addAppender(lines);
    }

    @AfterEach
    void leave() {
        logger.detachAppender(lines);
    }

    private void failAfter(Duration time, Kind kind) {
        Instant now = BEGIN.plus(time);
        outage.failed(new ControlPlaneStatus(
                null,
                BEGIN,
                ++failedCalls,
                new ControlPlaneStatus.Failure(now, kind, "it did so", "Do so.", null),
                now.plusSeconds(60)));
    }

    private List<String> told() {
        return lines.list.stream().map(ILoggingEvent::getMessage).toList();
    }

    private static String value(ILoggingEvent line, String key) {
        return line.getKeyValuePairs().stream()
                .filter(pair -> pair.key.equals(key))
                .map(pair -> String.valueOf(pair.value))
                .findFirst()
                .orElse("");
    }

    @Test
    void beginningIsToldOnceWithTheActionAndTheNextAttempt() {
        failAfter(Duration.ZERO, Kind.TIMEOUT);
        failAfter(Duration.ofMinutes(1), Kind.TIMEOUT);

        assertThat(lines.list).hasSize(1).first().satisfies(line -> {
            assertThat(line.getLevel()).isEqualTo(Level.WARN);
            assertThat(value(line, "kind")).isEqualTo("TIMEOUT");
            assertThat(value(line, "cause")).isEqualTo("it did so");
            assertThat(value(line, "nextAction")).isEqualTo("Do so.");
            assertThat(value(line, "nextAttempt")).isEqualTo("2026-05-01T00:01:00Z");
        });
    }

    @Test
    void changeOfTheKindIsToldAtOnceWithTheKindBefore() {
        failAfter(Duration.ZERO, Kind.TIMEOUT);
        failAfter(Duration.ofSeconds(1), Kind.REFUSED_CREDENTIALS);
        failAfter(Duration.ofSeconds(2), Kind.REFUSED_CREDENTIALS);

        assertThat(told())
                .containsExactly(
                        "calls of the control plane fail, between pauses one is tried",
                        "calls of the control plane fail for another reason now");
        assertThat(value(lines.list.getLast(), "before")).isEqualTo("TIMEOUT");
        assertThat(value(lines.list.getLast(), "kind")).isEqualTo("REFUSED_CREDENTIALS");
    }

    @Test
    void reminderComesTenMinutesAfterTheLastLineOfWhateverSort() {
        failAfter(Duration.ZERO, Kind.TIMEOUT);
        failAfter(Duration.ofMinutes(5), Kind.NAME_UNKNOWN);
        for (int minute = 6; minute <= 36; minute++) {
            failAfter(Duration.ofMinutes(minute), Kind.NAME_UNKNOWN);
        }

        assertThat(lines.list.stream().skip(2))
                .extracting(line -> line.getMessage() + " " + value(line, "seconds"))
                .containsExactly(
                        "calls of the control plane still fail 900",
                        "calls of the control plane still fail 1500",
                        "calls of the control plane still fail 2100");
    }

    @Test
    void endIsToldWithTheLengthAndTheNextOutageBeginsAnew() {
        failAfter(Duration.ZERO, Kind.TIMEOUT);
        outage.ended(BEGIN.plusSeconds(754), BEGIN, 9);
        failAfter(Duration.ofMinutes(20), Kind.TIMEOUT);

        assertThat(told())
                .containsExactly(
                        "calls of the control plane fail, between pauses one is tried",
                        "control plane answers again",
                        "calls of the control plane fail, between pauses one is tried");
        assertThat(value(lines.list.get(1), "seconds")).isEqualTo("754");
        assertThat(value(lines.list.get(1), "failedCalls")).isEqualTo("9");
    }
}
