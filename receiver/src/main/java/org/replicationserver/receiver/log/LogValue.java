package org.replicationserver.receiver.log;

import java.util.Collection;
import java.util.List;

/** The value of a fact as JSON has it: a number, a boolean, a text, or a list of these. Pure. */
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
            default -> LogRecord.cut(value.toString(), LogRecord.TEXT_CHARS_MAX);
        };
    }

    private static List<Object> list(Collection<?> items) {
        return items.stream().limit(ITEMS_MAX).map(LogValue::of).toList();
    }
}
