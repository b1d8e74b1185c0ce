package org.replicationserver.receiver.session;

/**
 * What the agent has still to send of the disk of a volume.
 *
 * @param backlogBytes of blocks that differ from what was acknowledged, those under way included; 0 to the size of the volume
 */
public record VolumeBacklog(String volumeId, long backlogBytes) {}
