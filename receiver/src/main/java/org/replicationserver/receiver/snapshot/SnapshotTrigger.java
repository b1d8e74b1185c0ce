package org.replicationserver.receiver.snapshot;

/**
 * Why a group is made; it is made once for each, over restarts.
 *
 * @param id of the command or of the request
 */
public record SnapshotTrigger(Kind kind, String id) {
    /** Where it comes from. */
    public enum Kind {
        /** The command CREATE_SNAPSHOT: tried once, and answered. */
        COMMAND,
        /** A request that stays until a group is made for it. */
        REQUEST
    }

    public static SnapshotTrigger command(String commandId) {
        return new SnapshotTrigger(Kind.COMMAND, commandId);
    }

    public static SnapshotTrigger request(String requestId) {
        return new SnapshotTrigger(Kind.REQUEST, requestId);
    }

    /** Whether this outcome is the end of it. */
    boolean isServedBy(SnapshotOutcome outcome) {
        return kind == Kind.COMMAND || outcome == SnapshotOutcome.MADE;
    }
}
