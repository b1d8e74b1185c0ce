/**
 * Crash tests of the real server process on real files and devices: it is killed and its system calls are made to fail, volumes are full,
 * stall and lose what was not forced, connections are cut, fall silent and are falsified; after each of that the replica is audited.
 * And holds, whose volumes are compared with the source while it is written.
 */
@NullMarked
package org.replicationserver.crash;

import org.jspecify.annotations.NullMarked;
