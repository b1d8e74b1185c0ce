/**
 * Port 1500: the TLS listener and its sockets. It knows who a peer is before a byte of its data is parsed, moves bytes between
 * Netty's buffers and the sessions, and pauses reading for back-pressure. What a frame means is the business of {@code session}.
 *
 * <p>Everything runs on one event loop, which owns all sessions.
 */
package org.replicationserver.receiver.listener;
