package org.replicationserver.receiver.staging;

import org.jspecify.annotations.Nullable;

/**
 * What the unit with the right to ask has stored of a volume. Immutable.
 *
 * @param blockDeviceName of the attachment, as {@code /dev/sdf}; null if it is not told
 * @param page null if the device has none, as an emulated one
 * @param readMillis when it was read, on the wall clock
 * @param instanceLimited the fraction of the time between this look and the one before in which the instance exceeded its limit to EBS;
 *     negative if that is not known
 */
public record VolumeStatistics(
        String volumeId,
        @Nullable String blockDeviceName,
        @Nullable StatisticsPage page,
        long readMillis,
        double instanceLimited) {
    static final double UNKNOWN = -1;

    /** Whether it is known how long the instance exceeded its limit. */
    public boolean knowsInstanceLimit() {
        return instanceLimited >= 0;
    }

    /** The same, with what the look before makes of it. */
    VolumeStatistics after(@Nullable VolumeStatistics before) {
        if (before == null || before.page == null || page == null) {
            return this;
        }
        if (before.readMillis == readMillis) {
            return before;
        }
        long elapsedMicros = (readMillis - before.readMillis) * 1000;
        long exceededMicros = page.instanceExceededMicrosSince(before.page);
        boolean sound = elapsedMicros > 0 && exceededMicros >= 0; // else clock or device began anew
        double limited = sound ? Math.min(1, (double) exceededMicros / elapsedMicros) : UNKNOWN;
        return new VolumeStatistics(volumeId, blockDeviceName, page, readMillis, limited);
    }
}
