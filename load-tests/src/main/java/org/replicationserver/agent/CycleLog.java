package org.replicationserver.agent;

import java.util.ArrayDeque;
import java.util.List;

/** Makes a report line of what is counted between the begin of an epoch and its commit. Event loop only. */
final class CycleLog {
    /** The counters at one moment. */
    private record Mark(DiskCounters disks, long wireBytes, long reconnects, long nanos) {}

    private final List<ReplicatedDisk> disks;
    private final AgentCounters counters;
    private final ArrayDeque<AgentReport.Cycle> cycles = new ArrayDeque<>();
    private Mark begin;

    CycleLog(List<ReplicatedDisk> disks, AgentCounters counters, long nowNanos) {
        this.disks = disks;
        this.counters = counters;
        this.begin = mark(nowNanos);
    }

    DiskCounters sum() {
        DiskCounters sum = new DiskCounters();
        disks.forEach(disk -> disk.counters.addTo(sum));
        return sum;
    }

    void begin(long nowNanos) {
        begin = mark(nowNanos);
    }

    void committed(long epoch, boolean fuzzy, long nowNanos) {
        Mark end = mark(nowNanos);
        DiskCounters from = begin.disks();
        DiskCounters to = end.disks();
        long zeroBytes = to.zeroBytesSent - from.zeroBytesSent;
        if (cycles.size() == AgentReport.CYCLES_MAX) {
            cycles.removeFirst();
        }
        cycles.addLast(new AgentReport.Cycle(
                epoch,
                fuzzy,
                to.dataBytesSent - from.dataBytesSent + zeroBytes,
                zeroBytes,
                end.wireBytes() - begin.wireBytes(),
                to.dataBytesResent - from.dataBytesResent,
                to.zeroBytesResent - from.zeroBytesResent,
                to.durableBytes - from.durableBytes,
                to.readBytes - from.readBytes,
                (end.nanos() - begin.nanos()) / 1e9,
                end.reconnects() - begin.reconnects()));
    }

    List<AgentReport.Cycle> cycles() {
        return List.copyOf(cycles);
    }

    private Mark mark(long nowNanos) {
        return new Mark(sum(), counters.wireBytesSent, counters.reconnects, nowNanos);
    }
}
