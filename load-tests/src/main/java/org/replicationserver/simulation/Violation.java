package org.replicationserver.simulation;

/** A promise of the product is broken. */
final class Violation extends AssertionError {
    private static final long serialVersionUID = 1;

    /** @param invariant its number in the list of invariants, as I1 */
    Violation(String invariant, String what) {
        super(invariant + ": " + what);
    }
}
