package org.replicationserver.receiver.snapshot;

/** How a snapshot group ended; README, "Outcomes", which a test compares with this. */
public enum SnapshotOutcome {
    /** All snapshots were requested while the writes were held, and the group will be registered whatever happens. */
    MADE(false),
    /** The source server is not assigned here. */
    NOT_ASSIGNED(false),
    /** A volume is no EBS volume: an image file, or its id is none of EBS. */
    NOT_ON_EBS(true),
    /** The control plane allows no group now. */
    NO_CREDIT(false),
    /** The control plane did not answer, or refused the group. */
    CONTROL_PLANE(true),
    /** What must survive a restart could not be stored. */
    NOT_KEPT(true),
    /** There are no credentials, or EC2 does not accept them. */
    BAD_CREDENTIALS(true),
    /** The role may not do this. */
    ACCESS_DENIED(true),
    /** No connection to EC2. */
    EC2_UNREACHABLE(true),
    /** The writes could not be held at a commit. */
    NOT_HELD(true),
    /** EC2 turned requests away as too many for as long as the writes could be held. */
    EC2_THROTTLED(true),
    /** EC2 has refused a request for another reason. */
    EC2_REFUSED(true),
    /** EC2 did not tell what became of a request. */
    EC2_FAULT(true),
    /** The hold ended before EC2 had taken all requests. */
    HOLD_EXPIRED(true),
    /** A snapshot ended in an error, after its group was registered. */
    SNAPSHOT_ERROR(true),
    /** The process ended in the middle. */
    INTERRUPTED(true),
    /** A fault of this server's program. */
    FAULT(true),
    /** The server stops, or a hold was refused for that reason. */
    STOPPED(false);

    private final boolean failure;

    SnapshotOutcome(boolean failure) {
        this.failure = failure;
    }

    /** Whether the explanation SNAPSHOTS_FAILURE tells of it. */
    public boolean isFailure() {
        return failure;
    }
}
