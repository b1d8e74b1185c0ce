package org.replicationserver.receiver.config;

import java.nio.file.Path;
import org.replicationserver.receiver.staging.VolumeDiscovery;
import org.replicationserver.volume.CacheMode;

/**
 * How volumes are found and written.
 *
 * @param forceBytesMax a volume is forced after so many written bytes, although more is queued
 * @param blockDeviceCache for volumes on block devices
 * @param imageCache for volumes that are image files
 * @param discovery where a volume is that is assigned without a path
 * @param statisticsDirectory where the statistics of EBS volumes are stored by the unit that may ask for them; it need not exist
 */
public record VolumeConfig(
        long forceBytesMax,
        CacheMode blockDeviceCache,
        CacheMode imageCache,
        VolumeDiscovery discovery,
        Path statisticsDirectory) {}
