package org.replicationserver.agent;

/**
 * Everything that the state machine wants from the world. Called on the event loop, which all answers come back on; none of the
 * calls blocks or answers before it returns.
 */
public interface AgentIo {
    /** Monotonic time. */
    long nanoTime();

    /** The time of day in milliseconds since 1970-01-01T00:00Z. */
    long wallMillis();

    /** Opens a connection; answered by {@link AgentLink#opened} or {@link AgentLink#closed}. */
    void connect(AgentLink link);

    /** Reads and prepares blocks; answered by {@link Replication#readDone}. */
    void read(DiskRead read);

    /**
     * Looks at the disks as they are now, without making the source stand still; answered by {@link Replication#sourceSeen}, within
     * {@link DiskOpening#PATIENCE} also where a disk does not.
     */
    void lookAtSource();

    /**
     * Makes the source stand still if it is marked, and opens the disks that can be read; answered by {@link Replication#sourceOpened}. A
     * disk that does not answer is waited for as at a look.
     */
    void openSource();

    /** Closes the disks and lets the source go on; answered by {@link Replication#sourceClosed}. No read is under way. */
    void closeSource();

    /** No epoch will begin any more, so nobody waits for the source to stand still. */
    void cutMarkShort();

    /** Something that a person may want to know. */
    void event(AgentEvent event);

    /** The replication is over; nothing is called afterwards. */
    void ended(AgentOutcome outcome);
}
