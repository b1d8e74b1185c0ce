package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * How fast data may come, by the clock. Immutable, any thread.
 *
 * @param megabitsPerSecond on the wire, of 10^6 bits, 0 to 10000; 0 is no throttle. Holds when no period does
 * @param timeZone of the schedule
 * @param schedule at most 16; the first that covers a moment holds
 */
public record Bandwidth(int megabitsPerSecond, ZoneId timeZone, List<Period> schedule) {
    /** No throttle at any time. */
    public static final Bandwidth UNLIMITED = new Bandwidth(0, ZoneOffset.UTC, List.of());

    private static final int MEGABITS_MAX = 10_000;
    private static final int PERIODS_MAX = 16;
    private static final String THROTTLING = "bandwidthThrottling";
    private static final Pattern TIME = Pattern.compile("([01][0-9]|2[0-3]):[0-5][0-9]");

    /**
     * A throttle of some days and hours.
     *
     * @param days on which the period begins
     * @param from included
     * @param to excluded; one at or before {@code from} is of the next day
     * @param megabitsPerSecond as above
     */
    public record Period(Set<DayOfWeek> days, LocalTime from, LocalTime to, int megabitsPerSecond) {
        public Period {
            days = Set.copyOf(days);
        }

        private boolean covers(ZonedDateTime moment) {
            LocalTime time = moment.toLocalTime();
            boolean begun = days.contains(moment.getDayOfWeek()) && !time.isBefore(from);
            if (from.isBefore(to)) {
                return begun && time.isBefore(to);
            }
            boolean begunYesterday = days.contains(moment.getDayOfWeek().minus(1));
            return begun || (begunYesterday && time.isBefore(to));
        }

        private static Period read(JsonMembers json) throws MalformedException {
            return new Period(
                    EnumSet.copyOf(json.constants("days", 1, DayOfWeek.class)),
                    time(json, "from"),
                    time(json, "to"),
                    megabits(json));
        }

        private static LocalTime time(JsonMembers json, String name) throws MalformedException {
            return LocalTime.parse(json.text(name, TIME, "HH:MM from 00:00 to 23:59"));
        }

        private JsonObject toJson() {
            List<String> sorted = days.stream().sorted().map(DayOfWeek::name).toList();
            return new JsonObject()
                    .put("days", new JsonArray(sorted))
                    .put("from", from.toString())
                    .put("to", to.toString())
                    .put(THROTTLING, megabitsPerSecond);
        }
    }

    public Bandwidth {
        schedule = List.copyOf(schedule);
    }

    /** The throttle of a moment; 0 is none. */
    public int megabitsPerSecondAt(Instant moment) {
        ZonedDateTime local = moment.atZone(timeZone);
        return schedule.stream()
                .filter(period -> period.covers(local))
                .findFirst()
                .map(Period::megabitsPerSecond)
                .orElse(megabitsPerSecond);
    }

    static Bandwidth read(JsonMembers json) throws MalformedException {
        return new Bandwidth(
                megabits(json),
                json.has("timeZone") ? timeZone(json) : ZoneOffset.UTC,
                json.has("schedule") ? json.objects("schedule", 0, PERIODS_MAX, Period::read) : List.of());
    }

    private static int megabits(JsonMembers json) throws MalformedException {
        return (int) json.integer(THROTTLING, 0, MEGABITS_MAX);
    }

    /** Offsets, which ZoneId takes too, are not in the API: they would be wrong for half of the year. */
    private static ZoneId timeZone(JsonMembers json) throws MalformedException {
        String name = json.text("timeZone", 1, 64);
        if (ZoneId.getAvailableZoneIds().contains(name)) {
            return ZoneId.of(name);
        }
        throw json.refused("timeZone", "the name of an IANA time zone, as Europe/Berlin");
    }

    JsonObject toJson() {
        JsonObject json = new JsonObject().put(THROTTLING, megabitsPerSecond);
        if (!timeZone.equals(ZoneOffset.UTC)) {
            json.put("timeZone", timeZone.getId());
        }
        if (!schedule.isEmpty()) {
            json.put(
                    "schedule",
                    new JsonArray(schedule.stream().map(Period::toJson).toList()));
        }
        return json;
    }
}
