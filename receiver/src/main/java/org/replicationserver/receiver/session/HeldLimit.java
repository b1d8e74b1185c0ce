package org.replicationserver.receiver.session;

/**
 * The limit of bandwidth that holds at a moment. Immutable, any thread.
 *
 * @param mbps on the wire; 0 is no limit
 */
public record HeldLimit(int mbps, Origin origin) {
    /** Where a limit comes from. */
    public enum Origin {
        /** The plain number that is assigned or configured; also where nothing is. */
        ASSIGNED,
        /** An entry of the schedule that is assigned, which covers the moment. */
        SCHEDULE,
        /** Set since by an administrator, instead of what is assigned. */
        BY_HAND
    }
}
