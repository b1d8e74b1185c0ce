package org.replicationserver.receiver;

import java.time.Duration;
import java.util.Locale;

/** Amounts as a person reads them. Pure. */
final class Amounts {
    private static final String[] UNITS = {"MiB", "GiB", "TiB"};
    private static final double MIB = 1 << 20;
    private static final int STEP = 1024;

    private static final int MINUTE = 60;
    private static final int HOUR = 60 * MINUTE;

    private Amounts() {}

    /** In the largest unit of which it is one at least, MiB where it is less. */
    static String bytes(long bytes) {
        double shown = bytes / MIB;
        int unit = 0;
        while (shown >= STEP && unit < UNITS.length - 1) {
            shown /= STEP;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %s", shown, UNITS[unit]);
    }

    /** {@code 49 s}, {@code 2 min 49 s}, {@code 26 h 05 min}. */
    static String time(Duration time) {
        long seconds = time.toSeconds();
        if (seconds < MINUTE) {
            return seconds + " s";
        }
        return seconds < HOUR
                ? String.format(Locale.ROOT, "%d min %02d s", seconds / MINUTE, seconds % MINUTE)
                : String.format(Locale.ROOT, "%d h %02d min", seconds / HOUR, seconds % HOUR / MINUTE);
    }
}
