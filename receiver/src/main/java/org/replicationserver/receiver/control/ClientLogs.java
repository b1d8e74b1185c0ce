package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Log records, oldest first.
 *
 * @param dropped how many were dropped since the process started
 * @param records at most 500
 */
public record ClientLogs(long dropped, List<LogRecord> records) {
    /** How many records one call takes. */
    public static final int RECORDS_MAX = WireForms.BATCH_MAX;

    private static final int EVENT_CHARS_MAX = 1024;
    private static final int LOGGER_CHARS_MAX = 256;
    private static final int ATTRIBUTES_MAX = 64;
    private static final int ATTRIBUTE_CHARS_MAX = 4096;
    private static final int EXCEPTION_CHARS_MAX = 16_384;

    /** How grave a record is. */
    public enum Level {
        TRACE,
        DEBUG,
        INFO,
        WARN,
        ERROR
    }

    /**
     * One record. Longer texts than the API takes are cut, and of more than 64 attributes some are left out.
     *
     * @param event what happened, always in the same words
     * @param attributes what differs
     * @param exception a stack trace, or null
     */
    public record LogRecord(
            Instant dateTime,
            Level level,
            String logger,
            String event,
            Map<String, String> attributes,
            @Nullable String exception) {
        public LogRecord {
            attributes = Map.copyOf(attributes);
        }

        private JsonObject toJson() {
            JsonObject limited = new JsonObject();
            attributes.entrySet().stream()
                    .sorted(Map.Entry.comparingByKey())
                    .limit(ATTRIBUTES_MAX)
                    .forEach(attribute ->
                            limited.put(attribute.getKey(), cut(attribute.getValue(), ATTRIBUTE_CHARS_MAX)));
            JsonObject json = new JsonObject()
                    .put("dateTime", dateTime.toString())
                    .put("level", level.name())
                    .put("logger", cut(logger, LOGGER_CHARS_MAX))
                    .put("event", cut(event, EVENT_CHARS_MAX))
                    .put("attributes", limited);
            return exception == null ? json : json.put("exception", cut(exception, EXCEPTION_CHARS_MAX));
        }

        private static String cut(String text, int charsMax) {
            return text.length() <= charsMax ? text : text.substring(0, charsMax);
        }
    }

    public ClientLogs {
        records = List.copyOf(records);
        WireForms.requireBatch(records.size());
    }

    JsonObject toJson() {
        return new JsonObject()
                .put("dropped", dropped)
                .put(
                        "records",
                        new JsonArray(records.stream().map(LogRecord::toJson).toList()));
    }
}
