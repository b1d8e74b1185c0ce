package org.replicationserver.receiver.config;

import org.replicationserver.volume.CacheMode;

/** X. */
public record VolumeConfig(long forceBytesMax, CacheMode blockDeviceCache, CacheMode imageCache) {}
