package org.replicationserver.receiver.config;

import org.replicationserver.volume.CacheMode;

/**
 * How volumes are written.
 *
 * @param forceBytesMax a volume is forced after so many written bytes, although more is queued
 * @param blockDeviceCache for volumes on block devices
 * @param imageCache for volumes that are image files
 */
public record VolumeConfig(long forceBytesMax, CacheMode blockDeviceCache, CacheMode imageCache) {}
