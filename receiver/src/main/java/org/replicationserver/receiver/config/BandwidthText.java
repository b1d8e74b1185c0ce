package org.replicationserver.receiver.config;

import java.time.DayOfWeek;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.VolumeText.Field;
import org.replicationserver.receiver.session.BandwidthSchedule;

/**
 * The bandwidth of a source server as somebody wrote it, not checked yet. A field is null if it is missing.
 *
 * @param where the place of the whole
 */
record BandwidthText(
        String where, @Nullable Field mbps, @Nullable Field timeZone, List<EntryText> entries) {
    static final String MBPS = "bandwidthThrottling";
    static final String TIME_ZONE = "timeZone";
    static final String SCHEDULE = "bandwidthSchedule";
    static final String DAYS = "days";
    static final String FROM = "from";
    static final String TO = "to";

    /** A time of certain days. */
    record EntryText(
            String where,
            List<Field> days,
            @Nullable Field from,
            @Nullable Field to,
            @Nullable Field mbps) {}

    /** What was checked before, to be checked beside others. */
    static BandwidthText of(String where, BandwidthSchedule schedule) {
        return new BandwidthText(
                where,
                new Field(where, Integer.toString(schedule.mbps())),
                new Field(where, BandwidthChecks.nameOf(schedule.timeZone())),
                schedule.entries().stream().map(entry -> of(where, entry)).toList());
    }

    private static EntryText of(String where, BandwidthSchedule.Entry entry) {
        return new EntryText(
                where,
                namesOf(entry).stream().map(day -> new Field(where, day)).toList(),
                new Field(where, entry.from().toString()),
                new Field(where, entry.to().toString()),
                new Field(where, Integer.toString(entry.mbps())));
    }

    /** Its days from Monday on. */
    static List<String> namesOf(BandwidthSchedule.Entry entry) {
        return Arrays.stream(DayOfWeek.values())
                .filter(entry.days()::contains)
                .map(DayOfWeek::name)
                .toList();
    }
}
