/**
 * The server as a process that may be killed, and an agent that does step by step what its caller wants: for the crash tests and for the
 * tests of the whole server.
 */
@NullMarked
package org.replicationserver.harness;

import org.jspecify.annotations.NullMarked;
