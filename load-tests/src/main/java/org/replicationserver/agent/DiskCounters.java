package org.replicationserver.agent;

/** What went over the wire for one disk, since the start. Event loop only. */
final class DiskCounters {
    long dataBytesSent;
    long zeroBytesSent;
    long payloadBytesSent;
    long dataBytesResent;
    long zeroBytesResent;
    long durableBytes;
    long readBytes;

    // of rescans
    long comparedBytes;
    long equalBytes;
    long differingBytes;

    void addTo(DiskCounters sum) {
        sum.dataBytesSent += dataBytesSent;
        sum.zeroBytesSent += zeroBytesSent;
        sum.payloadBytesSent += payloadBytesSent;
        sum.dataBytesResent += dataBytesResent;
        sum.zeroBytesResent += zeroBytesResent;
        sum.durableBytes += durableBytes;
        sum.readBytes += readBytes;
        sum.comparedBytes += comparedBytes;
        sum.equalBytes += equalBytes;
        sum.differingBytes += differingBytes;
    }
}
