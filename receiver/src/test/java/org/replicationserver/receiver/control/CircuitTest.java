package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.LoggedLines;

/** The circuit in virtual time. */
final class CircuitTest {
    private long nowNanos = 1;
    private final InstantSource wall = () -> Instant.EPOCH.plusNanos(nowNanos - 1);
    private final Circuit circuit = new Circuit(() -> nowNanos, wall.withZone(ZoneOffset.UTC), new Random(1));

    private static ControlPlaneException failure(Kind kind) {
        return new ControlPlaneException(kind, "told so", "Do so.", "request-1", null, null);
    }

    private void fail() throws Exception {
        circuit.admit().failed(failure(Kind.UNREACHABLE));
    }

    private void open() throws Exception {
        for (int i = 0; i < Circuit.FAILURES_TO_OPEN; i++) {
            fail();
        }
    }

    /** How long calls are refused from now on. */
    private Duration refusedFor() {
        ControlPlaneException refusal = catchThrowableOfType(ControlPlaneException.class, circuit::admit);
        assertThat(refusal.kind()).isEqualTo(Kind.CIRCUIT_OPEN);
        return refusal.retryAfter().orElseThrow();
    }

    private void pass(Duration time) {
        nowNanos += time.toNanos();
    }

    @Test
    void opensAfterThreeFailuresInARow() throws Exception {
        fail();
        fail();
        circuit.admit().answered();
        fail();
        fail();
        assertThat(circuit.admit().isProbe()).isFalse();
        fail();
        assertThat(refusedFor()).isBetween(Circuit.PAUSE_FIRST.dividedBy(2), Circuit.PAUSE_FIRST);
    }

    @Test
    void letsOneProbeThroughAtATime() throws Exception {
        open();
        pass(refusedFor());
        Circuit.Permit probe = circuit.admit();
        assertThat(probe.isProbe()).isTrue();
        refusedFor();
        probe.answered();
        assertThat(circuit.admit().isProbe()).isFalse();
    }

    @Test
    void pauseGrowsToItsCapAndBeginsAnewAfterAnAnswer() throws Exception {
        open();
        Duration whole = Circuit.PAUSE_FIRST;
        for (int i = 0; i < 12; i++) {
            Duration pause = refusedFor();
            assertThat(pause).isBetween(whole.dividedBy(2), whole);
            pass(pause);
            fail();
            whole = whole.multipliedBy(2).compareTo(Circuit.PAUSE_MAX) < 0 ? whole.multipliedBy(2) : Circuit.PAUSE_MAX;
        }
        assertThat(whole).isEqualTo(Circuit.PAUSE_MAX);
        pass(refusedFor());
        circuit.admit().answered();
        open();
        assertThat(refusedFor()).isLessThanOrEqualTo(Circuit.PAUSE_FIRST);
    }

    @Test
    void callsThatWereUnderWayWhenItOpenedDoNotMakeThePauseLonger() throws Exception {
        Circuit.Permit late = circuit.admit();
        open();
        Duration pause = refusedFor();
        late.failed(failure(Kind.TIMEOUT));
        assertThat(refusedFor()).isEqualTo(pause);
    }

    @Test
    void refusalOfContentIsAnAnswer() throws Exception {
        open();
        pass(refusedFor());
        circuit.admit().failed(failure(Kind.NOT_FOUND));
        assertThat(circuit.admit().isProbe()).isFalse();
    }

    @Test
    void probeThatIsGivenUpLeavesTheNextOneItsTurn() throws Exception {
        open();
        pass(refusedFor());
        circuit.admit().abandoned();
        assertThat(circuit.admit().isProbe()).isTrue();
    }

    private static ControlPlaneException asksForTime(Duration time) {
        return new ControlPlaneException(Kind.THROTTLED, "told so", "Do so.", "request-1", time, null);
    }

    private static void failAskingForTime(Circuit.Permit permit, Duration time) {
        permit.told(asksForTime(time));
        permit.failed(asksForTime(time));
    }

    @Test
    void oneFailureThatAsksForTimeHoldsAllCallsForThatTime() throws Exception {
        Duration asked = Duration.ofSeconds(90);
        failAskingForTime(circuit.admit(), asked);
        Duration refused = refusedFor();
        assertThat(refused).isBetween(asked.plus(Circuit.PAUSE_FIRST.dividedBy(2)), asked.plus(Circuit.PAUSE_FIRST));
        pass(refused);
        Circuit.Permit probe = circuit.admit();
        assertThat(probe.isProbe()).isTrue();
        failAskingForTime(probe, asked);
        assertThat(refusedFor()).as("also a probe").isGreaterThan(asked);
    }

    private List<String> linesOf(Runnable task) {
        try (LoggedLines lines = LoggedLines.of(Circuit.class.getName())) {
            task.run();
            return lines.texts();
        }
    }

    @Test
    void onlyAFailureThatAsksForTimeIsToldToAskForIt() throws Exception {
        Circuit.Permit call = circuit.admit();
        pass(Duration.ofSeconds(1));
        assertThat(linesOf(() -> call.told(failure(Kind.CONNECTION_REFUSED)))).isEmpty();
        assertThat(linesOf(() -> call.told(asksForTime(Duration.ofSeconds(9)))))
                .singleElement()
                .asString()
                .contains("control plane asks for time and has it");
    }

    @Test
    void timeThatIsAskedForHasACap() throws Exception {
        failAskingForTime(circuit.admit(), Duration.ofDays(1));
        assertThat(refusedFor()).isBetween(Circuit.RETRY_AFTER_MAX, Circuit.RETRY_AFTER_MAX.plus(Circuit.PAUSE_FIRST));
    }

    @Test
    void callThatWasUnderWayMayAskForMoreTime() throws Exception {
        Circuit.Permit late = circuit.admit();
        open();
        failAskingForTime(late, Duration.ofSeconds(30));
        assertThat(refusedFor()).isGreaterThan(Duration.ofSeconds(30));
    }

    @Test
    void answerToACallThatBeganBeforeTheFailureEndsNothing() throws Exception {
        Duration asked = Duration.ofSeconds(90);
        Circuit.Permit poll = circuit.admit();
        Circuit.Permit refusedPoll = circuit.admit();
        pass(Duration.ofSeconds(1));
        failAskingForTime(circuit.admit(), asked);
        pass(Duration.ofSeconds(30));
        List<String> lines = linesOf(() -> {
            poll.answered();
            refusedPoll.failed(failure(Kind.NOT_FOUND));
        });
        assertThat(lines).isEmpty();
        assertThat(circuit.status().failingSince()).isNotNull();
        Duration refused = refusedFor();
        assertThat(refused)
                .isBetween(Duration.ofSeconds(60), Duration.ofSeconds(60).plus(Circuit.PAUSE_FIRST));
        pass(refused);
        Circuit.Permit probe = circuit.admit();
        assertThat(probe.isProbe()).isTrue();
        probe.answered();
        assertThat(circuit.status().failingSince()).isNull();
    }

    @Test
    void answerBeforeTheCircuitOpensEndsNothingEitherIfItsCallBeganBefore() throws Exception {
        Circuit.Permit poll = circuit.admit();
        pass(Duration.ofSeconds(1));
        fail();
        fail();
        poll.answered();
        fail();
        assertThat(refusedFor()).as("three in a row").isPositive();
    }

    @Test
    void outageBeganWithItsFirstCallOrWithTheAnswerBefore() throws Exception {
        Circuit.Permit silent = circuit.admit();
        pass(Duration.ofSeconds(10));
        silent.failed(failure(Kind.TIMEOUT));
        assertThat(circuit.status().failingSince()).isEqualTo(Instant.EPOCH);

        circuit.admit().answered();
        assertThat(circuit.status().failingSince()).isNull();
        Circuit.Permit poll = circuit.admit();
        pass(Duration.ofSeconds(5));
        circuit.admit().answered();
        pass(Duration.ofSeconds(5));
        poll.failed(failure(Kind.TIMEOUT));
        assertThat(circuit.status().failingSince()).isEqualTo(Instant.EPOCH.plusSeconds(15));
    }

    @Test
    void attemptOfACallThatGoesOnAsksForTimeAsWell() throws Exception {
        Circuit.Permit throttled = circuit.admit();
        throttled.told(asksForTime(Duration.ofSeconds(15)));
        assertThat(circuit.asked()).isEqualTo(Duration.ofSeconds(15));
        assertThat(refusedFor()).isEqualTo(Duration.ofSeconds(15));
        throttled.answered();
        assertThat(refusedFor()).isEqualTo(Duration.ofSeconds(15));
        pass(Duration.ofSeconds(15));
        assertThat(circuit.asked()).isZero();
        circuit.admit().answered();
    }

    @Test
    void shorterTimeThatIsAskedForLaterDoesNotReplaceALongerOne() throws Exception {
        Circuit.Permit late = circuit.admit();
        failAskingForTime(circuit.admit(), Duration.ofSeconds(90));
        failAskingForTime(late, Duration.ofSeconds(5));
        assertThat(refusedFor()).isGreaterThanOrEqualTo(Duration.ofSeconds(90));
    }

    @Test
    void statusTellsSinceWhenAndWhy() throws Exception {
        assertThat(circuit.status()).isEqualTo(ControlPlaneStatus.NOTHING_YET);
        open();
        assertThat(circuit.status())
                .isEqualTo(new ControlPlaneStatus(
                        null,
                        Instant.EPOCH,
                        3,
                        new ControlPlaneStatus.Failure(
                                Instant.EPOCH, Kind.UNREACHABLE, "told so", "Do so.", "request-1"),
                        Instant.EPOCH.plus(refusedFor())));
        pass(refusedFor());
        assertThat(circuit.status().nextAttempt()).as("may come now").isNull();
        circuit.admit().answered();
        assertThat(circuit.status().failingSince()).isNull();
        assertThat(circuit.status().lastAnswered()).isEqualTo(wall.instant());
        assertThat(circuit.status().lastFailure()).as("what was, stays visible").isNotNull();
    }

    private Thread waiter(CompletableFuture<Boolean> woken) {
        return Thread.ofVirtual().start(() -> {
            try {
                woken.complete(circuit.awaitAttempt(Duration.ofDays(1)));
            } catch (InterruptedException e) {
                woken.complete(false);
            }
        });
    }

    @Test
    void whoWaitsGoesOnWaitingWhileTimeIsAskedForAlthoughACallIsAnswered() throws Exception {
        Circuit.Permit poll = circuit.admit();
        failAskingForTime(circuit.admit(), Duration.ofSeconds(90));
        CompletableFuture<Boolean> woken = new CompletableFuture<>();
        Thread waiter = waiter(woken);
        poll.answered();
        await().until(() -> waiter.getState() == Thread.State.TIMED_WAITING);
        waiter.interrupt();
        assertThat(woken.get(10, TimeUnit.SECONDS)).isFalse();
    }

    @Test
    @Timeout(60)
    void whoHasLessTimeThanIsLeftUntilTheNextCallDoesNotWait() throws Exception {
        open();
        Duration left = refusedFor();

        assertThat(circuit.awaitAttempt(left.minusMillis(1))).isFalse();
        pass(left);
        assertThat(circuit.awaitAttempt(Duration.ZERO)).isTrue();
    }

    @Test
    void whoWaitsIsWokenWhenAProbeIsAnswered() throws Exception {
        open();
        pass(refusedFor());
        Circuit.Permit probe = circuit.admit();
        CompletableFuture<Boolean> woken = new CompletableFuture<>();
        waiter(woken);
        probe.answered();
        assertThat(woken.get(10, TimeUnit.SECONDS)).isTrue();
    }
}
