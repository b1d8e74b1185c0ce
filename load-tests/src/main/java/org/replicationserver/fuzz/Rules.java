package org.replicationserver.fuzz;

import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How a target says that a rule is broken. */
public final class Rules {
    /** Control characters, what turns the direction of text, and ends of lines. */
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]");

    private Rules() {}

    /** The rule, in words, holds. */
    public static void require(boolean holds, String rule) {
        if (!holds) {
            throw new AssertionError("broken: " + rule);
        }
    }

    /** What was written and read again is as it was. */
    public static void requireSame(@Nullable Object before, @Nullable Object after, String rule) {
        if (!Objects.equals(before, after)) {
            throw new AssertionError("broken: " + rule + "\n  " + before + "\n  " + after);
        }
    }

    /** A line for people: of bounded length, and without what a terminal would obey. */
    public static void requireLine(@Nullable String line, int charsMax) {
        if (line == null || line.isEmpty()) {
            throw new AssertionError("broken: a refusal says why");
        }
        require(line.length() <= charsMax, "a refusal has at most " + charsMax + " characters, not " + line.length());
        require(
                UNPRINTABLE.matcher(line).results().findAny().isEmpty(),
                "a refusal is one line that can be printed: " + line);
    }
}
