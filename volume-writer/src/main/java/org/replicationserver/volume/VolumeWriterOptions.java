package org.replicationserver.volume;

/**
 * How a volume is written.
 *
 * @param fresh whether the volume is known to read zero everywhere, so that zeros over untouched regions need no write
 * @param regionBytes the grain in which a fresh volume remembers where data went
 * @param forceBytesMax how much may be written before a force although more is queued
 */
public record VolumeWriterOptions(boolean fresh, long regionBytes, long forceBytesMax) {
    public static final long REGION_BYTES_DEFAULT = 16L << 20;
    public static final long FORCE_BYTES_MAX_DEFAULT = 8L << 20;

    /** Finer grains would make the memory of a large volume's regions count. */
    public static final long REGION_BYTES_MIN = 1L << 20;

    public VolumeWriterOptions {
        if (regionBytes < REGION_BYTES_MIN || Long.bitCount(regionBytes) != 1) {
            throw new IllegalArgumentException(
                    "not a power of two of at least " + REGION_BYTES_MIN + ": regionBytes=" + regionBytes);
        }
        if (forceBytesMax <= 0) {
            throw new IllegalArgumentException("not positive: forceBytesMax=" + forceBytesMax);
        }
    }

    public static VolumeWriterOptions defaults() {
        return new VolumeWriterOptions(false, REGION_BYTES_DEFAULT, FORCE_BYTES_MAX_DEFAULT);
    }

    public VolumeWriterOptions withFresh(boolean fresh) {
        return new VolumeWriterOptions(fresh, regionBytes, forceBytesMax);
    }

    public VolumeWriterOptions withRegionBytes(long regionBytes) {
        return new VolumeWriterOptions(fresh, regionBytes, forceBytesMax);
    }

    public VolumeWriterOptions withForceBytesMax(long forceBytesMax) {
        return new VolumeWriterOptions(fresh, regionBytes, forceBytesMax);
    }
}
