package org.replicationserver.receiver.log;

/** Text that others wrote, made fit for a log line or a message: cut, and without characters that a terminal would obey. */
public final class PeerText {
    public static final int CHARS_MAX = 256;

    private static final int VALUE_CHARS_MAX = 100;

    private PeerText() {}

    /** A sentence of a peer. */
    public static String line(String text) {
        return cut(text, CHARS_MAX);
    }

    /** A value of a peer, as part of a sentence of ours. */
    public static String value(Object value) {
        return cut(String.valueOf(value), VALUE_CHARS_MAX);
    }

    /** The text with at most so many characters. */
    public static String cut(String text, int charsMax) {
        String start = text.length() <= charsMax ? text : text.substring(0, charsMax - 3) + "...";
        return start.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Zl}\\p{Zp}]", "?");
    }
}
