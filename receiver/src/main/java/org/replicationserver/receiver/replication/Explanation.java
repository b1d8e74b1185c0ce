package org.replicationserver.receiver.replication;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Why a replication is as it is; immutable.
 *
 * @param sentence with its numbers
 * @param facts what the sentence is made of; values are String or Long, numbers of bytes and seconds are exact here
 * @param nextAction what to do
 */
public record Explanation(
        ExplanationCode code, Severity severity, String sentence, Map<String, Object> facts, String nextAction) {
    private static final int TEXT_CHARS_MAX = 256;
    private static final Pattern PLACE = Pattern.compile("\\{(\\w+)}");

    /** How grave it is. */
    public enum Severity {
        /** Replication does not go on, or cannot be relied on, until somebody acts. */
        ERROR,

        /** It goes on, not as it should. */
        WARNING,

        /** As it should be, and worth a word. */
        INFO
    }

    public Explanation {
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    }

    /** Collects facts in their order. */
    static final class Facts {
        private final Map<String, Object> facts = new LinkedHashMap<>();

        Facts put(String name, long value) {
            facts.put(name, value);
            return this;
        }

        /** Text that is too long is cut. */
        Facts put(String name, String value) {
            return put(name, value, TEXT_CHARS_MAX);
        }

        /** Text with more characters is cut. */
        Facts put(String name, String value, int charsMax) {
            facts.put(name, value.length() <= charsMax ? value : value.substring(0, charsMax - 1) + "…");
            return this;
        }

        Map<String, Object> asMap() {
            return facts;
        }
    }

    /** Puts facts into the places of a sentence; a number of bytes or seconds is written with its units. */
    static String fill(String sentence, Map<String, Object> facts) {
        Matcher place = PLACE.matcher(sentence);
        return place.replaceAll(found -> {
            Object value = facts.get(found.group(1));
            if (value == null) {
                throw new IllegalArgumentException("no fact " + found.group(1) + " for: " + sentence);
            }
            return Matcher.quoteReplacement(words(found.group(1), value));
        });
    }

    private static String words(String name, Object value) {
        if (!(value instanceof Long number)) {
            return value.toString();
        }
        if (name.endsWith("BytesPerSecond")) {
            return Amounts.bytes(number) + "/s";
        }
        if (name.endsWith("Bytes")) {
            return Amounts.bytes(number);
        }
        return name.equals("seconds") || name.endsWith("Seconds") ? Amounts.seconds(number) : value.toString();
    }
}
