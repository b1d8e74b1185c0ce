package org.replicationserver.receiver.replication;

/** The published states of a replication; {@link StateTransitions} says how one follows the other. */
public enum DataReplicationState {
    /** No replication is wanted. Covers another state. */
    STOPPED,

    /** Associated and started, and no byte of a disk is durable yet. */
    INITIATING,

    /** Bytes are durable, and no epoch was ever committed. */
    INITIAL_SYNC,

    /** An epoch is committed, and the replica is behind. */
    BACKLOG,

    /** Snapshots of the volumes are being made. */
    CREATING_SNAPSHOT,

    /** The replica follows the source server. */
    CONTINUOUS,

    /** Interrupted by command. Covers another state. */
    PAUSED,

    /** The agent sends a disk again although an epoch was committed before. */
    RESCAN,

    /** Work waits and no byte becomes durable. Covers another state. */
    STALLED,

    /** The agent has no session. Covers another state. */
    DISCONNECTED,

    /** Of replication without agents; never entered. */
    PENDING_SNAPSHOT_SHIPPING,

    /** Of replication without agents; never entered. */
    SHIPPING_SNAPSHOT;

    /** Whether it hides another state, which goes on underneath. */
    boolean isOverlay() {
        return switch (this) {
            case STALLED, DISCONNECTED, PAUSED, STOPPED -> true;
            default -> false;
        };
    }

    /** Whether it can be what an overlay hides. */
    boolean isCoverable() {
        return !isOverlay() && this != PENDING_SNAPSHOT_SHIPPING && this != SHIPPING_SNAPSHOT;
    }
}
