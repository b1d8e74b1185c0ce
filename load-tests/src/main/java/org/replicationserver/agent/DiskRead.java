package org.replicationserver.agent;

/**
 * A range of a disk that somebody wants read. Owned by the event loop, then by one reader thread, then by the event loop again.
 */
public sealed interface DiskRead permits BlockRead, HashRead {
    /** The number of the disk in the plan. */
    int disk();

    long offsetBytes();

    int bytes();

    /** It could not be read; called on the reader thread. */
    void fail(String text);
}
