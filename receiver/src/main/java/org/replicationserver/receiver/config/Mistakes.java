package org.replicationserver.receiver.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.replicationserver.receiver.log.PeerText;

/** Collects mistakes, so that an operator sees all of them at once. Confined to one thread. */
final class Mistakes {
    private static final int VALUE_CHARS_MAX = 100;
    private static final int LINE_CHARS_MAX = 500;

    private final List<String> lines = new ArrayList<>();

    /** A mistake without a key: a file that is none, a word that stands nowhere. */
    void add(String where, String what) {
        lines.add(where + ": " + what);
    }

    void unknown(String where, String kind, String word, Collection<String> known) {
        add(where, "unknown " + kind + " " + display(word) + "; nearest known: " + Nearest.to(word, known));
    }

    void value(String where, String key, String value, String allowed) {
        add(where, key + "=" + display(value) + "; allowed: " + allowed);
    }

    /** Like {@link #value}, where the value may be a secret that was pasted into the wrong place. */
    void hiddenValue(String where, String key, String value, String allowed) {
        add(where, key + "=(" + value.length() + " characters); allowed: " + allowed);
    }

    void missing(String where, String key, String allowed) {
        add(where, key + " is missing; allowed: " + allowed);
    }

    void throwIfAny() throws ConfigException {
        if (!lines.isEmpty()) {
            throw new ConfigException(lines);
        }
    }

    /** The text as a part of one line of a terminal. */
    static String display(String text) {
        return display(text, VALUE_CHARS_MAX);
    }

    /** For a text that holds such values, and words around them that must not be cut. */
    static String displayLine(String text) {
        return display(text, LINE_CHARS_MAX);
    }

    private static String display(String text, int charsMax) {
        String line = PeerText.printable(text);
        return line.length() <= charsMax ? line : line.substring(0, charsMax) + "...";
    }
}
