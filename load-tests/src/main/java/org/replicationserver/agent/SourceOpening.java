package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;

/**
 * How the source was opened for an epoch. Immutable.
 *
 * @param still nobody changes what is read, as far as a mark command was to see to that
 * @param warning why the source does not stand still, or null
 * @param failure why the disks cannot be read, or null
 */
public record SourceOpening(
        boolean still, @Nullable String warning, @Nullable String failure) {
    public static final SourceOpening STILL = new SourceOpening(true, null, null);
}
