package org.replicationserver.volume;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The order in which the writes of a batch go to the device: by offset, so that neighbours meet, unless any two of
 * them overlap; then as submitted, so that the later one wins. Writer thread only; allocates nothing per batch.
 */
final class WriteOrder {
    static final int WRITES_MAX = 1024;
    private static final int INDEX_BITS = 10;

    /** So that an offset in sectors and an index fit a positive long together. */
    static final long VOLUME_BYTES_MAX = 1L << 60;

    static {
        assert WRITES_MAX <= 1 << INDEX_BITS;
        assert VOLUME_BYTES_MAX / BlockDevice.SECTOR_BYTES <= Long.MAX_VALUE >> INDEX_BITS;
    }

    private final @Nullable BlockWrite[] submitted = new @Nullable BlockWrite[WRITES_MAX];
    /** Offset in sectors above, index in order of submission below: sorting these is stable and compares no objects. */
    private final long[] keys = new long[WRITES_MAX];

    private int size;

    void add(BlockWrite write) {
        submitted[size] = write;
        keys[size] = ((write.offsetBytes() / BlockDevice.SECTOR_BYTES) << INDEX_BITS) | size;
        size++;
    }

    int size() {
        return size;
    }

    void arrange() {
        Arrays.sort(keys, 0, size);
        if (anyOverlap()) {
            for (int i = 0; i < size; i++) {
                keys[i] = i;
            }
        }
    }

    private boolean anyOverlap() {
        long endBytes = 0;
        for (int i = 0; i < size; i++) {
            BlockWrite write = get(i);
            if (write.offsetBytes() < endBytes) {
                return true;
            }
            endBytes = write.endBytes();
        }
        return false;
    }

    /** The i-th to go to the device, once arranged. */
    BlockWrite get(int i) {
        return Objects.requireNonNull(submitted[(int) (keys[i] & ((1 << INDEX_BITS) - 1))]);
    }

    void clear() {
        Arrays.fill(submitted, 0, size, null);
        size = 0;
    }
}
