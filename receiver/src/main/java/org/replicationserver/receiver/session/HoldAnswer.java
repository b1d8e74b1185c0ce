package org.replicationserver.receiver.session;

import java.util.List;

/** Whether the volumes of a source server stand still. */
public sealed interface HoldAnswer {
    /**
     * All that was committed is on stable storage, and nothing more is written until the hold is released or its time is over.
     *
     * @param markTimeMillis mark of the epoch, since 1970-01-01T00:00Z
     * @param volumes all of the source server
     */
    record Held(HoldToken token, StandingHold hold, long markTimeMillis, List<VolumeAssignment> volumes)
            implements HoldAnswer {
        /** Whose commit the volumes are. */
        public long epoch() {
            return hold.epoch();
        }
    }

    /**
     * Nothing is held.
     *
     * @param text for people: what, where, what is allowed
     */
    record NotHeld(Cause cause, String text) implements HoldAnswer {}

    /** Why nothing is held. */
    enum Cause {
        /** No volume is assigned to such a source server. */
        NOT_ASSIGNED,
        /** Another hold of the source server is wanted or held. */
        ALREADY_HELD,
        /** No commit came in time. */
        COMMIT_TIMEOUT,
        /** The epoch is not the source at one moment. */
        FUZZY,
        /** A volume has failed, is not open, or was not in the epoch. */
        VOLUME_NOT_SERVED,
        /** A volume's writer did not come to rest in time. */
        NOT_SETTLED,
        /** The server is about to stop, or the source server is being taken from it. */
        SHUTDOWN
    }
}
