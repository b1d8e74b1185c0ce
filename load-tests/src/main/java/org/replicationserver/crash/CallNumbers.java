package org.replicationserver.crash;

/** Which of so many calls is meant in the n-th case: any number of cases is spread evenly over all calls. */
final class CallNumbers {
    /** The fractional parts of its multiples are spread as evenly as can be. */
    private static final double GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

    private CallNumbers() {}

    /** From 1 on. */
    static int of(int caseNumber, int calls) {
        double turns = caseNumber * GOLDEN_RATIO;
        return 1 + (int) ((turns - Math.floor(turns)) * calls);
    }
}
