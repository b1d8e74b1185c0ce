package org.replicationserver.receiver.replication;

/**
 * What this server found wrong with itself when it looked at its start. Immutable.
 *
 * @param reason completes "found at its start: "
 * @param nextAction what to do about it, a sentence
 */
public record ServerTrouble(String reason, String nextAction) {}
