package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.replicationserver.receiver.replication.ModelWorld.DISK_BYTES;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo.Detail;
import org.replicationserver.receiver.replication.DataReplicationInfo.Rate;
import org.replicationserver.receiver.session.DesiredState;

/** Lag, rates, ETA and convergence. */
class RatesTest {
    private final ModelWorld world = new ModelWorld();
    private double backlogBytes;

    /** The source writes and blocks become durable, both evenly; the agent reports every 2 s. */
    private void transfer(int seconds, double arrivingPerSecond, double durablePerSecond) {
        long[] ticks = {0};
        world.pass(Duration.ofSeconds(seconds), () -> {
            backlogBytes += (arrivingPerSecond - durablePerSecond) / 4;
            world.durable(0, Math.round(durablePerSecond / 4));
            if (ticks[0]++ % 8 == 0) {
                world.report(Math.round(backlogBytes), 0);
            }
        });
    }

    private Detail detail() {
        return world.info().detail();
    }

    private Rate rate(int window) {
        return detail().rates().get(window);
    }

    private static Duration off(Instant actual, Instant expected) {
        return Duration.between(actual, expected).abs();
    }

    // --- lag

    @Test
    void lagIsSinceTheMarkWhileAnythingWaits() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        assertThat(detail().lagSinceCommitSeconds()).isNull();
        world.openEpoch(2 * DISK_BYTES);
        world.passSeconds(100);
        assertThat(world.info().lagDuration()).as("since the start").isEqualTo(Duration.ofSeconds(100));
        world.model.committed(1, false, world.now().wallMillis() - 40_000, world.now());
        assertThat(detail().lagSinceCommitSeconds()).as("nothing waits").isZero();

        world.passSeconds(10);
        world.openEpoch(MIB);
        assertThat(detail().lagSinceCommitSeconds()).isEqualTo(50);
        assertThat(world.info().lagDuration()).hasToString("PT50S");

        world.report(MIB, 0);
        world.commit();
        world.passSeconds(1);
        assertThat(detail().lagSinceCommitSeconds())
                .as("the report is of before")
                .isZero();
        world.report(0, 0);
        world.passSeconds(6);
        assertThat(detail().lagSinceCommitSeconds()).as("the agent has nothing").isZero();
        world.report(0, 512);
        assertThat(detail().lagSinceCommitSeconds())
                .as("the agent has something")
                .isEqualTo(7);
        world.report(0, 0);
        world.lose();
        assertThat(detail().lagSinceCommitSeconds()).as("nobody knows").isEqualTo(7);
        assertThat(detail().lagSinceConsistentSnapshotSeconds()).isNull();
    }

    @Test
    void lagGoesOnFromTheLastCommitThatHadEveryDiskAsLongAsAVolumeTakesNoWrites() {
        world.replicateAll();
        world.passSeconds(10);
        world.model.volumeFailed("vol-1", "EIO", world.now());
        world.lose();
        world.open(world.volume(0, Welcome.Action.RESUME, "gen-1"), world.volume(1, Welcome.Action.FAILED, "gen-1"));
        for (int i = 0; i < 10; i++) {
            world.passSeconds(10);
            world.openEpoch(MIB);
            world.durable(0, MIB);
            world.commit();
        }

        assertThat(detail().lagSinceCommitSeconds()).isEqualTo(110);
        assertThat(world.info().lagDuration()).hasSeconds(110);
        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);
        assertThat(world.codes())
                .as("nothing is to come, so that only the volume is to blame")
                .containsExactly(ExplanationCode.VOLUME_FAILED);
        world.restart();
        assertThat(world.info().lagDuration()).hasSeconds(110);

        world.model.volumeOpened("vol-1");
        world.open(world.volume(0, Welcome.Action.RESUME, "gen-1"), world.volume(1, Welcome.Action.RESCAN, "gen-2"));
        world.openEpoch(DISK_BYTES);
        world.durable(1, DISK_BYTES);
        world.commit();
        assertThat(world.info().lagDuration()).isZero();
        assertThat(world.state()).isEqualTo(DataReplicationState.CONTINUOUS);
    }

    @Test
    void volumeThatWasNeverThereIsWaitedForByTheLag() {
        world.start();
        world.model.volumeUnavailable("vol-1", "no such device", world.now());
        world.open(world.volume(0, Welcome.Action.RESCAN, "gen-1"), world.volume(1, Welcome.Action.FAILED, "gen-1"));
        world.openEpoch(DISK_BYTES);
        world.durable(0, DISK_BYTES);
        world.passSeconds(100);
        world.commit();

        assertThat(detail().lagSinceCommitSeconds())
                .as("no commit had every disk")
                .isNull();
        assertThat(world.info().lagDuration()).hasSeconds(100);
        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);
    }

    @Test
    void volumeThatCannotBeOpenedIsNoContinuousReplicationAlsoWhileTheAgentIsAway() {
        world.replicateAll();
        world.lose();
        world.model.volumeUnavailable("vol-0", "its image file is gone", world.now());
        world.passSeconds(1);

        assertThat(world.state()).isEqualTo(DataReplicationState.BACKLOG);
        assertThat(detail().inconsistentVolumes()).contains("vol-0");
        assertThat(world.reasons.getLast()).startsWith("a volume takes no writes");
    }

    @Test
    void clockOfAnAgentThatIsAheadMakesNoNegativeLag() {
        world.replicateAll();
        world.model.committed(2, false, world.now().wallMillis() + 3_600_000, world.now());
        world.openEpoch(MIB);

        assertThat(detail().lagSinceCommitSeconds()).isZero();
    }

    // --- rates

    @Test
    void ratesAreMeansOverTheirWindows() {
        world.replicateAll();
        world.passSeconds(700);
        world.openEpoch(MIB);
        backlogBytes = 50 * MIB;
        transfer(120, 0, 100_000);

        assertThat(rate(0).windowSeconds()).isEqualTo(60);
        assertThat(rate(1).windowSeconds()).isEqualTo(600);
        assertThat(rate(0).durableBytesPerSecond()).isCloseTo(100_000, within(2_000L));
        assertThat(rate(1).durableBytesPerSecond()).isCloseTo(20_000, within(500L));
    }

    @Test
    void ratesOfTheFirstSecondsAreOverThoseSeconds() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        backlogBytes = DISK_BYTES;
        transfer(4, 0, 1_000_000);

        assertThat(rate(0).durableBytesPerSecond()).isEqualTo(1_000_000);
        assertThat(rate(1).durableBytesPerSecond()).isEqualTo(1_000_000);
    }

    @Test
    void whatTheSourceWritesIsWhatBecameDurableAndTheGrowthOfTheBacklog() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = 50 * MIB;
        assertThat(rate(0).arrivingBytesPerSecond()).as("not reported").isNull();
        transfer(100, 80_000, 100_000);

        assertThat(rate(0).arrivingBytesPerSecond()).isNotNull().isCloseTo(80_000L, within(3_000L));
        world.lose();
        assertThat(rate(0).arrivingBytesPerSecond()).isNull();
    }

    @Test
    void rescanIsNoGrowth() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = MIB;
        transfer(700, 1000, 1000);
        world.lose();
        world.open(Welcome.Action.RESCAN);
        backlogBytes = DISK_BYTES;
        transfer(40, 0, 100);

        assertThat(world.codes()).doesNotContain(ExplanationCode.NOT_CONVERGING);
    }

    // --- convergence

    @Test
    void backlogThatGrowsOverBothWindowsDoesNotConverge() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = MIB;
        transfer(580, 20_000, 10_000);
        assertThat(world.codes()).as("not observed long enough").doesNotContain(ExplanationCode.NOT_CONVERGING);
        transfer(40, 20_000, 10_000);
        assertThat(world.codes()).contains(ExplanationCode.NOT_CONVERGING);

        transfer(62, 0, 10_000);
        assertThat(world.codes()).as("the short window shrinks").doesNotContain(ExplanationCode.NOT_CONVERGING);
    }

    /** As under a control plane, whose answers differ in what concerns other source servers. */
    private void growForAnHourAndAssignTheSameEachMinute() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = MIB;
        for (int minute = 0; minute < 60; minute++) {
            transfer(60, 20_000, 10_000);
            world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES));
        }
    }

    @Test
    void sameAssignmentAgainForgetsNothingOfTheBacklog() {
        growForAnHourAndAssignTheSameEachMinute();

        assertThat(world.codes()).contains(ExplanationCode.NOT_CONVERGING);
        assertThat(rate(1).arrivingBytesPerSecond()).isNotNull().isCloseTo(20_000L, within(500L));
    }

    @Test
    void diskThatComesGoesOrChangesItsSizeMakesTheBacklogKnownAnew() {
        growForAnHourAndAssignTheSameEachMinute();
        world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES), ModelWorld.disk(2, DISK_BYTES));
        assertGrowthIsForgotten("a disk came");

        transfer(620, 20_000, 10_000);
        assertThat(world.codes()).contains(ExplanationCode.NOT_CONVERGING);
        world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES));
        assertGrowthIsForgotten("a disk went");

        transfer(620, 20_000, 10_000);
        world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES + MIB));
        assertGrowthIsForgotten("a disk grew");

        transfer(620, 20_000, 10_000);
        world.assign(ModelWorld.disk(0, DISK_BYTES), ModelWorld.disk(1, DISK_BYTES));
        assertGrowthIsForgotten("a disk shrank");
    }

    private void assertGrowthIsForgotten(String why) {
        assertThat(rate(0).arrivingBytesPerSecond()).as(why).isNull();
        assertThat(world.codes()).as(why).doesNotContain(ExplanationCode.NOT_CONVERGING);
    }

    @Test
    void backlogThatIsReportedOnlyLatelyIsNotKnownOverTheLongWindow() {
        world.replicateAll();
        world.openEpoch(MIB);
        world.passSeconds(700);
        backlogBytes = MIB;
        transfer(100, 20_000, 10_000);

        assertThat(world.codes()).doesNotContain(ExplanationCode.NOT_CONVERGING);
    }

    @Test
    void backlogThatWasGoneInBetweenConverges() {
        world.replicateAll();
        world.openEpoch(MIB);
        for (int i = 0; i < 13; i++) {
            backlogBytes = 0;
            world.report(0, 0);
            transfer(48, 20_000 + i * 1000.0, 10_000);
        }

        assertThat(world.codes()).doesNotContain(ExplanationCode.NOT_CONVERGING);
    }

    // --- ETA

    @Test
    void etaIsWhenTheBacklogIsGone() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = 50 * MIB;
        world.report(50 * MIB, 0);
        transfer(9, 0, 100_000);
        assertThat(detail().etaLatestDateTime()).as("not observed long enough").isNull();
        transfer(91, 50_000, 100_000);

        Instant expected = world.now().instant().plusSeconds((long) (backlogBytes / 50_000));
        assertThat(detail().etaEarliestDateTime()).isNotNull().isBeforeOrEqualTo(detail().etaLatestDateTime());
        assertThat(off(etaLatest(), expected)).isLessThan(Duration.ofSeconds(60));
        assertThat(world.info().etaDateTime()).isEqualTo(detail().etaLatestDateTime());
    }

    private Instant etaLatest() {
        Instant latest = detail().etaLatestDateTime();
        return latest == null ? Instant.EPOCH : latest;
    }

    @Test
    void etaOfARescanIsByItsOwnRateFromItsFirstSecondsOn() {
        world.replicateAll();
        world.report(0, 0);
        world.passSeconds(1000);
        world.lose();
        world.open(Welcome.Action.RESCAN, "gen-2");
        world.openEpoch(2 * DISK_BYTES);
        backlogBytes = DISK_BYTES;
        transfer(20, 0, MIB);

        Instant eta = world.now().instant().plusSeconds(80);
        assertThat(detail().etaLatestDateTime()).isBetween(eta.minusSeconds(5), eta.plusSeconds(5));
        assertThat(detail().etaEarliestDateTime()).isEqualTo(detail().etaLatestDateTime());
    }

    @Test
    void etaIsAnIntervalWhereTheWindowsDiffer() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = 90 * MIB;
        transfer(600, 0, 10_000);
        transfer(60, 0, 50_000);

        Instant now = world.now().instant();
        Instant earliest = detail().etaEarliestDateTime();
        assertThat(earliest).isNotNull();
        long toEarliest = earliest == null ? 0 : ChronoUnit.SECONDS.between(now, earliest);
        assertThat((double) toEarliest).isCloseTo(backlogBytes / 50_000, within(60.0));
        assertThat((double) ChronoUnit.SECONDS.between(now, etaLatest()))
                .isCloseTo(backlogBytes / 14_000, within(150.0));
    }

    @Test
    void thereIsNoEtaWhereTheBacklogDoesNotShrinkNobodyIsThereOrNothingIsLeft() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = 50 * MIB;
        transfer(100, 100_000, 100_000);
        assertThat(detail().etaLatestDateTime()).as("stands still").isNull();

        transfer(700, 0, 10_000);
        assertThat(detail().etaLatestDateTime()).isNotNull();
        world.model.desired(DesiredState.PAUSED, world.now());
        assertThat(detail().etaLatestDateTime()).as("paused").isNull();
        world.model.desired(DesiredState.STARTED, world.now());
        assertThat(detail().etaLatestDateTime()).as("not observed since").isNull();
        transfer(10, 0, 10_000);
        assertThat(detail().etaLatestDateTime()).isNotNull();
        world.lose();
        assertThat(detail().etaLatestDateTime()).as("nobody there").isNull();
        world.open(Welcome.Action.RESUME);
        world.report(0, 0);
        assertThat(detail().etaLatestDateTime()).as("nothing left").isNull();
    }

    @Test
    void etaOfTenYearsIsNone() {
        world.replicateAll();
        world.openEpoch(MIB);
        backlogBytes = DISK_BYTES;
        transfer(100, 0, 4); // a byte at each tick
        assertThat(detail().etaLatestDateTime()).isNotNull();

        world.assign(ModelWorld.disk(0, 1L << 46));
        world.open(Welcome.Action.RESUME);
        backlogBytes = 1L << 46;
        transfer(100, 0, 4);
        assertThat(detail().etaLatestDateTime()).isNull();
    }

    @Test
    void agentThatDoesNotReportHasAnEtaByWhatIsNotReplicated() {
        world.start();
        world.open(Welcome.Action.RESCAN);
        world.openEpoch(2 * DISK_BYTES);
        world.pass(Duration.ofSeconds(50), () -> world.durable(0, MIB / 4));

        assertThat(off(etaLatest(), world.now().instant().plusSeconds(150))).isLessThan(Duration.ofSeconds(2));
    }

    /** Reports come every two seconds; where their moments lie in the window must not matter. */
    @Test
    void backlogThatGrowsIsSeenToGrowAtEveryMomentHoweverItsReportsFall() {
        long second = 1_000_000_000L;
        for (long phase = 0; phase < 2 * second; phase += second / 16) {
            RateWindow window = new RateWindow(60 * second, 0);
            for (long tick = phase; tick < 130 * second; tick += second / 4) {
                if ((tick - phase) % (2 * second) == 0) {
                    window.backlog(tick, 1 + tick);
                }
                if (tick > 63 * second) {
                    assertThat(window.isBacklogGrowing(tick))
                            .as("phase %d, at %d", phase, tick)
                            .isTrue();
                }
            }
        }
    }
}
