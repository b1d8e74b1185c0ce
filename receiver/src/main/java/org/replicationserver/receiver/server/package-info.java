/** The server as a whole: constructed top to bottom in {@link org.replicationserver.receiver.server.ReplicationServer}, stopped in reverse. */
package org.replicationserver.receiver.server;
