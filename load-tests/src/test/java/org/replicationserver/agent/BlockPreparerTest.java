package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.FrameHeader;

class BlockPreparerTest {
    private static final int BLOCK = BlockLayout.BLOCK_BYTES;
    private static final BlockLayout LAYOUT = new BlockLayout(3L * BLOCK + 1024);

    private static final BlockRead.Taker NOBODY = new BlockRead.Taker() {
        @Override
        public boolean failed(BlockRead read) {
            return true;
        }

        @Override
        public boolean finished(BlockRead read) {
            return false;
        }

        @Override
        public void drain() {}
    };

    private final HeapFrames frames = new HeapFrames();
    private final BlockPreparer preparer = new BlockPreparer(frames);
    private final BlockHashes sent = new BlockHashes(LAYOUT);
    private final ByteBuffer disk = ByteBuffer.allocate((int) LAYOUT.sizeBytes());

    @Test
    void neighboursOfOneKindAreOnePart() {
        Arrays.fill(disk.array(), 0, 2 * BLOCK, (byte) 5);
        disk.put(3 * BLOCK + 1023, (byte) 1);
        BlockRead read = prepared(0b1111);
        assertThat(read.parts().stream().map(part -> part.kind() + " " + part.first() + "+" + part.count()))
                .containsExactly("DATA 0+2", "ZERO 2+1", "DATA 3+1");
    }

    @Test
    void suspectBlockThatIsWhatWasSentLastIsUnchanged() {
        BlockRead first = prepared(0b1111);
        for (int i = 0; i < 4; i++) {
            sent.put(i, first.hashes, i * BlockHashes.HASH_BYTES);
        }
        disk.put(BLOCK + 7, (byte) 1);
        assertThat(prepared(0).parts().stream().map(part -> part.kind() + " " + part.first() + "+" + part.count()))
                .containsExactly("UNCHANGED 0+1", "DATA 1+1", "UNCHANGED 2+2");
    }

    @Test
    void zerosSentAreKnownAsUnchanged() {
        sent.putZeros(0, 4);
        assertThat(prepared(0).parts()).allMatch(part -> part.kind() == BlockRead.Kind.UNCHANGED);
    }

    @Test
    void forcedBlockIsSentEvenIfUnchanged() {
        sent.putZeros(0, 4);
        assertThat(prepared(0b0100).parts().stream().map(part -> part.kind() + " " + part.first()))
                .containsExactly("UNCHANGED 0", "ZERO 2", "UNCHANGED 3");
    }

    @Test
    void contentThatDoesNotCompressIsStored() {
        new Random(1).nextBytes(disk.array());
        BlockRead.Part part = prepared(0b1111).parts().getFirst();
        assertThat(part.codec()).isEqualTo(FrameHeader.CODEC_STORED);
        assertThat(payload(part)).isEqualTo(disk.array());
        assertThat(part.rawCrc32c()).isEqualTo(crc(disk.array()));
    }

    @Test
    void contentThatCompressesExpandsToItself() {
        for (int i = 0; i < disk.capacity(); i++) {
            disk.put(i, (byte) (i % 251));
        }
        BlockRead.Part part = prepared(0b1111).parts().getFirst();
        byte[] payload = payload(part);
        byte[] raw = new byte[disk.capacity()];
        LZ4Factory.safeInstance().safeDecompressor().decompress(payload, 0, payload.length, raw, 0);
        assertThat(part.codec()).isEqualTo(FrameHeader.CODEC_LZ4);
        assertThat(payload.length).isLessThan(raw.length);
        assertThat(raw).isEqualTo(disk.array());
        assertThat(part.rawCrc32c()).isEqualTo(crc(raw));
    }

    private BlockRead prepared(int forced) {
        BlockRead read = new BlockRead(0, LAYOUT, 0, 4, forced, sent.copy(0, 4), NOBODY);
        preparer.prepare(read, disk.duplicate().clear());
        return read;
    }

    private static byte[] payload(BlockRead.Part part) {
        ByteBuffer bytes = Objects.requireNonNull(part.frame()).bytes();
        byte[] payload = new byte[bytes.limit() - FrameHeader.BLOCK_BYTES];
        bytes.get(FrameHeader.BLOCK_BYTES, payload);
        return payload;
    }

    private static int crc(byte[] content) {
        CRC32C crc = new CRC32C();
        crc.update(content);
        return (int) crc.getValue();
    }
}
