package org.replicationserver.receiver.log;

import java.util.regex.Pattern;

/** Text that others wrote, made fit for a log line or a message: cut, and without characters that a terminal would obey. */
public final class PeerText {
    public static final int CHARS_MAX = 256;

    private static final int VALUE_CHARS_MAX = 100;

    /** Control characters, those from U+0080 to U+009F among them, which Cntrl would leave out; what turns the direction; ends of lines. */
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]");

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
        return printable(start);
    }

    /** The text on one line, with a question mark for whatever a terminal would obey. */
    public static String printable(String text) {
        return UNPRINTABLE.matcher(text).replaceAll("?");
    }
}
