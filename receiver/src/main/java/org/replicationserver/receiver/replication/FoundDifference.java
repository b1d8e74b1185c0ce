package org.replicationserver.receiver.replication;

/**
 * What verifications have found of a volume that is not what its agent sent, and that no rescan has mended yet. Immutable.
 *
 * @param sinceMillis when the first of them found something
 * @param offsetBytes where the newest that was found begins
 * @param bytes so many of its blocks differ, not all of them one after the other
 */
public record FoundDifference(long sinceMillis, long offsetBytes, long bytes) {}
