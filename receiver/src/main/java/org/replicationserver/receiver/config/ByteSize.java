package org.replicationserver.receiver.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: plain bytes, or whole KiB, MiB, GiB or TiB. */
public final class ByteSize {
    public static final long MIB = 1L << 20;
    public static final long GIB = 1L << 30;

    private static final Pattern FORM = Pattern.compile("([0-9]{1,19})(KiB|MiB|GiB|TiB)?");
    private static final String UNITS = "KMGT";

    private ByteSize() {}

    /** Throws NumberFormatException or ArithmeticException if the text is no size below 2^63. */
    public static long parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new NumberFormatException(text);
        }
        long number = Long.parseLong(matcher.group(1));
        String unit = matcher.group(2);
        return unit == null ? number : Math.multiplyExact(number, 1L << shiftOf(unit.charAt(0)));
    }

    /** The shortest form that is exact. */
    public static String format(long bytes) {
        for (int i = UNITS.length() - 1; i >= 0; i--) {
            char unit = UNITS.charAt(i);
            if (bytes != 0 && bytes % (1L << shiftOf(unit)) == 0) {
                return (bytes >> shiftOf(unit)) + "" + unit + "iB";
            }
        }
        return Long.toString(bytes);
    }

    private static int shiftOf(char unit) {
        return 10 * (UNITS.indexOf(unit) + 1);
    }
}
