package org.replicationserver.agent;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the source was opened for an epoch. Immutable.
 *
 * @param still nobody changes what is read, as far as a mark command was to see to that
 * @param warning why the source does not stand still, or null
 * @param disks what was found of each, in their order; empty if all are as they were
 */
public record SourceOpening(boolean still, @Nullable String warning, List<DiskLook> disks) {
    public static final SourceOpening STILL = new SourceOpening(true, null, List.of());

    public SourceOpening {
        disks = List.copyOf(disks);
    }
}
