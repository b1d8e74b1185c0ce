/** Tests of the reference agent: its state machine against a server model in virtual time, and its sockets on the loopback. */
@NullMarked
package org.replicationserver.agent;

import org.jspecify.annotations.NullMarked;
