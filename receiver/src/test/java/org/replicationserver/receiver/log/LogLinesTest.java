package org.replicationserver.receiver.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.event.KeyValuePair;

/** How log lines look, and which are kept for those who read them elsewhere. */
final class LogLinesTest {
    private final LoggerContext context = new LoggerContext();

    private LoggingEvent event(Level level, String text, KeyValuePair... facts) {
        LoggingEvent event =
                new LoggingEvent("", context.getLogger("org.example.Events"), level, text, null, new Object[0]);
        event.setKeyValuePairs(List.of(facts));
        return event;
    }

    @Test
    void textHasTheEventAndThenItsFacts() {
        KeyValuePair source = new KeyValuePair("source", "s-1");
        KeyValuePair generation = new KeyValuePair("generation", 4L);
        assertThat(TextLayout.textOf(event(Level.INFO, "session opened", source, generation)))
                .isEqualTo("session opened: source=s-1 generation=4");
        assertThat(TextLayout.textOf(event(Level.INFO, "stopped"))).isEqualTo("stopped");
    }

    @Test
    void jsonLineHasTheFactsAsMembersAndStaysOneLine() {
        LoggingEvent event = event(Level.WARN, "refused\nby \"us\"", new KeyValuePair("text", "a\u001b[2Jb\n<0>c"));
        String line = jsonLine(event, false);
        assertThat(line).startsWith("{").endsWith("}\n");
        assertThat(line.strip()).doesNotContain("\n").doesNotContain("\u001b");
        JsonObject json = new JsonObject(line);
        assertThat(json.getString("event")).isEqualTo("refused\nby \"us\"");
        assertThat(json.getString("level")).isEqualTo("WARN");
        assertThat(json.getString("logger")).isEqualTo("Events");
        assertThat(json.getJsonObject("attributes").getString("text")).isEqualTo("a\u001b[2Jb\n<0>c");
    }

    private static String jsonLine(LoggingEvent event, boolean toJournal) {
        return new String(new JsonEncoder(toJournal).encode(event), StandardCharsets.UTF_8);
    }

    @Test
    void factsKeepTheirTypeInJsonAndOneThatIsNotKnownIsLeftOut() {
        LoggingEvent event = event(
                Level.INFO,
                "listening",
                new KeyValuePair("port", 1500),
                new KeyValuePair("fuzzy", true),
                new KeyValuePair("protocols", List.of("TLSv1.2", "TLSv1.3")),
                new KeyValuePair("rate", Double.NaN),
                new KeyValuePair("other", null));
        assertThat(new JsonObject(jsonLine(event, false)).getJsonObject("attributes"))
                .isEqualTo(new JsonObject()
                        .put("port", 1500)
                        .put("fuzzy", true)
                        .put("protocols", new JsonArray().add("TLSv1.2").add("TLSv1.3"))
                        .put("rate", "NaN"));
        assertThat(TextLayout.textOf(event))
                .isEqualTo("listening: port=1500 fuzzy=true protocols=[TLSv1.2, TLSv1.3] rate=NaN");
    }

    @Test
    void momentsAreToTheMillisecondAndDurationsInSeconds() {
        LoggingEvent event = event(
                Level.INFO,
                "failing",
                new KeyValuePair("since", Instant.parse("2026-11-25T08:00:00.123456789Z")),
                new KeyValuePair("took", Duration.parse("PT2M49S")),
                new KeyValuePair("pause", Duration.ofMillis(1500)));
        String text = "failing: since=2026-11-25T08:00:00.123Z took=169 s pause=1.5 s";
        assertThat(TextLayout.textOf(event)).isEqualTo(text);
        assertThat(LogRecord.of(event).attributes())
                .isEqualTo(Map.of("since", "2026-11-25T08:00:00.123Z", "took", "169 s", "pause", "1.5 s"));
    }

    @ParameterizedTest
    @CsvSource({"ERROR,<3>", "WARN,<4>", "INFO,<6>", "DEBUG,<7>"})
    void journalIsToldTheSeverity(String level, String priority) {
        LoggingEvent event = event(Level.valueOf(level), "x");
        assertThat(jsonLine(event, true)).startsWith(priority + "{");
    }

    @Test
    void stackTracesAndLongFactsAreCut() {
        LoggingEvent event = event(Level.ERROR, "fault", new KeyValuePair("cause", "x".repeat(100_000)));
        event.setThrowableProxy(new ch.qos.logback.classic.spi.ThrowableProxy(new IllegalStateException("boom")));
        LogRecord line = LogRecord.of(event);
        assertThat(line.attributes().get("cause"))
                .asString()
                .hasSize(LogRecord.TEXT_CHARS_MAX)
                .endsWith("…");
        assertThat(line.exception()).contains("IllegalStateException: boom").hasSizeLessThanOrEqualTo(4096);
    }

    private RecentLogs recent() {
        RecentLogs recent = new RecentLogs();
        recent.setContext(context);
        recent.start();
        return recent;
    }

    private static List<String> events(List<LogRecord> lines) {
        return lines.stream().map(LogRecord::event).toList();
    }

    @Test
    void linesAreTakenOnceAndInOrder() {
        RecentLogs recent = recent();
        for (int i = 0; i < 5; i++) {
            recent.doAppend(event(Level.INFO, "line " + i));
        }
        assertThat(events(recent.take(2, Long.MAX_VALUE))).containsExactly("line 0", "line 1");
        assertThat(events(recent.take(9, Long.MAX_VALUE))).containsExactly("line 2", "line 3", "line 4");
        assertThat(recent.take(9, Long.MAX_VALUE)).isEmpty();
        assertThat(events(recent.newest(2))).containsExactly("line 3", "line 4");
    }

    @Test
    void linesThatNobodyTookInTimeAreCountedOnce() {
        RecentLogs recent = recent();
        for (int i = 0; i < RecentLogs.RECORDS_MAX + 7; i++) {
            recent.doAppend(event(Level.INFO, "line " + i));
        }
        assertThat(events(recent.take(1, Long.MAX_VALUE))).containsExactly("line 7");
        assertThat(recent.dropped()).isEqualTo(7);
        recent.take(RecentLogs.RECORDS_MAX, Long.MAX_VALUE);
        for (int i = 0; i < 3; i++) {
            recent.doAppend(event(Level.INFO, "later"));
        }
        assertThat(recent.dropped()).as("those had been taken").isEqualTo(7);
        recent.countDropped(2);
        assertThat(recent.dropped()).as("but got lost on their way").isEqualTo(9);
    }

    @Test
    void longLinesTakeTheRoomOfMany() {
        RecentLogs recent = recent();
        KeyValuePair fact = new KeyValuePair("cause", "x".repeat(LogRecord.TEXT_CHARS_MAX));
        for (int i = 0; i < RecentLogs.RECORDS_MAX; i++) {
            recent.doAppend(event(Level.INFO, "line", fact));
        }
        long bytes = recent.newest(RecentLogs.RECORDS_MAX).stream()
                .mapToLong(LogRecord::sizeBytes)
                .sum();
        assertThat(bytes).isLessThanOrEqualTo(RecentLogs.BYTES_MAX);
        assertThat(recent.take(RecentLogs.RECORDS_MAX, 10_000))
                .as("a batch has its bound too")
                .hasSizeBetween(1, 5);
    }

    @Test
    void logFormatFollowsTheJournalOnlyWhenItMay() {
        assertThat(LogFormat.JSON.isJson(false)).isTrue();
        assertThat(LogFormat.TEXT.isJson(true)).isFalse();
        assertThat(LogFormat.AUTO.isJson(true)).isTrue();
        assertThat(LogFormat.AUTO.isJson(false)).isFalse();
    }

    @Test
    void outputIsTheJournalOnlyIfItIsTheVeryStreamThatTheVariableNames(@TempDir Path directory) throws IOException {
        Path stream = Files.createFile(directory.resolve("stream"));
        Path file = Files.createFile(directory.resolve("file"));
        String told = Files.getAttribute(stream, "unix:dev") + ":" + Files.getAttribute(stream, "unix:ino");
        assertThat(Journal.isStream(told, stream)).isTrue();
        assertThat(Journal.isStream(told, file))
                .as("inherited by who writes into a file")
                .isFalse();
        assertThat(Journal.isStream(null, stream)).isFalse();
        assertThat(Journal.isStream("", stream)).isFalse();
        assertThat(Journal.isStream(told, directory.resolve("none"))).isFalse();
    }

    @Test
    void membersAreThoseOfTheControlApi() {
        LogRecord line = LogRecord.of(event(Level.INFO, "committed", new KeyValuePair("epoch", 3L)));
        assertThat(line.toJson().getMap())
                .containsOnlyKeys("dateTime", "level", "logger", "event", "attributes")
                .containsEntry("event", "committed");
        assertThat(line.toJson().getJsonObject("attributes"))
                .as("the control API knows only text")
                .isEqualTo(new JsonObject().put("epoch", "3"));
        List<String> many = Collections.nCopies(60, "volume".repeat(20));
        LogRecord large = LogRecord.of(event(Level.INFO, "session opened", new KeyValuePair("volumes", many)));
        assertThat(large.toJson().getJsonObject("attributes").getString("volumes"))
                .as("and that has its bound")
                .hasSize(LogRecord.TEXT_CHARS_MAX);
    }
}
