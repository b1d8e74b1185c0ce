package org.replicationserver.volume;

import org.jspecify.annotations.Nullable;

/**
 * How to open a volume's device.
 *
 * @param sizeBytes the assigned size: the source disk's. The device may be larger, and then its tail is never touched
 * @param cacheMode null for the default of the kind of device
 * @param volumeId whose an image file must be, see {@link ImageMark}; null for whoever's it is
 * @param identity is asked about the device that was opened
 * @param extendFromBytes an image file that is smaller than {@code sizeBytes} is extended to that, with zeros, if it has at least so many
 *     and is marked as the volume's, so that no file of somebody else is extended; where the file system keeps no marks, if that is not 0
 */
public record OpenOptions(
        long sizeBytes,
        @Nullable CacheMode cacheMode,
        @Nullable VolumeId volumeId,
        DeviceIdentity identity,
        long extendFromBytes) {
    /** Nothing is extended. */
    public static final long NEVER = Long.MAX_VALUE;

    public OpenOptions {
        if (sizeBytes <= 0 || sizeBytes % BlockDevice.SECTOR_BYTES != 0) {
            throw new IllegalArgumentException("size is not a positive multiple of 512: size=" + sizeBytes);
        }
    }

    /** Of a device that is as large as it is to be. */
    public OpenOptions(
            long sizeBytes, @Nullable CacheMode cacheMode, @Nullable VolumeId volumeId, DeviceIdentity identity) {
        this(sizeBytes, cacheMode, volumeId, identity, NEVER);
    }

    /** Of a device that may be any volume. */
    public OpenOptions(long sizeBytes, @Nullable CacheMode cacheMode) {
        this(sizeBytes, cacheMode, null, DeviceIdentity.ANY);
    }

    public static OpenOptions ofSize(long sizeBytes) {
        return new OpenOptions(sizeBytes, null);
    }
}
