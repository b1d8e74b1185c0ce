/**
 * The Block Replication Protocol, version 1: frames, bodies, limits and error codes. The normative text is
 * {@code receiver/protocol/README.md}; this package is its codec and is used by the server, by the reference agent and by
 * the tools alike.
 *
 * <p>Pure: no sockets, no threads, no clock. Nothing here knows what a session is.
 */
package org.replicationserver.receiver.protocol;
