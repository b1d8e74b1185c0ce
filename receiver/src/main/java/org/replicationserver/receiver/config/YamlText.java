package org.replicationserver.receiver.config;

import java.util.regex.Pattern;

/** Writes texts as YAML scalars. */
final class YamlText {
    /** What YAML reads back as the same text without quotes. */
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9/][A-Za-z0-9._/-]*");

    private static final Pattern NO_VALUE = Pattern.compile("null", Pattern.CASE_INSENSITIVE);

    private YamlText() {}

    /** The text, in quotes where it needs them. */
    static String scalar(String text) {
        return PLAIN.matcher(text).matches() && !NO_VALUE.matcher(text).matches() ? text : quoted(text);
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.codePoints().forEach(c -> quoted.append(escaped(c)));
        return quoted.append('"').toString();
    }

    private static String escaped(int codePoint) {
        if (codePoint == '"' || codePoint == '\\') {
            return "\\" + (char) codePoint;
        }
        if (codePoint >= ' ' && codePoint <= '~') {
            return Character.toString(codePoint);
        }
        return String.format(codePoint <= Character.MAX_VALUE ? "\\u%04x" : "\\U%08x", codePoint);
    }
}
