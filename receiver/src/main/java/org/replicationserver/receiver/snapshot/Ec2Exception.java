package org.replicationserver.receiver.snapshot;

import org.jspecify.annotations.Nullable;

/** A request to EC2 has failed. */
final class Ec2Exception extends Exception {
    private static final long serialVersionUID = 1;

    /** Why, as far as that changes what to do. */
    enum Kind {
        /** No request was sent: there is no connection. */
        NOT_SENT(SnapshotOutcome.EC2_UNREACHABLE),
        /** There was no request: nobody to sign it, or EC2 does not know the signer. */
        BAD_CREDENTIALS(SnapshotOutcome.BAD_CREDENTIALS),
        /** The signer may not do this. */
        DENIED(SnapshotOutcome.ACCESS_DENIED),
        /** Too many requests; nothing was done. */
        THROTTLED(SnapshotOutcome.EC2_THROTTLED),
        /** Too many snapshots of one volume in a short time; nothing was done. */
        THROTTLED_BY_VOLUME(SnapshotOutcome.EC2_THROTTLED),
        /** Nothing was done, for another reason. */
        REFUSED(SnapshotOutcome.EC2_REFUSED),
        /** Nobody knows whether it was done: no answer came, or one that says nothing. */
        UNKNOWN(SnapshotOutcome.EC2_FAULT);

        final SnapshotOutcome outcome;

        Kind(SnapshotOutcome outcome) {
            this.outcome = outcome;
        }
    }

    private final Kind kind;
    private final String nextAction;

    /** @param nextAction a whole sentence */
    Ec2Exception(Kind kind, String sentence, String nextAction, @Nullable Throwable cause) {
        super(sentence, cause);
        this.kind = kind;
        this.nextAction = nextAction;
    }

    Kind kind() {
        return kind;
    }

    SnapshotException toSnapshotException() {
        return new SnapshotException(kind.outcome, String.valueOf(getMessage()), nextAction);
    }
}
