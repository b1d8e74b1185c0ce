package org.replicationserver.receiver.session;

import java.nio.file.Path;

/**
 * A volume that is assigned to a disk of a source server.
 *
 * @param volumeId unique on this server
 * @param deviceName the disk's name as the agent tells it
 * @param path block device or image file
 * @param sizeBytes the disk's size, a multiple of 512; the volume may be larger, its tail is never touched
 * @param fresh whether the volume reads zero everywhere at the moment of the assignment
 */
public record VolumeAssignment(String volumeId, String deviceName, Path path, long sizeBytes, boolean fresh) {}
