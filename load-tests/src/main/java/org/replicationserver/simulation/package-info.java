/** The shipped server and agent with a simulated network, disks and clock, all from one seed. */
@NullMarked
package org.replicationserver.simulation;

import org.jspecify.annotations.NullMarked;
