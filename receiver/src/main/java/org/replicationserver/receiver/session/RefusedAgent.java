package org.replicationserver.receiver.session;

/**
 * An agent that was refused as a duplicate, and the one that it took turns with. Immutable, any thread.
 *
 * @param instance what it draws anew at each start, which is refused
 * @param address from where it came last when that was found
 * @param pin of the key with which it came
 * @param otherAddress from where the one came last that goes on
 * @param otherPin of the key of that one; the same for clones of a machine, another where the source server has two
 */
public record RefusedAgent(String instance, String address, String pin, String otherAddress, String otherPin) {
    /** What the two have in common or not, for people. */
    public String keys() {
        return pin.equals(otherPin)
                ? "the same key (a cloned machine?)"
                : "different keys (registered twice?; refused is " + pin + ", the other is " + otherPin + ")";
    }
}
