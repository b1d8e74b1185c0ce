package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;

/** Somebody who reads a disk, in turn with others. */
interface ReadClaimer {
    /** Claims and asks for the next read, if one is allowed now; null if not, or if there is nothing to read. */
    @Nullable
    DiskRead claim();
}
