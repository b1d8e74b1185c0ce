/** Tests of the fuzzing, and what it has to say of the parsers in some seconds. */
@NullMarked
package org.replicationserver.fuzz;

import org.jspecify.annotations.NullMarked;
