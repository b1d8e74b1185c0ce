package org.replicationserver.agent;

import java.util.Locale;

/** One disk's progress in one epoch as text, with a rate that follows slowly. Confined to the thread that prints. */
final class ProgressLine {
    /** Weight of the newest second in the rate. */
    private static final double NEWEST = 0.2;

    /** A rate of less time says little about the time that is left. */
    private static final double MEASURED_SECONDS_MIN = 3;

    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};
    private static final long SECONDS_MAX = 100 * 3600L;

    private long lastDoneBytes = -1;
    private double measuredSeconds;
    private double rateBytes;

    /** The line for a disk that is being sent, as of {@code seconds} after the last call. */
    String of(long epoch, AgentReport.Disk disk, double seconds) {
        rate(disk, seconds);
        long size = disk.sizeBytes();
        long done = disk.settledBytes();
        StringBuilder line = new StringBuilder(disk.deviceName());
        line.append(" epoch ").append(epoch).append(": ");
        line.append(String.format(Locale.ROOT, "%.1f %% of ", 100.0 * done / size));
        line.append(bytes(size));
        if (measuredSeconds > 0) {
            line.append(", ").append(bytes((long) rateBytes)).append("/s");
        }
        if (measuredSeconds >= MEASURED_SECONDS_MIN && done < size && rateBytes >= 1) {
            line.append(", ").append(time((long) ((size - done) / rateBytes))).append(" left");
        }
        if (disk.rescanning()) {
            line.append(", ").append(bytes(disk.comparedBytes())).append(" compared");
            line.append(", ").append(bytes(disk.differingBytes())).append(" of it differ");
        }
        if (disk.payloadBytesSent() > 0) {
            line.append(String.format(
                    Locale.ROOT, ", compression %.2f", (double) disk.dataBytesSent() / disk.payloadBytesSent()));
        }
        return line.toString();
    }

    private void rate(AgentReport.Disk disk, double seconds) {
        long done = disk.settledBytes();
        if (lastDoneBytes >= 0 && seconds > 0) {
            double now = Math.max(0, done - lastDoneBytes) / seconds;
            double weight = 1 - Math.pow(1 - NEWEST, seconds);
            rateBytes = measuredSeconds == 0 ? now : rateBytes + weight * (now - rateBytes);
            measuredSeconds += seconds;
        }
        lastDoneBytes = done;
    }

    static String bytes(long bytes) {
        double value = bytes;
        int unit = 0;
        while (value >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
    }

    private static String time(long seconds) {
        if (seconds > SECONDS_MAX) {
            return "more than 100 h";
        }
        return seconds >= 3600
                ? String.format(Locale.ROOT, "%d h %02d min", seconds / 3600, seconds / 60 % 60)
                : String.format(Locale.ROOT, "%d min %02d s", seconds / 60, seconds % 60);
    }
}
