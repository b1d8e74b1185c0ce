package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.EnumSet;
import java.util.List;
import java.util.regex.Pattern;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.BandwidthSchedule.Entry;

/** Limits of bandwidth as the schema Bandwidth of the control API. Any thread. */
final class BandwidthJson {
    private static final String THROTTLING = "bandwidthThrottling";
    private static final Pattern TIME = Pattern.compile("([01][0-9]|2[0-3]):[0-5][0-9]");

    private BandwidthJson() {}

    static BandwidthSchedule read(JsonMembers json) throws MalformedException {
        return new BandwidthSchedule(
                mbps(json),
                json.has("timeZone") ? timeZone(json) : ZoneOffset.UTC,
                json.has("schedule")
                        ? json.objects("schedule", 0, BandwidthSchedule.ENTRIES_MAX, BandwidthJson::entry)
                        : List.of());
    }

    private static int mbps(JsonMembers json) throws MalformedException {
        return (int) json.integer(THROTTLING, 0, BandwidthSchedule.MBPS_MAX);
    }

    /** Offsets, which ZoneId takes too, are not in the API: they would be wrong for half of the year. */
    private static ZoneId timeZone(JsonMembers json) throws MalformedException {
        String name = json.text("timeZone", 1, 64);
        if (ZoneId.getAvailableZoneIds().contains(name)) {
            return ZoneId.of(name);
        }
        throw json.refused("timeZone", "the name of an IANA time zone, as Europe/Berlin");
    }

    private static Entry entry(JsonMembers json) throws MalformedException {
        return new Entry(
                EnumSet.copyOf(json.constants("days", 1, DayOfWeek.class)),
                time(json, "from"),
                time(json, "to"),
                mbps(json));
    }

    private static LocalTime time(JsonMembers json, String name) throws MalformedException {
        return LocalTime.parse(json.text(name, TIME, "HH:MM from 00:00 to 23:59"));
    }

    static JsonObject of(BandwidthSchedule bandwidth) {
        JsonObject json = new JsonObject().put(THROTTLING, bandwidth.mbps());
        if (!bandwidth.timeZone().equals(ZoneOffset.UTC)) {
            json.put("timeZone", bandwidth.timeZone().getId());
        }
        if (!bandwidth.entries().isEmpty()) {
            json.put(
                    "schedule",
                    new JsonArray(
                            bandwidth.entries().stream().map(BandwidthJson::of).toList()));
        }
        return json;
    }

    private static JsonObject of(Entry entry) {
        List<String> sorted =
                entry.days().stream().sorted().map(DayOfWeek::name).toList();
        return new JsonObject()
                .put("days", new JsonArray(sorted))
                .put("from", entry.from().toString())
                .put("to", entry.to().toString())
                .put(THROTTLING, entry.mbps());
    }
}
