package org.replicationserver.receiver.session;

/**
 * Names one hold; another one never has the same.
 *
 * @param value 32 hexadecimal digits, random
 */
public record HoldToken(String sourceServerId, String value) {}
