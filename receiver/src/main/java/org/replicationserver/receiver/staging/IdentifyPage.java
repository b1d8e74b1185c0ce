package org.replicationserver.receiver.staging;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What an NVMe controller answers to Identify (admin command 06h, CNS 01h), as far as it tells of an EBS volume. From NVM Express Base
 * Specification, "Identify Controller data structure"; the vendor's area is Amazon's, as amazon-ec2-utils reads it. Little-endian:
 *
 * <pre>
 *  offset  bytes
 *       0      2  vendor id of PCI, 1D0Fh of Amazon
 *       4     20  serial number, blanks behind
 *    3072     32  Amazon: name of the block device at its attachment, as /dev/sdf or sdf; blanks or zeros behind
 * </pre>
 *
 * @param blockDeviceName null if it is not told
 */
record IdentifyPage(String volumeId, @Nullable String blockDeviceName) {
    static final int BYTES = 4096;

    private static final short AMAZON = (short) 0x1D0F;
    private static final int SERIAL_OFFSET = 4;
    private static final int SERIAL_BYTES = 20;
    private static final int BLOCK_DEVICE_OFFSET = 3072;
    private static final int BLOCK_DEVICE_BYTES = 32;

    /** Null if these bytes are not those of an EBS volume. */
    static @Nullable IdentifyPage parse(byte[] bytes) {
        if (bytes.length < BYTES) {
            return null;
        }
        String volumeId = EbsVolumeId.ofSerial(text(bytes, SERIAL_OFFSET, SERIAL_BYTES));
        if (volumeId == null) {
            return null;
        }
        short vendor = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort(0);
        String name = vendor == AMAZON ? text(bytes, BLOCK_DEVICE_OFFSET, BLOCK_DEVICE_BYTES) : "";
        return new IdentifyPage(volumeId, name.isEmpty() || !isPrintable(name) ? null : name);
    }

    /** Up to the first zero, without blanks behind. */
    private static String text(byte[] bytes, int offset, int length) {
        String text = new String(bytes, offset, length, StandardCharsets.ISO_8859_1);
        int end = text.indexOf('\0');
        return (end < 0 ? text : text.substring(0, end)).stripTrailing();
    }

    private static boolean isPrintable(String text) {
        return text.chars().allMatch(c -> c > ' ' && c < 0x7F);
    }
}
