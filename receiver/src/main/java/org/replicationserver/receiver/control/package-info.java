/**
 * The client of the control plane, on port 443: which source servers are assigned, what is commanded, and what is told.
 *
 * <p>Calls block and are made on virtual threads named {@code control-...}; the data path never waits for one. What must not be lost
 * is appended to the {@link org.replicationserver.receiver.control.Outbox}, which one platform thread writes to disk, and is sent from
 * there in order. What comes in is handed to the server by an {@link java.util.concurrent.Executor} of its choice. {@link
 * org.replicationserver.receiver.control.ControlPlane} has two implementations: {@link
 * org.replicationserver.receiver.control.HttpControlPlane} and, where there is no cloud, {@link
 * org.replicationserver.receiver.control.LocalControlPlane}.
 *
 * <p>The wire is described by {@code deploy/control-api/openapi.yaml}. What comes in is checked strictly where it is known and ignored
 * where it is not; a mistake costs the association or command that has it and no other.
 */
package org.replicationserver.receiver.control;
