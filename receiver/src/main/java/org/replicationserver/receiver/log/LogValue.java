package org.replicationserver.receiver.log;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.List;

/**
 * The value of a fact as JSON has it: a number, a boolean, a text, or a list of these. Moments are to the millisecond, as the line's own,
 * and durations in seconds, {@code 169 s}. Pure.
 */
final class LogValue {
    private static final int ITEMS_MAX = 64;

    private LogValue() {}

    static Object of(Object value) {
        return switch (value) {
            case Boolean flag -> flag;
            // JSON has no word for these
            case Double real when !Double.isFinite(real) -> real.toString();
            case Float real when !Float.isFinite(real) -> real.toString();
            case Number number -> number;
            case Collection<?> items -> list(items);
            default -> LogRecord.cut(text(value), LogRecord.TEXT_CHARS_MAX);
        };
    }

    /** As it is written in a line of text. */
    static String text(Object value) {
        return switch (value) {
            case Instant moment -> moment.truncatedTo(ChronoUnit.MILLIS).toString();
            case Duration time ->
                BigDecimal.valueOf(time.toMillis(), 3).stripTrailingZeros().toPlainString() + " s";
            default -> value.toString();
        };
    }

    private static List<Object> list(Collection<?> items) {
        return items.stream().limit(ITEMS_MAX).map(LogValue::of).toList();
    }
}
