package org.replicationserver.volume;

import org.jspecify.annotations.Nullable;

/**
 * Joins neighbours into runs and hands each run to the device in one piece. Writer thread only.
 *
 * <p>Invariant: between calls the run holds whole, checked blocks only. A corrupt block ends the run before it and is
 * in none.
 */
final class RunWriter implements AutoCloseable {
    private final BlockDevice device;
    private final VolumeCounters counters;
    /** Made for the first block: a machine has many more volumes than ones that are written. */
    private @Nullable Slab slab;

    // the run: nothing of it has been written while it has a length
    private BlockWrite.Kind runKind = BlockWrite.Kind.DATA;
    private boolean runMayDeallocate;
    private long runOffsetBytes;
    private long runLengthBytes;

    private boolean unforced;

    RunWriter(BlockDevice device, VolumeCounters counters) {
        this.device = device;
        this.counters = counters;
    }

    /** Adds a block to the run, after writing out the run where it is no neighbour. Settles it when it is corrupt. */
    void add(BlockWrite write) throws DeviceException {
        if (!isNeighbour(write)) {
            flush();
            runKind = write.kind();
            runMayDeallocate = write.mayDeallocate();
            runOffsetBytes = write.offsetBytes();
        }
        if (write.kind() == BlockWrite.Kind.DATA && !expand(write)) {
            write.settle(BlockWrite.Outcome.CORRUPT);
            counters.corruptBlocks.increment();
            flush();
            return;
        }
        runLengthBytes += write.lengthBytes();
    }

    private boolean expand(BlockWrite write) {
        Slab target = slab();
        counters.expandBusy.begin();
        try {
            return target.expand(write, runEndPosition());
        } finally {
            counters.expandBusy.end();
        }
    }

    private boolean isNeighbour(BlockWrite write) {
        return runLengthBytes > 0
                && write.offsetBytes() == runOffsetBytes + runLengthBytes
                && write.kind() == runKind
                && write.mayDeallocate() == runMayDeallocate;
    }

    private int runEndPosition() {
        return Slab.positionOf(runOffsetBytes) + (int) runLengthBytes;
    }

    /** Writes out the run, if there is one. */
    void flush() throws DeviceException {
        if (runLengthBytes == 0) {
            return;
        }
        long lengthBytes = runLengthBytes;
        runLengthBytes = 0;
        unforced = true;
        counters.deviceBusy.begin();
        try {
            write(lengthBytes);
        } finally {
            counters.writeNanos.add(counters.deviceBusy.end());
        }
        counters.deviceWrites.increment();
    }

    private void write(long lengthBytes) throws DeviceException {
        if (runKind == BlockWrite.Kind.DATA) {
            device.write(slab().slice(Slab.positionOf(runOffsetBytes), lengthBytes), runOffsetBytes);
            counters.bytesWritten.add(lengthBytes);
        } else {
            device.zero(runOffsetBytes, lengthBytes, runMayDeallocate);
            counters.bytesZeroed.add(lengthBytes);
        }
    }

    /** Whether anything has been handed to the device since the last force. */
    boolean isUnforced() {
        return unforced;
    }

    /** Somebody else may have handed something to the device, and nobody knows whether that was forced. */
    void distrust() {
        unforced = true;
    }

    void forced() {
        unforced = false;
    }

    private Slab slab() {
        Slab made = slab;
        if (made == null) {
            made = new Slab();
            slab = made;
        }
        return made;
    }

    @Override
    public void close() {
        if (slab != null) {
            slab.close();
        }
    }
}
