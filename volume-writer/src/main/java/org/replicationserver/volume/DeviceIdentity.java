package org.replicationserver.volume;

import org.jspecify.annotations.Nullable;

/**
 * Knows whether a device is the volume that it is to be. It is asked once the device is open and held, because a name or a number
 * may have become another device's between the look and the open.
 */
public interface DeviceIdentity {
    /** Whatever is there. */
    DeviceIdentity ANY = opened -> null;

    /**
     * Why the device is not the volume, in words; null if it is, or if nothing speaks against it. May block.
     *
     * @param opened null for a file that is no device
     */
    @Nullable
    String objection(@Nullable DeviceNumber opened);
}
