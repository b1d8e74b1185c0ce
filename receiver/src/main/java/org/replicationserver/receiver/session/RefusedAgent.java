package org.replicationserver.receiver.session;

/**
 * An agent that was refused as a duplicate, and the one that it took turns with. Immutable, any thread.
 *
 * @param instance what it draws anew at each start, which is refused
 * @param address from where it came when that was found
 * @param otherAddress from where the one came that goes on
 * @param sameKey whether both came with the same key, as clones of a machine do; else the source server has two keys
 */
public record RefusedAgent(String instance, String address, String otherAddress, boolean sameKey) {}
