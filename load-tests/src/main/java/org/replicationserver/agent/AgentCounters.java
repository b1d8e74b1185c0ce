package org.replicationserver.agent;

/** What the agent counts beside its disks, since the start. Event loop only. */
final class AgentCounters {
    long wireBytesSent;
    long skippedFrames;
    long sessions;
    long commits;
    long reconnects;

    void wireBytes(long bytes) {
        wireBytesSent += bytes;
    }

    void skippedFrame() {
        skippedFrames++;
    }
}
