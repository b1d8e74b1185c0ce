package org.replicationserver.receiver.replication;

/** What changes the state of a replication; {@link SourceReplication} says when each happens. */
enum ReplicationEvent {
    STARTED("replication was started"),
    FIRST_BYTE("the first byte is durable"),
    INITIAL_SYNC_SENT("the first epoch is committed, a backlog is left"),
    CAUGHT_UP("all that was sent is committed, no backlog is left"),
    FELL_BEHIND("the lag grew beyond its limit while work waits"),
    RESCAN_BEGAN("the agent sends a disk again"),
    RESCAN_ENDED("the rescan is committed, a backlog is left"),
    SNAPSHOT_BEGAN("writes are held for a snapshot group"),
    SNAPSHOT_ENDED("writes are not held any more"),
    STALLED("work waits and no byte becomes durable"),
    PROGRESSED("bytes become durable again"),
    NOTHING_WAITS("no work waits any more"),
    PAUSED("replication was paused"),
    RESUMED("replication was resumed"),
    STOPPED("replication was stopped"),
    AGENT_LOST("the agent has had no session for too long"),
    AGENT_CAME("the agent has a session again");

    /** Why a state changed that changed by this event. */
    final String why;

    ReplicationEvent(String why) {
        this.why = why;
    }
}
