/**
 * The reference agent of the Block Replication Protocol.
 *
 * <p>{@link org.replicationserver.agent.Replication} and what it holds is a state machine without I/O: frames, finished reads and
 * ticks go in, effects come out through {@link org.replicationserver.agent.AgentIo}. {@link
 * org.replicationserver.agent.ReplicationAgent} runs it on one event loop with sockets and disks, a simulation runs the same code
 * in virtual time.
 */
@NullMarked
package org.replicationserver.agent;

import org.jspecify.annotations.NullMarked;
