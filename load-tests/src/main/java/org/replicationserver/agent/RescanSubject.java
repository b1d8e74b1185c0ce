package org.replicationserver.agent;

import java.util.function.IntConsumer;

/** A disk of whose volume nobody knows what it holds: what is equal is clean, what differs is sent. Event loop only. */
final class RescanSubject implements DiskComparison.Subject {
    private final ReplicatedDisk disk;
    private final IntConsumer toSend;

    /** @param toSend hears of each block that is to be sent now */
    RescanSubject(ReplicatedDisk disk, IntConsumer toSend) {
        this.disk = disk;
        this.toSend = toSend;
    }

    @Override
    public boolean isReportOnly() {
        return false;
    }

    @Override
    public int next(int from) {
        return disk.map.nextUnknown(from);
    }

    @Override
    public boolean isWanted(int block, HashRead read) {
        return disk.map.isUnknown(block);
    }

    /** What the volume holds is from now on what was sent last, or a later change back to an older content would not be seen. */
    @Override
    public void equal(int block, HashRead read) {
        disk.hashes.put(block, read.hashes, read.hashAt(block));
        disk.map.foundEqual(block);
        disk.counters.equalBytes += disk.layout.bytes(block, 1);
    }

    @Override
    public void differs(int block) {
        disk.map.foundDiffering(block);
        disk.counters.differingBytes += disk.layout.bytes(block, 1);
        toSend.accept(block);
    }
}
