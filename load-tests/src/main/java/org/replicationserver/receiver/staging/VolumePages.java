package org.replicationserver.receiver.staging;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.volume.DeviceNumber;

/**
 * What NVMe devices and sysfs say. The first byte of an input chooses: the Identify page and the statistics page of a volume, of which the
 * input has the bytes that the server looks at; or the text of a device's number and of its serial number.
 *
 * <p>Rules: what is not understood counts as not there; a volume has the id that its serial number says, in one form.
 */
public final class VolumePages implements FuzzTarget {
    private static final int BLOCK_DEVICE_OFFSET = 3072;
    private static final int HEAD_BYTES = 24;
    private static final int NAME_BYTES = 32;

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        byte[] bytes = Arrays.copyOfRange(input, 1, input.length);
        switch (Byte.toUnsignedInt(input[0]) % 3) {
            case 0 -> pages(sparse(bytes), IdentifyPage.BYTES);
            case 1 -> pages(bytes, Math.min(IdentifyPage.BYTES, bytes.length));
            default -> texts(new String(bytes, StandardCharsets.ISO_8859_1));
        }
    }

    /** Both pages whole: the input fills the head, then the name, then the second page. */
    private static byte[] sparse(byte[] input) {
        byte[] pages = new byte[IdentifyPage.BYTES + StatisticsPage.BYTES];
        ByteBuffer in = ByteBuffer.wrap(input);
        take(in, pages, 0, HEAD_BYTES);
        take(in, pages, BLOCK_DEVICE_OFFSET, NAME_BYTES);
        take(in, pages, IdentifyPage.BYTES, StatisticsPage.BYTES);
        return pages;
    }

    private static void take(ByteBuffer in, byte[] pages, int at, int bytes) {
        in.get(pages, at, Math.min(bytes, in.remaining()));
    }

    private static void pages(byte[] pages, int statisticsAt) {
        IdentifyPage identify = IdentifyPage.parse(pages);
        if (identify != null) {
            requireVolumeId(identify.volumeId());
            String name = identify.blockDeviceName();
            Rules.require(name == null || name.chars().allMatch(c -> c > ' ' && c < 0x7F), "a name can be printed");
        }
        StatisticsPage statistics = StatisticsPage.parse(pages, statisticsAt);
        if (statistics != null) {
            ByteBuffer page = ByteBuffer.wrap(pages, statisticsAt, StatisticsPage.BYTES)
                    .slice()
                    .order(ByteOrder.LITTLE_ENDIAN);
            Rules.require(page.getLong(88) == statistics.queueLength(), "the length of the queue is at 88");
            Rules.require(statistics.volumeIopsExceededMicros() >= 0, "no time is negative");
        }
    }

    private static void requireVolumeId(String volumeId) {
        Rules.require(EbsVolumeId.isOne(volumeId), "a volume's id has the form of one: " + volumeId);
    }

    private static void texts(String text) {
        DeviceNumber number = DeviceNumber.parse(text);
        if (number != null) {
            Rules.requireSame(
                    number,
                    DeviceNumber.parse(number.toString()),
                    "a device's number is the same when it is read again");
        }
        String volumeId = EbsVolumeId.ofSerial(text);
        if (volumeId != null) {
            requireVolumeId(volumeId);
            Rules.requireSame(volumeId, EbsVolumeId.ofSerial(volumeId), "a volume's id is a serial number too");
        }
    }
}
