package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.List;

/**
 * The comparing of a disk's volume with what was sent to it, over as many commits as it takes; changes nothing. Event loop only.
 *
 * <p>A block is compared only while the source holds what was sent last, so that a difference is one whoever writes to the source. One that
 * has changed is tried again after the next commit, a few times.
 */
final class Verification implements DiskComparison.Subject {
    /** A block that has changed each time is left out. */
    static final int ROUNDS_MAX = 3;

    /** More ranges are counted, and not told one by one. */
    static final int DIFFERENCES_MAX = 1000;

    private final ReplicatedDisk disk;
    private final BlockSet left;
    private int rounds;
    private final List<AgentReport.Difference> differences = new ArrayList<>();
    private int taken;
    private long equalBytes;
    private long differingBytes;

    Verification(ReplicatedDisk disk) {
        this.disk = disk;
        int blocks = disk.layout.blocks();
        this.left = new BlockSet(blocks);
        left.addAll(0, blocks);
    }

    /** Memory for one of a disk of so many blocks. */
    static long bytes(long blocks) {
        return BlockSet.bytes(blocks);
    }

    @Override
    public boolean isReportOnly() {
        return true;
    }

    @Override
    public int next(int from) {
        return left.next(from);
    }

    @Override
    public boolean isWanted(int block, HashRead read) {
        return left.contains(block)
                && disk.map.isClean(block)
                && disk.hashes.isSent(block, read.hashes, read.hashAt(block));
    }

    @Override
    public void equal(int block, HashRead read) {
        left.remove(block);
        equalBytes += disk.layout.bytes(block, 1);
    }

    @Override
    public void differs(int block) {
        left.remove(block);
        long bytes = disk.layout.bytes(block, 1);
        differingBytes += bytes;
        long offset = disk.layout.offsetBytes(block);
        AgentReport.Difference last = differences.isEmpty() ? null : differences.getLast();
        if (last != null && last.offsetBytes() + last.lengthBytes() == offset) {
            differences.removeLast();
            differences.add(
                    new AgentReport.Difference(disk.spec.deviceName(), last.offsetBytes(), last.lengthBytes() + bytes));
        } else if (differences.size() < DIFFERENCES_MAX) {
            differences.add(new AgentReport.Difference(disk.spec.deviceName(), offset, bytes));
        }
    }

    /** All that was left was looked at once. */
    void roundDone() {
        rounds++;
    }

    boolean isDone() {
        return left.isEmpty() || rounds >= ROUNDS_MAX;
    }

    long equalBytes() {
        return equalBytes;
    }

    long differingBytes() {
        return differingBytes;
    }

    /** Bytes that were not compared. */
    long leftBytes() {
        return disk.layout.sizeBytes() - equalBytes - differingBytes;
    }

    List<AgentReport.Difference> differences() {
        return List.copyOf(differences);
    }

    /** Those that were not taken before. */
    List<AgentReport.Difference> takeNewDifferences() {
        List<AgentReport.Difference> fresh = List.copyOf(differences.subList(taken, differences.size()));
        taken = differences.size();
        return fresh;
    }
}
