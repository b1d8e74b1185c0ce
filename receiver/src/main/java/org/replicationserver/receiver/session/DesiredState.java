package org.replicationserver.receiver.session;

/** What is wanted of the replication of a source server; the words are those of the control API. */
public enum DesiredState {
    STARTED,
    /** No session is open; everything is kept, so that replication goes on where it was. */
    PAUSED,
    /** As PAUSED, but nobody means to go on soon. */
    STOPPED
}
