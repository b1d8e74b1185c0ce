package org.replicationserver.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.Random;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.replicationserver.integration.Seeds;

/** Blocks that lie, expanded by three decoders that must agree; what they must agree on is {@link Lz4Blocks}'s. */
final class Lz4BlocksTest {
    private static final int RAW_BYTES_MAX = 5000;

    private final Lz4Blocks decoders = new Lz4Blocks();
    private Random random = new Random();
    private int malformed;

    @Test
    void decodersAgreeOnBlocksThatLie() {
        expandLies("decodersAgreeOnBlocksThatLie", 10_000);
    }

    @Test
    @Tag("long")
    void decodersAgreeOnAMillionBlocksThatLie() {
        expandLies("decodersAgreeOnAMillionBlocksThatLie", 1_000_000);
    }

    @Test
    void decodersAgreeOnABombOfZeros() {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.writeBytes(new byte[] {0x1F, 0, 1, 0});
        for (int i = 0; i < 500; i++) {
            block.write(0xFF);
        }
        block.write(0);
        block.writeBytes(new byte[] {0x50, 0, 0, 0, 0, 0});
        int rawBytes = 1 + 4 + 15 + 500 * 255 + 5;
        expand(block.toByteArray(), rawBytes);
        expand(block.toByteArray(), rawBytes - 1);
        expand(block.toByteArray(), rawBytes + 1);
        assertThat(malformed).isEqualTo(2);
    }

    private void expandLies(String test, int count) {
        random = new Random(Seeds.seed(test));
        for (int i = 0; i < count; i++) {
            byte[] raw = raw();
            byte[] block = LZ4Factory.fastestInstance().fastCompressor().compress(raw);
            expand(block, raw.length);
            lie(block);
            expand(block, random.nextInt(4) == 0 ? random.nextInt(RAW_BYTES_MAX) : raw.length);
        }
        assertThat(malformed).isGreaterThan(count / 4);
    }

    /** Noise with repetitions, so that a block has matches of all lengths. */
    private byte[] raw() {
        byte[] raw = new byte[1 + random.nextInt(RAW_BYTES_MAX)];
        int at = 0;
        while (at < raw.length) {
            int length = Math.min(1 + random.nextInt(1 << random.nextInt(12)), raw.length - at);
            if (at > 0 && random.nextBoolean()) {
                int distance = 1 + random.nextInt(at);
                for (int i = 0; i < length; i++) {
                    raw[at + i] = raw[at + i - distance];
                }
            } else {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                System.arraycopy(noise, 0, raw, at, length);
            }
            at += length;
        }
        return raw;
    }

    /** In tokens, lengths and distances as often as in literals, since it cannot be told from here which is which. */
    private void lie(byte[] block) {
        for (int lies = 1 + random.nextInt(3); lies > 0; lies--) {
            int at = random.nextInt(random.nextBoolean() ? block.length : Math.min(block.length, 16));
            block[at] = switch (random.nextInt(4)) {
                case 0 -> 0;
                case 1 -> (byte) 0xFF;
                case 2 -> (byte) (block[at] ^ (1 << random.nextInt(Byte.SIZE)));
                default -> (byte) random.nextInt();
            };
        }
    }

    private void expand(byte[] block, int rawBytes) {
        byte[] input = new byte[block.length + 3];
        input[0] = (byte) rawBytes;
        input[1] = (byte) (rawBytes >> 8);
        input[2] = (byte) (rawBytes >> 16);
        System.arraycopy(block, 0, input, 3, block.length);
        decoders.run(input);
        malformed += ReferenceLz4.expand(block, rawBytes).verdict() == ReferenceLz4.Verdict.REFUSED ? 1 : 0;
    }
}
