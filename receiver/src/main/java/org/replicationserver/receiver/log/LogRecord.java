package org.replicationserver.receiver.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * A log line as data. Immutable, any thread.
 *
 * @param logger the simple name
 * @param event in words
 * @param attributes the facts, in order, each as {@link LogValue} has it; what is not known is left out
 * @param exception its stack trace, cut, or null
 */
public record LogRecord(
        Instant dateTime,
        String level,
        String logger,
        String thread,
        String event,
        Map<String, Object> attributes,
        @Nullable String exception) {
    /** Longer texts are cut: they are of a fault, or of a peer. */
    static final int TEXT_CHARS_MAX = 1024;

    private static final int EXCEPTION_CHARS_MAX = 4096;
    private static final int ATTRIBUTES_MAX = 64;

    static LogRecord of(ILoggingEvent event) {
        String name = event.getLoggerName();
        return new LogRecord(
                Instant.ofEpochMilli(event.getTimeStamp()),
                event.getLevel().toString(),
                name.substring(name.lastIndexOf('.') + 1),
                event.getThreadName(),
                cut(event.getFormattedMessage(), TEXT_CHARS_MAX),
                attributes(event.getKeyValuePairs()),
                stackTrace(event.getThrowableProxy()));
    }

    private static Map<String, Object> attributes(@Nullable List<KeyValuePair> facts) {
        Map<String, Object> attributes = new LinkedHashMap<>();
        if (facts != null) {
            facts.stream()
                    .limit(ATTRIBUTES_MAX)
                    .filter(fact -> fact.value != null)
                    .forEach(fact -> attributes.put(fact.key, LogValue.of(fact.value)));
        }
        return attributes;
    }

    private static @Nullable String stackTrace(@Nullable IThrowableProxy thrown) {
        return thrown == null ? null : cut(ThrowableProxyUtil.asString(thrown), EXCEPTION_CHARS_MAX);
    }

    static String cut(String text, int charsMax) {
        return text.length() <= charsMax ? text : text.substring(0, charsMax - 1) + "…";
    }

    /** The members of {@code SendClientLogsForMgn}, whose attributes are all text; instants as ISO-8601. */
    public JsonObject toJson() {
        JsonObject facts = new JsonObject();
        attributes.forEach((key, value) -> facts.put(key, cut(value.toString(), TEXT_CHARS_MAX)));
        return json(facts);
    }

    /** The members of a line of JSON: numbers and lists as such, and the thread. */
    JsonObject toLine() {
        return json(new JsonObject(attributes)).put("thread", thread);
    }

    private JsonObject json(JsonObject facts) {
        JsonObject json = new JsonObject()
                .put("dateTime", dateTime.toString())
                .put("level", level)
                .put("logger", logger)
                .put("event", event)
                .put("attributes", facts);
        if (exception != null) {
            json.put("exception", exception);
        }
        return json;
    }

    /** What it may take in memory or on the wire, roughly. */
    int sizeBytes() {
        int chars = event.length() + (exception == null ? 0 : exception.length());
        for (Map.Entry<String, Object> fact : attributes.entrySet()) {
            chars += fact.getKey().length() + fact.getValue().toString().length();
        }
        return OVERHEAD_BYTES + 2 * chars;
    }

    private static final int OVERHEAD_BYTES = 256;
}
