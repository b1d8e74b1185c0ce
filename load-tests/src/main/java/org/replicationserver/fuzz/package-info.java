/**
 * Coverage-guided fuzzing of everything that reads bytes from outside. Begin reading at {@link org.replicationserver.fuzz.Parser}, the
 * list of what is fuzzed, and {@link org.replicationserver.fuzz.FuzzTarget}, what each says. A target of a parser that only its package
 * sees is in a package of that name.
 */
@NullMarked
package org.replicationserver.fuzz;

import org.jspecify.annotations.NullMarked;
