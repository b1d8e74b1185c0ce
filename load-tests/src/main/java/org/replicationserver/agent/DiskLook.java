package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;

/**
 * What a look at a disk found. Immutable.
 *
 * @param sizeBytes 0 if it cannot be read
 * @param blockSizeBytes whose multiples are written cheapest: 4096 or 512; 0 if it cannot be read
 * @param failure why it cannot be read, or null
 * @param silent whether that is because it does not answer, so that nothing is known of it
 */
public record DiskLook(
        long sizeBytes, int blockSizeBytes, @Nullable String failure, boolean silent) {
    public static DiskLook readable(long sizeBytes, int blockSizeBytes) {
        return new DiskLook(sizeBytes, blockSizeBytes, null, false);
    }

    public static DiskLook unreadable(String why) {
        return new DiskLook(0, 0, why, false);
    }

    public static DiskLook silent(String why) {
        return new DiskLook(0, 0, why, true);
    }
}
