package org.replicationserver.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A prepared image is the image. */
final class PreparedFramesTest {
    private static final int BLOCK = PreparedFrames.BLOCK_BYTES;
    private static final int TAIL = 512;

    @TempDir
    private Path directory = Path.of("");

    @Test
    void blocksExpandToTheImage() throws IOException {
        byte[] image = image();
        List<PreparedFrames.Block> blocks = prepared(image).blocks();

        byte[] expanded = new byte[image.length];
        for (PreparedFrames.Block block : blocks) {
            byte[] raw = expand(block);
            CRC32C crc = new CRC32C();
            crc.update(raw);
            assertThat(block.isZero() ? 0 : (int) crc.getValue()).isEqualTo(block.rawCrc32c());
            System.arraycopy(raw, 0, expanded, (int) block.offsetBytes(), raw.length);
        }
        assertThat(expanded).isEqualTo(image);
    }

    @Test
    void zerosAreTold_randomBytesAreStored_theRestIsCompressed() throws IOException {
        PreparedFrames frames = prepared(image());

        assertThat(frames.blocks()).extracting(PreparedFrames.Block::isZero).containsExactly(false, true, false, false);
        assertThat(frames.blocks())
                .extracting(PreparedFrames.Block::isStored)
                .containsExactly(false, false, true, false);
        assertThat(frames.zeroBytes()).isEqualTo(BLOCK);
        assertThat(frames.dataBytes()).isEqualTo(2 * BLOCK + TAIL);
        assertThat(frames.diskBytes()).isEqualTo(3 * BLOCK + TAIL);
        assertThat(frames.payloadBytes()).isBetween((long) BLOCK, (long) BLOCK + BLOCK / 10);
        assertThat(frames.lz4Ratio()).isGreaterThan(1.7);
    }

    /** Text-like, zero, random, and a short tail. */
    private static byte[] image() {
        byte[] image = new byte[3 * BLOCK + TAIL];
        Arrays.fill(image, 0, BLOCK, (byte) 'x');
        byte[] random = new byte[BLOCK];
        new Random(1).nextBytes(random);
        System.arraycopy(random, 0, image, 2 * BLOCK, BLOCK);
        image[image.length - 1] = 1;
        return image;
    }

    private PreparedFrames prepared(byte[] image) throws IOException {
        return PreparedFrames.of(Files.write(directory.resolve("image"), image), directory);
    }

    private static byte[] expand(PreparedFrames.Block block) {
        ByteBuffer raw = ByteBuffer.allocate(block.rawBytes());
        ByteBuffer payload = block.payload().duplicate();
        if (block.isStored()) {
            raw.put(payload);
        } else if (!block.isZero()) {
            LZ4Factory.safeInstance().safeDecompressor().decompress(payload, raw);
            assertThat(raw.hasRemaining()).isFalse();
        }
        return raw.array();
    }
}
