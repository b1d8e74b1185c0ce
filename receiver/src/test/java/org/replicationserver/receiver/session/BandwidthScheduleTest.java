package org.replicationserver.receiver.session;

import static java.time.DayOfWeek.FRIDAY;
import static java.time.DayOfWeek.MONDAY;
import static java.time.DayOfWeek.SUNDAY;
import static java.time.DayOfWeek.TUESDAY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.receiver.session.BandwidthSchedule.Entry;

final class BandwidthScheduleTest {
    private static Entry entry(Set<DayOfWeek> days, String from, String to, int mbps) {
        return new Entry(days, LocalTime.parse(from), LocalTime.parse(to), mbps);
    }

    private static BandwidthSchedule utc(Entry... entries) {
        return new BandwidthSchedule(7, ZoneOffset.UTC, List.of(entries));
    }

    /** 2026-03-02 is a Monday. */
    @ParameterizedTest
    @CsvSource({
        "2026-03-02T08:59:59.999Z, 7",
        "2026-03-02T09:00:00Z, 50",
        "2026-03-02T16:59:59.999Z, 50",
        "2026-03-02T17:00:00Z, 7",
        "2026-03-03T12:00:00Z, 7",
        "2026-03-09T12:00:00Z, 50"
    })
    void entryCoversItsDaysFromItsBeginToBeforeItsEnd(Instant moment, int mbps) {
        assertThat(utc(entry(Set.of(MONDAY), "09:00", "17:00", 50)).mbpsAt(moment))
                .isEqualTo(mbps);
    }

    @ParameterizedTest
    @CsvSource({
        "2026-03-01T23:00:00Z, 7",
        "2026-03-02T05:59:00Z, 7",
        "2026-03-02T21:59:00Z, 7",
        "2026-03-02T22:00:00Z, 50",
        "2026-03-02T23:59:59Z, 50",
        "2026-03-03T00:00:00Z, 50",
        "2026-03-03T05:59:59Z, 50",
        "2026-03-03T06:00:00Z, 7",
        "2026-03-03T22:00:00Z, 7"
    })
    void entryThatEndsBeforeItBeginsEndsOnTheDayAfter(Instant moment, int mbps) {
        assertThat(utc(entry(Set.of(MONDAY), "22:00", "06:00", 50)).mbpsAt(moment))
                .isEqualTo(mbps);
    }

    @Test
    void weekGoesOnOverItsEnd() {
        assertThat(utc(entry(Set.of(SUNDAY), "22:00", "06:00", 50)).mbpsAt(Instant.parse("2026-03-02T05:00:00Z")))
                .isEqualTo(50);
    }

    @ParameterizedTest
    @CsvSource({
        "2026-03-02T11:59:00Z, 7",
        "2026-03-02T12:00:00Z, 50",
        "2026-03-03T11:59:00Z, 50",
        "2026-03-03T12:00:00Z, 7"
    })
    void entryThatEndsWhereItBeginsIsADayLong(Instant moment, int mbps) {
        assertThat(utc(entry(Set.of(MONDAY), "12:00", "12:00", 50)).mbpsAt(moment))
                .isEqualTo(mbps);
    }

    @Test
    void midnightIsTheEndOfTheDay() {
        BandwidthSchedule schedule = utc(entry(Set.of(MONDAY, TUESDAY), "00:00", "00:00", 50));
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-01T23:59:59Z"))).isEqualTo(7);
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-02T00:00:00Z"))).isEqualTo(50);
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-03T23:59:59Z"))).isEqualTo(50);
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-04T00:00:00Z"))).isEqualTo(7);
    }

    @Test
    void firstEntryThatCoversTheMomentWins() {
        BandwidthSchedule schedule = utc(
                entry(Set.of(FRIDAY), "00:00", "23:00", 1),
                entry(Set.of(MONDAY), "10:00", "12:00", 2),
                entry(Set.of(MONDAY), "09:00", "17:00", 0));
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-02T11:00:00Z"))).isEqualTo(2);
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-02T12:00:00Z")))
                .as("no limit")
                .isZero();
        assertThat(schedule.mbpsAt(Instant.parse("2026-03-02T18:00:00Z"))).isEqualTo(7);
    }

    /** In New York 09:00 is 14:00Z in winter and 13:00Z in summer; the clocks go on on 2026-03-08. */
    @ParameterizedTest
    @CsvSource({
        "2026-03-02T13:59:00Z, 7",
        "2026-03-02T14:00:00Z, 50",
        "2026-03-09T12:59:00Z, 7",
        "2026-03-09T13:00:00Z, 50",
        "2026-03-03T02:00:00Z, 7"
    })
    void timesAreThoseOfTheZoneInEverySeason(Instant moment, int mbps) {
        BandwidthSchedule schedule = new BandwidthSchedule(
                7, ZoneId.of("America/New_York"), List.of(entry(Set.of(MONDAY), "09:00", "20:00", 50)));
        assertThat(schedule.mbpsAt(moment)).isEqualTo(mbps);
    }

    @Test
    void numbersAndEntriesAreBounded() {
        assertThat(BandwidthSchedule.always(10_000).mbpsAt(Instant.EPOCH)).isEqualTo(10_000);
        assertThat(BandwidthSchedule.UNLIMITED.mbpsAt(Instant.EPOCH)).isZero();
        Entry entry = entry(Set.of(MONDAY), "09:00", "17:00", 10_000);
        assertThat(new BandwidthSchedule(0, ZoneOffset.UTC, Collections.nCopies(16, entry)).entries())
                .hasSize(16);
        assertThatThrownBy(() -> new BandwidthSchedule(0, ZoneOffset.UTC, Collections.nCopies(17, entry)))
                .isInstanceOf(IllegalArgumentException.class);
        for (int bad : new int[] {-1, 10_001}) {
            assertThatThrownBy(() -> BandwidthSchedule.always(bad)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> entry(Set.of(MONDAY), "09:00", "17:00", bad))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> entry(Set.of(), "09:00", "17:00", 1)).isInstanceOf(IllegalArgumentException.class);
    }
}
