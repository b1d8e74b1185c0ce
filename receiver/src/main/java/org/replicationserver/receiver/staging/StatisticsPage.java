package org.replicationserver.receiver.staging;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The statistics that an EBS volume's NVMe device keeps, its log page D0h, since the attachment. The layout is Amazon's, as
 * amazon-ec2-utils and the user guide of EBS ("Amazon EBS detailed performance statistics") publish it. Little-endian:
 *
 * <pre>
 *  offset  bytes
 *       0      4  magic, 3C23B510h
 *       8     48  operations read, written; bytes read, written; microseconds of reads, writes; 8 bytes each
 *      56      8  microseconds in which more IOPS were asked for than the volume has
 *      64      8  the same for the volume's throughput
 *      72      8  the same for the IOPS to EBS that the instance has
 *      80      8  the same for the instance's throughput to EBS
 *      88      8  operations that wait now
 *     512         histograms of latencies, which are not read here
 * </pre>
 */
public record StatisticsPage(
        long volumeIopsExceededMicros,
        long volumeThroughputExceededMicros,
        long instanceIopsExceededMicros,
        long instanceThroughputExceededMicros,
        long queueLength) {
    static final int BYTES = 4096;

    private static final int MAGIC = 0x3C23B510;
    private static final int VOLUME_IOPS_OFFSET = 56;
    private static final int VOLUME_THROUGHPUT_OFFSET = 64;
    private static final int INSTANCE_IOPS_OFFSET = 72;
    private static final int INSTANCE_THROUGHPUT_OFFSET = 80;
    private static final int QUEUE_LENGTH_OFFSET = 88;

    /** Null if these bytes are no such page: too few, another magic, or a number that cannot be. */
    static @Nullable StatisticsPage parse(byte[] bytes, int offset) {
        if (bytes.length - offset < BYTES) {
            return null;
        }
        ByteBuffer page = ByteBuffer.wrap(bytes, offset, BYTES).slice().order(ByteOrder.LITTLE_ENDIAN);
        StatisticsPage parsed = new StatisticsPage(
                page.getLong(VOLUME_IOPS_OFFSET),
                page.getLong(VOLUME_THROUGHPUT_OFFSET),
                page.getLong(INSTANCE_IOPS_OFFSET),
                page.getLong(INSTANCE_THROUGHPUT_OFFSET),
                page.getLong(QUEUE_LENGTH_OFFSET));
        return page.getInt(0) == MAGIC && parsed.isPossible() ? parsed : null;
    }

    /** They are unsigned; above 2^63 none of them can be. */
    private boolean isPossible() {
        return (volumeIopsExceededMicros
                        | volumeThroughputExceededMicros
                        | instanceIopsExceededMicros
                        | instanceThroughputExceededMicros
                        | queueLength)
                >= 0;
    }

    /** Microseconds in which the instance's limit to EBS was exceeded in one way at least: no less than these. */
    long instanceExceededMicrosSince(StatisticsPage before) {
        return Math.max(
                instanceIopsExceededMicros - before.instanceIopsExceededMicros,
                instanceThroughputExceededMicros - before.instanceThroughputExceededMicros);
    }
}
