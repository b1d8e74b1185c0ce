package org.replicationserver.receiver.replication;

/**
 * Why there is no new snapshot group of a source server. Immutable.
 *
 * @param sinceMillis when the first of the groups failed that have failed in a row
 * @param failures how many have, at least 1
 * @param ofMadeGroup whether the last of them had been made and registered; only one that is complete shows that this is mended
 * @param reason why the last of them did, a part of a sentence
 * @param nextAction what to do about it, a whole sentence
 */
public record SnapshotTrouble(long sinceMillis, int failures, boolean ofMadeGroup, String reason, String nextAction) {}
