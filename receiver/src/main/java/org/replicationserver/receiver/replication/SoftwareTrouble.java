package org.replicationserver.receiver.replication;

/**
 * Why the software that was asked for last is not there. Immutable.
 *
 * @param object bucket and key
 * @param kind of the failure, one word
 * @param reason what happened, a part of a sentence
 * @param nextAction what to do about it, a whole sentence
 */
public record SoftwareTrouble(String object, String kind, String reason, String nextAction) {}
