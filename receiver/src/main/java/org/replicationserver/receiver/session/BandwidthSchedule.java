package org.replicationserver.receiver.session;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How much may be received at which time. The first entry that covers the moment wins, otherwise the plain number holds. Immutable, any
 * thread.
 *
 * @param mbps megabits (of 1,000,000) per second on the wire, 0 to {@link #MBPS_MAX}; 0 is no limit
 * @param timeZone by whose clocks days and times are meant
 * @param entries at most {@link #ENTRIES_MAX}
 */
public record BandwidthSchedule(int mbps, ZoneId timeZone, List<Entry> entries) {
    public static final int MBPS_MAX = 10_000;
    public static final int ENTRIES_MAX = 16;

    /** No limit at any time. */
    public static final BandwidthSchedule UNLIMITED = always(0);

    /**
     * A time of certain days. Where {@code to} is at or before {@code from} it ends on the day after.
     *
     * @param days on which it begins, at least one
     * @param from the first moment
     * @param to the first moment that is not in it any more
     */
    public record Entry(Set<DayOfWeek> days, LocalTime from, LocalTime to, int mbps) {
        public Entry {
            days = Set.copyOf(days);
            requireMbps(mbps);
            if (days.isEmpty()) {
                throw new IllegalArgumentException("an entry of a schedule has no day");
            }
        }

        boolean covers(ZonedDateTime moment) {
            LocalTime time = moment.toLocalTime();
            DayOfWeek today = moment.getDayOfWeek();
            boolean begun = !time.isBefore(from);
            boolean goesOn = time.isBefore(to);
            return from.isBefore(to)
                    ? days.contains(today) && begun && goesOn
                    : (days.contains(today) && begun) || (days.contains(today.minus(1)) && goesOn);
        }
    }

    public BandwidthSchedule {
        entries = List.copyOf(entries);
        requireMbps(mbps);
        if (entries.size() > ENTRIES_MAX) {
            throw new IllegalArgumentException(entries.size() + " entries, allowed are " + ENTRIES_MAX);
        }
    }

    private static void requireMbps(int mbps) {
        if (mbps < 0 || mbps > MBPS_MAX) {
            throw new IllegalArgumentException("mbps=" + mbps + ", allowed are 0 to " + MBPS_MAX);
        }
    }

    /** The same at all times. */
    public static BandwidthSchedule always(int mbps) {
        return new BandwidthSchedule(mbps, ZoneOffset.UTC, List.of());
    }

    /** What holds at a moment. */
    public int mbpsAt(Instant moment) {
        Entry entry = entryAt(moment);
        return entry == null ? mbps : entry.mbps();
    }

    /** Whether what holds at a moment is of an entry. */
    boolean hasEntryAt(Instant moment) {
        return entryAt(moment) != null;
    }

    private @Nullable Entry entryAt(Instant moment) {
        ZonedDateTime there = moment.atZone(timeZone);
        for (Entry entry : entries) {
            if (entry.covers(there)) {
                return entry;
            }
        }
        return null;
    }
}
