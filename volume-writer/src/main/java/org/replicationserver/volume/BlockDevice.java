package org.replicationserver.volume;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of one volume. Confined to the thread that owns it, the volume's writer thread; it has no locks.
 *
 * <p>Offsets and lengths are multiples of {@link #SECTOR_BYTES}; a device that needs a coarser alignment sees to that
 * itself. A range outside the device is an {@link IllegalArgumentException}, never clipped.
 *
 * <p>Durability: {@link #write} and {@link #zero} promise nothing but that a later {@link #read} sees them. Only a
 * {@link #force} that was begun after they returned, and that returned itself, puts them on stable storage.
 *
 * <p>It is apart from {@link VolumeWriter} so that the writer can be tested on devices that forget, fail and stall,
 * and so that a simulation can run the writer that ships.
 */
public interface BlockDevice extends AutoCloseable {
    int SECTOR_BYTES = 512;

    /** The size the device really has, which may be larger than the part of it that is assigned to a source's disk. */
    long sizeBytes();

    /** The alignment that needs no read-modify-write at the edges of a write. */
    int alignmentBytes();

    /** Whether the device knows, without reading it, that all of its assigned part reads zero. */
    default boolean isKnownZero() {
        return false;
    }

    /** What tells this device from another one that takes its place; null where nothing does. */
    default @Nullable String physicalId() {
        return null;
    }

    /** What its mark said when it was opened. */
    default Mark mark() {
        return Mark.NOT_KEPT;
    }

    /** Writes all of the source, or throws. */
    void write(MemorySegment source, long offsetBytes) throws DeviceException;

    /** Makes the range read as zero, always. Deallocation is a permission, not a wish. */
    void zero(long offsetBytes, long lengthBytes, boolean mayDeallocate) throws DeviceException;

    /** Fills all of the target, or throws. */
    void read(MemorySegment target, long offsetBytes) throws DeviceException;

    /**
     * Puts everything written before on stable storage. Never retried, whatever the error: Linux marks the pages of a
     * failed write-back clean, so that a second force would succeed without them.
     */
    void force() throws DeviceException;

    /**
     * From now on reads see what the device has, also where a cache of the system holds something else: after a write-back that failed
     * Linux keeps the page and calls it clean. To be called after a {@link #force}, by whoever would believe a read.
     */
    void forgetCache() throws DeviceException;

    /** Closing again does nothing. */
    @Override
    void close() throws DeviceException;
}
