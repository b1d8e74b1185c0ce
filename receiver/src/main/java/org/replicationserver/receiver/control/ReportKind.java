package org.replicationserver.receiver.control;

/** The kinds of reports that are not lost: what is called to tell one, and what may be given up when there are too many. */
public enum ReportKind {
    COMMAND_RESULT(1, "SendChannelCommandResultForMgn", Keeping.ALWAYS),
    AGENT_AUTHENTICATION(2, "NotifyAgentAuthenticationForMgn", Keeping.NOTIFICATION),
    AGENT_CONNECTED(3, "NotifyAgentConnectedForMgn", Keeping.NOTIFICATION),
    AGENT_DISCONNECTED(4, "NotifyAgentDisconnectedForMgn", Keeping.NOTIFICATION),
    /** Progress without a record. */
    PROGRESS(5, "NotifyAgentReplicationProgressForMgn", Keeping.PROGRESS),
    /** Progress with a record; the newest of a source server is what another replication server carries on from. */
    RECORD(6, "NotifyAgentReplicationProgressForMgn", Keeping.NEWEST_AS_PROGRESS),
    STATE(7, "UpdateAgentReplicationProcessStateForMgn", Keeping.NEWEST_AS_NOTIFICATION),
    SNAPSHOT_GROUP(8, "BatchCreateVolumeSnapshotGroupForMgn", Keeping.ALWAYS);

    /** What happens to a report when the outbox is full, in the order in which they go. */
    enum Keeping {
        PROGRESS,
        /** The newest of a source server stays, the others are as progress. */
        NEWEST_AS_PROGRESS,
        NOTIFICATION,
        /** The newest of a source server stays, the others are as notifications. */
        NEWEST_AS_NOTIFICATION,
        ALWAYS;

        boolean keepsNewest() {
            return this == NEWEST_AS_PROGRESS || this == NEWEST_AS_NOTIFICATION;
        }

        boolean isProgress() {
            return this == PROGRESS || this == NEWEST_AS_PROGRESS;
        }
    }

    /** In files of the outbox; never reused for another kind. */
    private final int code;

    private final String operation;
    private final Keeping keeping;

    ReportKind(int code, String operation, Keeping keeping) {
        this.code = code;
        this.operation = operation;
        this.keeping = keeping;
    }

    int code() {
        return code;
    }

    /** The operation of the API. */
    public String operation() {
        return operation;
    }

    Keeping keeping() {
        return keeping;
    }
}
