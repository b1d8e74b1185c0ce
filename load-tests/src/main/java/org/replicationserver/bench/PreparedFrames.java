package org.replicationserver.bench;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.replicationserver.receiver.config.ByteSize;

/**
 * A whole image cut into blocks of 256 KiB, each compressed or known to be zero, so that replaying it costs a sender next to
 * nothing. Made by one thread; read by any.
 *
 * <p>Payloads are kept in a mapped file and not in direct memory, whose size the JVM limits.
 */
final class PreparedFrames {
    /** The natural size of a frame. */
    static final int BLOCK_BYTES = 256 * 1024;

    private static final long CHUNK_BYTES = 256 * ByteSize.MIB;

    /**
     * One block of the image.
     *
     * @param payload as it goes over the wire: shorter than the block if compressed, of the same length if stored, empty if zero;
     *     position and limit are never moved
     */
    record Block(long offsetBytes, int rawBytes, int rawCrc32c, ByteBuffer payload) {
        boolean isZero() {
            return payload.limit() == 0;
        }

        boolean isStored() {
            return payload.limit() == rawBytes;
        }
    }

    private static final ByteBuffer EMPTY = ByteBuffer.allocate(0);

    private final FileChannel store;
    private final LZ4Compressor compressor = LZ4Factory.fastestInstance().fastCompressor();
    private final CRC32C crc = new CRC32C();
    private final int packedBytesMax = compressor.maxCompressedLength(BLOCK_BYTES);
    private final List<Block> blocks = new ArrayList<>();
    private MappedByteBuffer chunk;
    private long chunkStart;

    private long dataBytes;
    private long zeroBytes;
    private long payloadBytes;
    private int dataFrames;

    private PreparedFrames(FileChannel store) throws IOException {
        this.store = store;
        this.chunk = store.map(MapMode.READ_WRITE, 0, CHUNK_BYTES);
    }

    /** Reads the image and keeps its payloads in a file of {@code directory} that has no name any more. */
    static PreparedFrames of(Path image, Path directory) throws IOException {
        Path storeFile = directory.resolve("payloads");
        try (FileChannel in = FileChannel.open(image, StandardOpenOption.READ);
                FileChannel store = FileChannel.open(
                        storeFile,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE)) {
            PreparedFrames frames = new PreparedFrames(store);
            ByteBuffer raw = ByteBuffer.allocateDirect(BLOCK_BYTES);
            long size = in.size();
            for (long at = 0; at < size; at += BLOCK_BYTES) {
                raw.clear().limit((int) Math.min(BLOCK_BYTES, size - at));
                readFully(in, raw, at);
                frames.add(at, raw.flip());
            }
            return frames;
        }
    }

    private static void readFully(FileChannel in, ByteBuffer raw, long at) throws IOException {
        while (raw.hasRemaining()) {
            if (in.read(raw, at + raw.position()) < 0) {
                throw new EOFException("the image became shorter");
            }
        }
    }

    private void add(long offsetBytes, ByteBuffer raw) throws IOException {
        int rawBytes = raw.limit();
        if (isZero(raw)) {
            blocks.add(new Block(offsetBytes, rawBytes, 0, EMPTY));
            zeroBytes += rawBytes;
            return;
        }
        crc.reset();
        crc.update(raw.duplicate());
        ByteBuffer payload = pack(raw);
        blocks.add(new Block(offsetBytes, rawBytes, (int) crc.getValue(), payload));
        dataBytes += rawBytes;
        payloadBytes += payload.limit();
        dataFrames++;
    }

    private ByteBuffer pack(ByteBuffer raw) throws IOException {
        if (chunk.remaining() < packedBytesMax) {
            chunkStart += chunk.position();
            chunk = store.map(MapMode.READ_WRITE, chunkStart, CHUNK_BYTES);
        }
        int at = chunk.position();
        int bytes = compressor.compress(raw, 0, raw.limit(), chunk, at, packedBytesMax);
        if (bytes >= raw.limit()) {
            bytes = raw.limit();
            chunk.put(at, raw, 0, bytes);
        }
        chunk.position(at + bytes);
        return chunk.slice(at, bytes);
    }

    private static boolean isZero(ByteBuffer raw) {
        int at = 0;
        for (; at + Long.BYTES <= raw.limit(); at += Long.BYTES) {
            if (raw.getLong(at) != 0) {
                return false;
            }
        }
        for (; at < raw.limit(); at++) {
            if (raw.get(at) != 0) {
                return false;
            }
        }
        return true;
    }

    /** The blocks in the order of their offsets. */
    List<Block> blocks() {
        return blocks;
    }

    long dataBytes() {
        return dataBytes;
    }

    double dataGib() {
        return (double) dataBytes / ByteSize.GIB;
    }

    long zeroBytes() {
        return zeroBytes;
    }

    long payloadBytes() {
        return payloadBytes;
    }

    int dataFrames() {
        return dataFrames;
    }

    long diskBytes() {
        return dataBytes + zeroBytes;
    }

    /** How many bytes of disk one byte of payload is; zeros are in neither. */
    double lz4Ratio() {
        return payloadBytes == 0 ? 1 : (double) dataBytes / payloadBytes;
    }
}
