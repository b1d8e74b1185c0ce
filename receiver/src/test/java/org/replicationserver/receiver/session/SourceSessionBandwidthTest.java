package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;

import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Limits of the bandwidth: who is under them, and which one holds. */
class SourceSessionBandwidthTest {
    @Test
    void onlyDataConnectionsAreUnderTheThrottleOfTheirSource() {
        OpenSession open = open(2, 1);
        assertThat(open.control.throttle).isNull();
        assertThat(open.stream(0).throttle).isNotNull().isSameAs(open.stream(1).throttle);
        assertThat(open.world.connect().throttle).isNull();
    }

    @Test
    void eachLimitThatHoldsIsToldOnceWithItsOrigin() {
        SessionWorld world = new SessionWorld(1);
        world.told.clear();
        world.sessions.setBandwidth(SessionWorld.SOURCE, BandwidthSchedule.always(50));
        world.sessions.setBandwidth(SessionWorld.SOURCE, BandwidthSchedule.always(50));
        world.sessions.limitServerByHand(BandwidthSchedule.always(7));
        world.sessions.setServerBandwidth(BandwidthSchedule.always(7));
        world.sessions.setServerBandwidth(BandwidthSchedule.UNLIMITED);
        world.pass(2_000);
        assertThat(world.told)
                .containsExactly(
                        "limit " + SessionWorld.SOURCE + " 50 BY_HAND",
                        "limit null 7 BY_HAND",
                        "limit null 7 ASSIGNED",
                        "limit null 0 ASSIGNED");
    }

    /** The world begins on 2026-09-21, a Monday, at 14:13:20Z. */
    @Test
    void scheduleIsLookedAtOnceASecond() {
        OpenSession open = open(1, 1);
        List<Boolean> told = new ArrayList<>();
        Objects.requireNonNull(open.stream(0).throttle).join(new ThrottledStream() {
            @Override
            public void throttled(boolean on) {
                told.add(on);
            }

            @Override
            public int pass(int bytesMax) {
                throw new AssertionError("nothing waits");
            }
        });
        Sessions sessions = open.world.sessions;
        BandwidthSchedule afternoons = new BandwidthSchedule(
                0,
                ZoneOffset.UTC,
                List.of(new BandwidthSchedule.Entry(
                        Set.of(DayOfWeek.MONDAY), LocalTime.of(14, 14), LocalTime.of(14, 15), 50)));
        assertThat(sessions.setBandwidth("nobody", afternoons)).isFalse();
        assertThat(sessions.setBandwidth(SessionWorld.SOURCE, afternoons)).isTrue();
        assertThat(told).isEmpty();
        open.world.pass(39_000);
        assertThat(told).isEmpty();
        open.world.pass(1_000);
        assertThat(told).containsExactly(true);
        sessions.setServerBandwidth(afternoons);
        open.world.pass(59_000);
        assertThat(told).containsExactly(true);
        open.world.pass(1_000);
        assertThat(told).containsExactly(true, false);
        sessions.setServerBandwidth(BandwidthSchedule.always(1));
        assertThat(told).containsExactly(true, false, true);
    }
}
