package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;

/**
 * What a look at a disk found. Immutable.
 *
 * @param sizeBytes 0 if it cannot be read
 * @param blockSizeBytes whose multiples are written cheapest: 4096 or 512; 0 if it cannot be read
 * @param failure why it cannot be read, or null
 */
public record DiskLook(
        long sizeBytes, int blockSizeBytes, @Nullable String failure) {
    public static DiskLook readable(long sizeBytes, int blockSizeBytes) {
        return new DiskLook(sizeBytes, blockSizeBytes, null);
    }

    public static DiskLook unreadable(String why) {
        return new DiskLook(0, 0, why);
    }
}
