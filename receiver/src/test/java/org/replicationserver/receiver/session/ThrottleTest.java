package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Random;
import java.util.Set;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.session.BandwidthSchedule.Entry;
import org.replicationserver.receiver.session.HeldLimit.Origin;
import org.replicationserver.receiver.session.ThrottleWorld.Passed;
import org.replicationserver.receiver.session.ThrottleWorld.Stream;

/** The throttle in virtual time. */
final class ThrottleTest {
    private static final double TOLERANCE = 0.03;

    private final ThrottleWorld world = new ThrottleWorld(new Random(4711));

    private SourceThrottle source(int mbps) {
        SourceThrottle source = world.throttle.newSource(limit -> {});
        limit(source, mbps);
        return source;
    }

    private static void limit(SourceThrottle source, int mbps) {
        source.setSchedule(BandwidthSchedule.always(mbps));
    }

    private void limitServer(int mbps) {
        world.throttle.setSchedule(BandwidthSchedule.always(mbps));
    }

    private void assertRate(List<Stream> streams, double mbps, long fromNanos) {
        double[] extremes =
                ThrottleWorld.extremesOverTenSeconds(ThrottleWorld.merged(streams), fromNanos, world.nanos());
        assertThat(extremes[0]).as("the least in ten seconds").isGreaterThan(mbps * (1 - TOLERANCE));
        assertThat(extremes[1]).as("the most in ten seconds").isLessThan(mbps * (1 + TOLERANCE));
    }

    private static void assertFair(List<Stream> streams, double tolerance) {
        LongSummaryStatistics bytes = streams.stream().mapToLong(Stream::bytes).summaryStatistics();
        assertThat(bytes.getMin()).as(bytes.toString()).isGreaterThan((long) (bytes.getAverage() * (1 - tolerance)));
        assertThat(bytes.getMax()).as(bytes.toString()).isLessThan((long) (bytes.getAverage() * (1 + tolerance)));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 4", "1, 16", "10, 4", "100, 4", "100, 1", "1000, 16", "3000, 1", "10000, 16"})
    void rateIsKeptOverAnyTenSecondsAndStreamsShareIt(int mbps, int streams) {
        List<Stream> busy = world.busy(source(mbps), streams);
        world.runFor(25);
        assertRate(busy, mbps, 0);
        assertFair(busy, 0.05);
        assertThat(world.alarmsSet).isLessThanOrEqualTo(1);
    }

    /** One alarm in twenty is late by 150 ms, as on a machine that is short of processors. */
    @ParameterizedTest
    @ValueSource(ints = {1, 20, 500})
    void lateTimersLoseNothing(int mbps) {
        world.stallNanos = 150_000_000;
        world.stallOdds = 20;
        List<Stream> busy = world.busy(source(mbps), 4);
        world.runFor(30);
        assertRate(busy, mbps, 0);
    }

    @Test
    void nothingIsSavedUpWhileNobodySends() {
        Stream stream = world.busy(source(8), 1).getFirst();
        world.runFor(1);
        stream.busy(false);
        world.runFor(60);
        stream.passed.clear();
        stream.busy(true);
        long beganNanos = world.nanos();
        world.runFor(10);
        assertRate(List.of(stream), 8, beganNanos);
        long inTheFirstTenth = stream.passed.stream()
                .filter(passed -> passed.atNanos() < beganNanos + ThrottleWorld.SECOND_NANOS / 10)
                .mapToLong(Passed::bytes)
                .sum();
        assertThat(inTheFirstTenth)
                .as("100 ms, and 50 ms that may be saved up, and a turn")
                .isLessThan(170_000);
    }

    @Test
    void changeHoldsFromNowOn() {
        SourceThrottle source = source(10);
        List<Stream> busy = world.busy(source, 4);
        world.runFor(11);
        for (int mbps : new int[] {100, 1, 2000, 5}) {
            limit(source, mbps);
            long changedNanos = world.nanos();
            world.runFor(12);
            assertRate(busy, mbps, changedNanos);
        }
    }

    @Test
    void zeroIsNoThrottle() {
        SourceThrottle source = source(0);
        List<Stream> free = world.busy(source, 2);
        assertThat(free).noneMatch(stream -> stream.on);
        limit(source, 10);
        assertThat(free).allMatch(stream -> stream.on);
        world.runFor(5);
        limit(source, 0);
        assertThat(free).noneMatch(stream -> stream.on);
        long before = ThrottleWorld.merged(free).size();
        world.runFor(5);
        assertThat(ThrottleWorld.merged(free)).as("no turns are given any more").hasSize((int) before);
        limitServer(20);
        assertThat(free).allMatch(stream -> stream.on);
        long limitedNanos = world.nanos();
        world.runFor(12);
        assertRate(free, 20, limitedNanos);
        limit(source, 5);
        limitServer(0);
        assertThat(free).as("the other limit is still there").allMatch(stream -> stream.on);
    }

    @Test
    void sourcesTakeTurnsAtTheServersRateHoweverManyStreamsTheyHave() {
        limitServer(30);
        List<Stream> one = world.busy(source(0), 1);
        List<Stream> four = world.busy(source(0), 4);
        List<Stream> sixteen = world.busy(source(0), 16);
        world.runFor(20);
        List<Stream> all = new ArrayList<>(one);
        all.addAll(four);
        all.addAll(sixteen);
        assertRate(all, 30, 0);
        for (List<Stream> each : List.of(one, four, sixteen)) {
            assertRate(each, 10, 0);
            assertFair(each, 0.05);
        }
    }

    @Test
    void bothLimitsBind() {
        limitServer(30);
        List<Stream> slow = world.busy(source(4), 4);
        List<Stream> fast = world.busy(source(1000), 4);
        List<Stream> free = world.busy(source(0), 4);
        world.runFor(20);
        assertRate(slow, 4, 0);
        assertRate(fast, 13, 0);
        assertRate(free, 13, 0);
    }

    @Test
    void whatOneSourceDoesNotUseTheOthersMay() {
        limitServer(30);
        List<Stream> one = world.busy(source(0), 2);
        List<Stream> other = world.busy(source(0), 2);
        world.runFor(12);
        one.forEach(stream -> stream.busy(false));
        world.runFor(1);
        long aloneNanos = world.nanos();
        world.runFor(12);
        assertRate(other, 30, aloneNanos);
        one.forEach(stream -> stream.busy(true));
        long togetherNanos = world.nanos();
        world.runFor(12);
        assertRate(one, 15, togetherNanos);
    }

    @Test
    void streamThatHasLittleLeavesTheRestToTheOthers() {
        SourceThrottle source = source(8);
        List<Stream> busy = world.busy(source, 3);
        busy.getFirst().busy(false);
        world.runFor(1);
        long fromNanos = world.nanos();
        world.runFor(12);
        assertRate(busy.subList(1, 3), 8, fromNanos);
        assertFair(busy.subList(1, 3), 0.05);
    }

    @Test
    void streamThatLeavesHoldsUpNobody() {
        limitServer(50);
        SourceThrottle source = source(8);
        List<Stream> busy = world.busy(source, 3);
        world.runFor(1);
        source.leave(busy.getFirst());
        long left = busy.getFirst().bytes();
        long fromNanos = world.nanos();
        world.runFor(12);
        assertRate(busy.subList(1, 3), 8, fromNanos);
        assertThat(busy.getFirst().bytes()).isEqualTo(left);
        busy.subList(1, 3).forEach(source::leave);
        world.runFor(1);
        assertThat(world.alarmsSet).isZero();
    }

    @Test
    void pausedIsTheTimeInWhichSomeStreamWaitsForTheThrottle() {
        SourceThrottle source = source(8);
        List<Stream> busy = world.busy(source, 4);
        world.runFor(10);
        assertThat(seconds(source)).isCloseTo(10, within(0.1));
        busy.forEach(stream -> stream.busy(false));
        world.runFor(2); // what was fetched passes
        double before = seconds(source);
        world.runFor(10);
        assertThat(seconds(source)).isEqualTo(before);
        busy.forEach(stream -> stream.busy(true));
        world.runFor(1);
        busy.forEach(source::leave);
        double left = seconds(source);
        assertThat(left - before).isCloseTo(1, within(0.1));
        world.runFor(10);
        assertThat(seconds(source)).isEqualTo(left);
    }

    @Test
    void streamThatIsSlowItselfDoesNotWaitForTheThrottle() {
        world.fetchNanosMax = 2_000_000;
        SourceThrottle source = source(5_000);
        Stream stream = world.busy(source, 1).getFirst();
        world.runFor(10);
        assertThat(stream.bytes()).isGreaterThan(10L * 400 * 125_000);
        assertThat(seconds(source)).isLessThan(0.1);
    }

    private static double seconds(SourceThrottle source) {
        return source.pausedNanos() / (double) ThrottleWorld.SECOND_NANOS;
    }

    @Test
    void sourceThatWaitsForTheServersRateIsPausedToo() {
        limitServer(8);
        SourceThrottle source = source(0);
        world.busy(source, 1);
        world.runFor(10);
        assertThat(seconds(source)).isCloseTo(10, Percentage.withPercentage(2));
    }

    private static HeldLimit held(int mbps, Origin origin) {
        return new HeldLimit(mbps, origin);
    }

    /** The world begins at the epoch, on a Thursday at midnight. */
    @Test
    void whatHoldsIsToldWithWhereItComesFrom() {
        Entry firstMinute = new Entry(Set.of(DayOfWeek.THURSDAY), LocalTime.MIDNIGHT, LocalTime.of(0, 1), 5);
        BandwidthSchedule assigned = new BandwidthSchedule(20, ZoneOffset.UTC, List.of(firstMinute));
        SourceThrottle source = world.throttle.newSource(limit -> {});
        assertThat(source.held()).isEqualTo(held(0, Origin.ASSIGNED));
        source.assign(assigned);
        assertThat(source.held()).isEqualTo(held(5, Origin.SCHEDULE));
        world.runFor(61);
        source.look();
        assertThat(source.held()).isEqualTo(held(20, Origin.ASSIGNED));
        source.setSchedule(BandwidthSchedule.always(7));
        source.assign(assigned);
        assertThat(source.held()).as("the same is assigned again").isEqualTo(held(7, Origin.BY_HAND));
        source.assign(BandwidthSchedule.always(30));
        assertThat(source.held()).isEqualTo(held(30, Origin.ASSIGNED));
    }

    @Test
    void whatIsSetByHandForTheServerHoldsUntilSomethingIsAssigned() {
        world.throttle.assign(BandwidthSchedule.always(9));
        assertThat(world.throttle.held()).isEqualTo(held(9, Origin.ASSIGNED));
        limitServer(0);
        assertThat(world.throttle.held()).isEqualTo(held(0, Origin.BY_HAND));
        world.throttle.assign(BandwidthSchedule.always(9));
        assertThat(world.throttle.held()).isEqualTo(held(9, Origin.ASSIGNED));
    }
}
