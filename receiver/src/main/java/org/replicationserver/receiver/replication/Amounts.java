package org.replicationserver.receiver.replication;

import java.util.Locale;

/** Amounts as people read them: never more than two numbers, with their units. Any thread. */
public final class Amounts {
    private static final String[] BYTE_UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    private static final String[] TIME_UNITS = {"days", "h", "min", "s"};
    private static final long[] UNIT_SECONDS = {86_400, 3600, 60, 1};

    private Amounts() {}

    /** In the largest unit of which there is at least one, with one decimal: 1.5 GiB; below 1 KiB exactly. */
    public static String bytes(long bytes) {
        int unit = 0;
        double shown = bytes;
        while (shown >= 1024 && unit < BYTE_UNITS.length - 1) {
            shown /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " bytes" : String.format(Locale.ROOT, "%.1f %s", shown, BYTE_UNITS[unit]);
    }

    /** In the largest unit of which there are at least two, and the next smaller one: 90 s, 2 min 40 s, 3 h; what is below it is cut. */
    public static String seconds(long seconds) {
        int unit = 0;
        while (unit < UNIT_SECONDS.length - 1 && seconds < 2 * UNIT_SECONDS[unit]) {
            unit++;
        }
        String whole = seconds / UNIT_SECONDS[unit] + " " + TIME_UNITS[unit];
        if (unit == UNIT_SECONDS.length - 1) {
            return whole;
        }
        long rest = seconds % UNIT_SECONDS[unit] / UNIT_SECONDS[unit + 1];
        return rest == 0 ? whole : whole + " " + rest + " " + TIME_UNITS[unit + 1];
    }
}
