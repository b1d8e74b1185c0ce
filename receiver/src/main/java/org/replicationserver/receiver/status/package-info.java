/** What can be seen of the server from outside: metrics, and a log line for each thing that an operator may ask about. */
package org.replicationserver.receiver.status;
