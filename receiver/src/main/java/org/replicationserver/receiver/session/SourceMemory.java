package org.replicationserver.receiver.session;

import java.util.ArrayDeque;

/**
 * A source server's share of the memory budget, in payload bytes. Event loop only.
 *
 * <p>The windows of a source server fit its share, so a refusal is the exception: it comes when an older session's writes have not
 * ended, or when the source has more volumes and streams than its share has smallest windows.
 */
public final class SourceMemory {
    /** A source server's share is never smaller, so that a largest block always fits. */
    public static final long SHARE_BYTES_MIN = 2L * 1024 * 1024;

    private long shareBytes;
    private final ArrayDeque<AgentConnection> waiting = new ArrayDeque<>();
    private final RunningTime paused;
    private long usedBytes;

    SourceMemory(long shareBytes, SessionClock clock) {
        this.shareBytes = shareBytes;
        this.paused = new RunningTime(clock);
    }

    /** The share of each of so many source servers. */
    static long shareBytes(long budgetBytes, int sources) {
        return Math.max(SHARE_BYTES_MIN, budgetBytes / Math.max(1, sources));
    }

    /** Other source servers came or went. Windows that were granted stay; where they do not fit any more, connections pause. */
    void setShareBytes(long newShareBytes) {
        shareBytes = newShareBytes;
        wakeWaiting();
    }

    long shareBytes() {
        return shareBytes;
    }

    /** Takes the bytes, or takes note that the connection waits for them. */
    boolean reserve(int bytes, AgentConnection connection) {
        if (usedBytes + bytes > shareBytes) {
            if (!waiting.contains(connection)) {
                waiting.add(connection);
                paused.begin();
            }
            return false;
        }
        usedBytes += bytes;
        return true;
    }

    void release(int bytes) {
        usedBytes -= bytes;
    }

    /** Wakes those that wait; called once after a round of releases. What one reads then may have it wait again, or end others that wait. */
    void wakeWaiting() {
        for (int n = waiting.size(); n > 0 && !waiting.isEmpty(); n--) {
            paused.end();
            waiting.remove().resumeReading();
        }
    }

    /** A connection that has ended waits no more. */
    void forget(AgentConnection connection) {
        if (waiting.remove(connection)) {
            paused.end();
        }
    }

    /** Time in which some connection waited. */
    long pausedNanos() {
        return paused.nanos();
    }
}
