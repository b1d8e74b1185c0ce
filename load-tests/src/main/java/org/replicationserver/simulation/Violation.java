package org.replicationserver.simulation;

/** A promise of the product is broken; or a program made a mistake that no invariant speaks of, where others would catch what it threw. */
final class Violation extends AssertionError {
    private static final long serialVersionUID = 1;

    private final boolean ofInvariant;

    /** @param invariant its number in the list of invariants, as I1 */
    Violation(String invariant, String what) {
        super(invariant + ": " + what);
        this.ofInvariant = true;
    }

    private Violation(Throwable mistake) {
        super(String.valueOf(mistake), mistake);
        this.ofInvariant = false;
    }

    /** What was thrown, or that a program made a mistake. */
    static Violation of(Throwable thrown) {
        return thrown instanceof Violation violation ? violation : new Violation(thrown);
    }

    /** Whether this tells of an invariant, and not of a mistake of whatever program threw it. */
    static boolean isOfInvariant(Throwable thrown) {
        return thrown instanceof Violation violation && violation.ofInvariant;
    }

    /** How a run ended, in a line: {@link BugHunt} reads it. */
    static String text(String run, Throwable thrown) {
        return isOfInvariant(thrown) ? run + ": " + thrown.getMessage() : run + " ended with " + thrown;
    }
}
