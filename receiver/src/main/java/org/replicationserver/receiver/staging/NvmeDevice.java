package org.replicationserver.receiver.staging;

import java.nio.file.Path;
import org.replicationserver.volume.DeviceNumber;

/**
 * An EBS volume as sysfs shows its device.
 *
 * @param name of the namespace, as {@code nvme1n1}; what it is today
 * @param model as the device tells it; {@value NvmeScanner#EBS_MODEL} on EC2
 * @param node the device file
 */
public record NvmeDevice(String volumeId, String name, String model, DeviceNumber number, long sizeBytes, Path node) {}
