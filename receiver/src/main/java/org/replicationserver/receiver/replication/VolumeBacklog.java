package org.replicationserver.receiver.replication;

/**
 * What an agent reports of a disk.
 *
 * @param backlogBytes of blocks that it has to send or to have acknowledged
 */
public record VolumeBacklog(String volumeId, long backlogBytes) {}
