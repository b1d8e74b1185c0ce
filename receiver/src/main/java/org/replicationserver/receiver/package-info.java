/** The replication server's program: its command line. */
package org.replicationserver.receiver;
