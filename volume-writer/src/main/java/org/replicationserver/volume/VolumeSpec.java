package org.replicationserver.volume;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A volume to be opened.
 *
 * @param sizeBytes the assigned size
 * @param fresh whether the volume is known to read zero everywhere; a device that knows so itself need not be told
 * @param cacheMode null for the default of the kind of device
 * @param regionBytes the grain in which a fresh volume remembers where data went
 * @param identity is asked about the device that was opened
 * @param extendFromBytes an image file that is smaller than the assigned size is extended if it has at least so many; a shorter one has lost
 *     something
 */
public record VolumeSpec(
        VolumeId id,
        Path path,
        long sizeBytes,
        boolean fresh,
        @Nullable CacheMode cacheMode,
        long regionBytes,
        DeviceIdentity identity,
        long extendFromBytes) {
    public OpenOptions openOptions() {
        return new OpenOptions(sizeBytes, cacheMode, id, identity, extendFromBytes);
    }
}
