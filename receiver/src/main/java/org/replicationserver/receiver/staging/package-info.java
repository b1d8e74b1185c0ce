/**
 * Finding the EBS volumes that are attached to this instance, and reading what the unit with the right to ask them has stored of them.
 * Begin at {@link org.replicationserver.receiver.staging.NvmeScanner}. What looks at sysfs or at files may block and is never called on
 * the event loop.
 *
 * <p>An EBS volume is an NVMe device whose serial number is the volume's id without its dash. Names ({@code /dev/nvme1n1}) and device numbers
 * are given anew at each boot and attachment, so nothing is opened by its name: a name is looked up by the serial number, and the device
 * is judged once more by its serial number when it is open.
 */
package org.replicationserver.receiver.staging;
