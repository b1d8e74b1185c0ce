package org.replicationserver.receiver.config;

import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.BandwidthText.EntryText;
import org.replicationserver.receiver.config.VolumeText.Field;
import org.replicationserver.receiver.session.BandwidthSchedule;

/** The rules of a source server's bandwidth. Confined to one thread. */
final class BandwidthChecks {
    private static final Pattern TIME = Pattern.compile("([01][0-9]|2[0-3]):[0-5][0-9]");
    private static final ValueType<Integer> MBPS = ValueType.integer(0, BandwidthSchedule.MBPS_MAX);
    private static final String MBPS_ALLOWED = MBPS.allowed() + ", in Mbps on the wire; 0 is no limit";
    private static final String TIME_ALLOWED = "a time from \"00:00\" to \"23:59\"";
    private static final String DAYS_ALLOWED = "one or more of "
            + Arrays.stream(DayOfWeek.values()).map(DayOfWeek::name).collect(Collectors.joining(", ")) + ", each once";
    private static final String UTC = "UTC";

    private final Mistakes mistakes;

    BandwidthChecks(Mistakes mistakes) {
        this.mistakes = mistakes;
    }

    /** The name of a zone that {@link #check} takes for it. */
    static String nameOf(ZoneId zone) {
        return zone.equals(ZoneOffset.UTC) ? UTC : zone.getId();
    }

    /** The bandwidth, with what of it is sound. */
    BandwidthSchedule check(BandwidthText text) {
        int mbps = text.mbps() == null ? 0 : mbps(text.mbps());
        ZoneId timeZone = text.timeZone() == null ? ZoneOffset.UTC : timeZone(text.timeZone());
        if (text.entries().size() > BandwidthSchedule.ENTRIES_MAX) {
            mistakes.value(
                    text.where(),
                    BandwidthText.SCHEDULE,
                    text.entries().size() + " entries",
                    "at most " + BandwidthSchedule.ENTRIES_MAX);
            return BandwidthSchedule.UNLIMITED;
        }
        List<BandwidthSchedule.Entry> entries = new ArrayList<>();
        for (EntryText entry : text.entries()) {
            BandwidthSchedule.Entry checked = entry(entry);
            if (checked != null) {
                entries.add(checked);
            }
        }
        return new BandwidthSchedule(mbps, timeZone, entries);
    }

    private BandwidthSchedule.@Nullable Entry entry(EntryText text) {
        Set<DayOfWeek> days = days(text);
        LocalTime from = time(text, BandwidthText.FROM, text.from());
        LocalTime to = time(text, BandwidthText.TO, text.to());
        if (text.mbps() == null) {
            mistakes.missing(text.where(), BandwidthText.MBPS, MBPS_ALLOWED);
            return null;
        }
        int mbps = mbps(text.mbps());
        return days.isEmpty() || from == null || to == null ? null : new BandwidthSchedule.Entry(days, from, to, mbps);
    }

    /** 0 after a mistake, which is told. */
    private int mbps(Field field) {
        Integer mbps = MBPS.parse(field.text());
        if (mbps == null) {
            mistakes.value(field.where(), BandwidthText.MBPS, field.text(), MBPS_ALLOWED);
            return 0;
        }
        return mbps;
    }

    private ZoneId timeZone(Field field) {
        if (field.text().equals(UTC)) {
            return ZoneOffset.UTC;
        }
        if (!ZoneId.getAvailableZoneIds().contains(field.text())) {
            mistakes.value(
                    field.where(),
                    BandwidthText.TIME_ZONE,
                    field.text(),
                    "a name of the time zone data base, like UTC or Europe/Berlin");
            return ZoneOffset.UTC;
        }
        return ZoneId.of(field.text());
    }

    private Set<DayOfWeek> days(EntryText text) {
        if (text.days().isEmpty()) {
            mistakes.missing(text.where(), BandwidthText.DAYS, DAYS_ALLOWED);
        }
        Set<DayOfWeek> days = EnumSet.noneOf(DayOfWeek.class);
        for (Field field : text.days()) {
            boolean known =
                    Arrays.stream(DayOfWeek.values()).anyMatch(day -> day.name().equals(field.text()));
            if (!known || !days.add(DayOfWeek.valueOf(field.text()))) {
                mistakes.value(field.where(), BandwidthText.DAYS, field.text(), DAYS_ALLOWED);
            }
        }
        return days;
    }

    private @Nullable LocalTime time(EntryText text, String key, @Nullable Field field) {
        if (field == null) {
            mistakes.missing(text.where(), key, TIME_ALLOWED);
            return null;
        }
        if (!TIME.matcher(field.text()).matches()) {
            mistakes.value(field.where(), key, field.text(), TIME_ALLOWED);
            return null;
        }
        return LocalTime.parse(field.text());
    }
}
