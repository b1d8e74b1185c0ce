/**
 * Crash tests of the real server process on real files and devices: it is killed and its system calls are made to fail, volumes are full,
 * stall and lose what was not forced; after each of that the replica is audited.
 */
@NullMarked
package org.replicationserver.crash;

import org.jspecify.annotations.NullMarked;
