package org.replicationserver.receiver.snapshot;

/** A snapshot group did not come about. */
public final class SnapshotException extends Exception {
    private static final long serialVersionUID = 1;

    private final SnapshotOutcome outcome;
    private final String nextAction;

    /**
     * Says what happened.
     *
     * @param sentence with its numbers; no capital letter, no full stop
     * @param nextAction what to do about it, a whole sentence
     */
    public SnapshotException(SnapshotOutcome outcome, String sentence, String nextAction) {
        super(sentence);
        this.outcome = outcome;
        this.nextAction = nextAction;
    }

    public SnapshotOutcome outcome() {
        return outcome;
    }

    public String sentence() {
        return String.valueOf(getMessage());
    }

    public String nextAction() {
        return nextAction;
    }
}
