package org.replicationserver.receiver.replication;

/**
 * A state and what it hides.
 *
 * @param shown what is published
 * @param covered the state that goes on underneath an overlay; the shown one if that is none
 */
record StatePosition(DataReplicationState shown, DataReplicationState covered) {
    StatePosition {
        if (!covered.isCoverable() || (shown != covered && !shown.isOverlay())) {
            throw new IllegalArgumentException(shown + " cannot cover " + covered);
        }
    }

    /** Replication is neither paused nor stopped. */
    boolean isWanted() {
        return shown != DataReplicationState.PAUSED && shown != DataReplicationState.STOPPED;
    }
}
