/** Devices for tests: in memory, forgetful, failing, slow, recording. Other modules' tests use them too. */
@NullMarked
package org.replicationserver.volume.testing;

import org.jspecify.annotations.NullMarked;
