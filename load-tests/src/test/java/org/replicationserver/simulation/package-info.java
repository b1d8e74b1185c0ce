@NullMarked
package org.replicationserver.simulation;

import org.jspecify.annotations.NullMarked;
