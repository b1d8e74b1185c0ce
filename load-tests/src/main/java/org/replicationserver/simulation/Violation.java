package org.replicationserver.simulation;

/** A promise of the product is broken. */
final class Violation extends AssertionError {
    private static final long serialVersionUID = 1;

    /** @param invariant its number in the list of invariants, as I1 */
    Violation(String invariant, String what) {
        super(invariant + ": " + what);
    }

    /** What was thrown, or that the program made a mistake. */
    static Violation of(Throwable thrown) {
        if (thrown instanceof Violation violation) {
            return violation;
        }
        Violation mistake = new Violation("the program", String.valueOf(thrown));
        mistake.initCause(thrown);
        return mistake;
    }
}
