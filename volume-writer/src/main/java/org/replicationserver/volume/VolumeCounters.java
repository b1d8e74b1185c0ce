package org.replicationserver.volume;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/** What a writer has done since it was opened. Added to by the writer thread, read by any; each only grows. */
public final class VolumeCounters {
    final LongAdder blocks = new LongAdder();
    final LongAdder corruptBlocks = new LongAdder();
    final LongAdder droppedBlocks = new LongAdder();
    final LongAdder bytesWritten = new LongAdder();
    final LongAdder bytesZeroed = new LongAdder();
    final LongAdder bytesSkipped = new LongAdder();
    final LongAdder bytesCompared = new LongAdder();
    final LongAdder deviceWrites = new LongAdder();
    final LongAdder forces = new LongAdder();
    final LongAdder writeNanos = new LongAdder();
    final LongAdder forceNanos = new LongAdder();

    final BusyClock deviceBusy;
    final BusyClock expandBusy;

    VolumeCounters(LongSupplier clockNanos) {
        this.deviceBusy = new BusyClock(clockNanos);
        this.expandBusy = new BusyClock(clockNanos);
    }

    /** Blocks taken from the queue to be written, whatever became of them. */
    public long blocks() {
        return blocks.sum();
    }

    public long corruptBlocks() {
        return corruptBlocks.sum();
    }

    public long droppedBlocks() {
        return droppedBlocks.sum();
    }

    public long bytesWritten() {
        return bytesWritten.sum();
    }

    public long bytesZeroed() {
        return bytesZeroed.sum();
    }

    /** Zeros over untouched regions of a fresh volume. */
    public long bytesSkipped() {
        return bytesSkipped.sum();
    }

    /** Bytes that were read to be compared with hashes. */
    public long bytesCompared() {
        return bytesCompared.sum();
    }

    /** Writes and zeros that reached the device, after joining. */
    public long deviceWrites() {
        return deviceWrites.sum();
    }

    public long forces() {
        return forces.sum();
    }

    public long writeNanos() {
        return writeNanos.sum();
    }

    public long forceNanos() {
        return forceNanos.sum();
    }

    /** Time in calls of the device, the one that has not returned included. */
    public long deviceBusyNanos() {
        return deviceBusy.nanos();
    }

    /** Time in which blocks were expanded and checked, or hashed, the present one included. */
    public long expandBusyNanos() {
        return expandBusy.nanos();
    }
}
