package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.volume.BlockWrite.Outcome;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;
import org.replicationserver.volume.testing.ForwardingDevice;
import org.replicationserver.volume.testing.MemoryDevice;

/** The rules of comparing, driven from the test's own thread. */
final class BlockComparisonTest {
    private static final int KIB = 1024;
    private static final int MIB = 1024 * KIB;
    private static final int LEAF = 64 * KIB;
    private static final int SIZE_BYTES = 8 * MIB + 3 * LEAF + 512;
    private static final int EIO = 5;

    private final List<String> log = new ArrayList<>();
    private final CollectingListener listener = new CollectingListener();
    private final Object owner = new Object();
    private final MemoryDevice memory = new MemoryDevice(SIZE_BYTES);
    private byte[] content = memory.bytes();
    private VolumeWriter writer = writer(device -> device);

    @TempDir
    Path directory;

    /** Logs what is asked of the device; the real one is in an array. */
    private final class Logging extends ForwardingDevice {
        Logging(BlockDevice device) {
            super(device);
        }

        @Override
        public void write(MemorySegment source, long offsetBytes) throws DeviceException {
            log.add("write " + offsetBytes + "+" + source.byteSize());
            super.write(source, offsetBytes);
        }

        @Override
        public void read(MemorySegment target, long offsetBytes) throws DeviceException {
            log.add("read " + offsetBytes + "+" + target.byteSize());
            super.read(target, offsetBytes);
        }

        @Override
        public void force() throws DeviceException {
            log.add("force");
            super.force();
        }

        @Override
        public void forgetCache() throws DeviceException {
            log.add("forget cache");
            super.forgetCache();
        }
    }

    private VolumeWriter writer(UnaryOperator<BlockDevice> wrap) {
        return VolumeWriter.withoutThread(
                new VolumeId("vol-test"),
                new Logging(wrap.apply(memory)),
                SIZE_BYTES,
                VolumeWriterOptions.defaults(),
                listener,
                System::nanoTime);
    }

    private void use(UnaryOperator<BlockDevice> wrap) {
        writer = writer(wrap);
    }

    @AfterEach
    void end() {
        writer.stop();
        runAll();
    }

    private void runAll() {
        while (writer.runBatch()) {
            // until nothing is left
        }
    }

    private void fill(int seed) {
        byte[] noise = new byte[SIZE_BYTES];
        new Random(seed).nextBytes(noise);
        System.arraycopy(noise, 0, content, 0, SIZE_BYTES);
    }

    private static byte[] sha256(byte[] bytes, int from, int to) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(bytes, from, to - from);
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** As the specification says it: of a block of 1 MiB the hash of the hashes of its blocks of 64 KiB. */
    private static byte[] hash(byte[] bytes, int from, int to, int blockBytes) {
        if (blockBytes == LEAF) {
            return sha256(bytes, from, to);
        }
        byte[] leaves = new byte[0];
        for (int at = from; at < to; at += LEAF) {
            byte[] leaf = sha256(bytes, at, Math.min(to, at + LEAF));
            leaves = Arrays.copyOf(leaves, leaves.length + leaf.length);
            System.arraycopy(leaf, 0, leaves, leaves.length - leaf.length, leaf.length);
        }
        return sha256(leaves, 0, leaves.length);
    }

    /** Offers what {@code source} holds in a range of the volume. */
    private BlockComparison offer(byte[] source, int blockBytes, int from, int to) {
        BitSet zeros = new BitSet();
        byte[] hashes = new byte[0];
        for (int at = from; at < to; at += blockBytes) {
            int end = Math.min(to, at + blockBytes);
            if (Arrays.equals(source, at, end, new byte[end - at], 0, end - at)) {
                zeros.set((at - from) / blockBytes);
            } else {
                byte[] hash = hash(source, at, end, blockBytes);
                hashes = Arrays.copyOf(hashes, hashes.length + hash.length);
                System.arraycopy(hash, 0, hashes, hashes.length - hash.length, hash.length);
            }
        }
        BlockComparison comparison = new BlockComparison(
                from, to - from, blockBytes, zeros, hashes, new CompareMemory(), done -> log.add("done"));
        writer.compare(comparison);
        return comparison;
    }

    @Test
    void exactlyTheBlocksThatDifferAreFound() {
        for (int blockBytes : new int[] {LEAF, MIB}) {
            fill(1);
            Arrays.fill(content, 2 * MIB, 3 * MIB, (byte) 0);
            Arrays.fill(content, 4 * MIB, 4 * MIB + LEAF, (byte) 0);
            byte[] source = content.clone();
            int[] changed = {5, MIB - 1, 2 * MIB + 7, SIZE_BYTES - 1};
            BitSet expected = new BitSet();
            for (int at : changed) {
                content[at] ^= 1;
                expected.set(at / blockBytes);
            }
            BlockComparison comparison = offer(source, blockBytes, 0, SIZE_BYTES);
            runAll();
            assertThat(comparison.isComplete()).isTrue();
            assertThat(comparison.differing()).as("blocks of %d", blockBytes).isEqualTo(expected);
        }
    }

    @Test
    void volumeOfZerosIsNoDisksThatIsNot() {
        byte[] source = new byte[SIZE_BYTES];
        source[MIB] = 1;
        BlockComparison comparison = offer(source, MIB, 0, SIZE_BYTES);
        runAll();
        assertThat(comparison.differing()).isEqualTo(BitSet.valueOf(new long[] {2}));
    }

    @Test
    void whatEarlierProcessesLeftIsForcedAndCachesForgottenBeforeTheFirstRead() {
        offer(content, MIB, 0, MIB);
        runAll();
        offer(content, MIB, 0, MIB);
        runAll();
        assertThat(log).containsExactly("force", "forget cache", "read 0+1048576", "done", "read 0+1048576", "done");
    }

    @Test
    void equalIsSaidOnlyAfterAForceOfWhatWasReadUnforced() {
        VolumeWriterOptions rarely = new VolumeWriterOptions(false, VolumeWriterOptions.REGION_BYTES_MIN, 1L << 30);
        writer = VolumeWriter.withoutThread(
                new VolumeId("vol-test"), new Logging(memory), SIZE_BYTES, rarely, listener, System::nanoTime);
        offer(content, MIB, 0, MIB);
        runAll();
        log.clear();
        byte[] source = new byte[MIB];
        Arrays.fill(source, (byte) 7);
        // So many batches without a pause, where forces are put off, that a piece is compared after one of them.
        for (int i = 0; i < (VolumeWriter.BATCHES_PER_PIECE + 1) * Slab.SLAB_BYTES / MIB; i++) {
            writer.submit(Blocks.stored(owner, 0, source));
        }
        BlockComparison comparison = offer(source, MIB, 0, MIB);
        runAll();
        assertThat(comparison.differing().isEmpty()).isTrue();
        assertThat(log.subList(log.indexOf("read 0+1048576"), log.indexOf("done")))
                .containsExactly("read 0+1048576", "force");
        assertThat(log.subList(0, log.indexOf("read 0+1048576"))).doesNotContain("force");
    }

    @Test
    void whatAFailedForceLeftInACacheIsNotBelieved() {
        fill(2);
        byte[] onDisk = content.clone();
        byte[] inCache = content.clone();
        inCache[LEAF + 1] ^= 1;
        use(device -> new ForwardingDevice(device) {
            private boolean forgotten;

            @Override
            public void read(MemorySegment target, long offsetBytes) throws DeviceException {
                super.read(target, offsetBytes);
                if (!forgotten) {
                    target.copyFrom(MemorySegment.ofArray(inCache).asSlice(offsetBytes, target.byteSize()));
                }
            }

            @Override
            public void forgetCache() {
                forgotten = true;
            }
        });
        BlockComparison comparison = offer(inCache, LEAF, 0, MIB);
        runAll();
        assertThat(comparison.differing()).isEqualTo(BitSet.valueOf(new long[] {2}));
        assertThat(content).isEqualTo(onDisk);
    }

    @Test
    void aWriteWaitsForNoMoreThanOnePiece() {
        offer(content, MIB, 0, 8 * MIB);
        writer.runBatch();
        writer.submit(Blocks.stored(owner, 0, new byte[512]));
        writer.runBatch();
        assertThat(log).endsWith("read 0+1048576", "write 0+512", "force");
        assertThat(listener.reported()).hasSize(1);
    }

    @Test
    void aPieceIsComparedNowAndThenWhileWritesNeverEnd() {
        BlockComparison comparison = offer(content, MIB, 0, 2 * MIB);
        for (int i = 0; i < 2 * VolumeWriter.BATCHES_PER_PIECE; i++) {
            writer.submit(Blocks.stored(owner, 0, new byte[512]));
            writer.runBatch();
        }
        assertThat(comparison.isComplete()).isTrue();
        assertThat(log.stream().filter(line -> line.startsWith("read"))).hasSize(2);
    }

    @Test
    void aReadErrorFailsTheVolumeAndNothingIsSaidOfTheBlocks() {
        use(device -> new ForwardingDevice(device) {
            @Override
            public void read(MemorySegment target, long offsetBytes) throws DeviceException {
                if (offsetBytes == MIB) {
                    throw new DeviceException("read", "scripted", offsetBytes, target.byteSize(), EIO, "");
                }
                super.read(target, offsetBytes);
            }
        });
        BlockComparison comparison = offer(content, MIB, 0, 4 * MIB);
        runAll();
        assertThat(comparison.isComplete()).isFalse();
        assertThat(log).endsWith("done");
        assertThat(listener.failures()).singleElement().satisfies(failure -> {
            assertThat(failure.operation()).isEqualTo("read");
            assertThat(failure.offsetBytes()).isEqualTo(MIB);
            assertThat(failure.errnoName()).isEqualTo("EIO");
        });
    }

    @Test
    void aFailedForceSaysNothingOfTheBlocks() {
        use(device -> new ForwardingDevice(device) {
            @Override
            public void force() throws DeviceException {
                throw new DeviceException("force", "scripted", EIO, "");
            }
        });
        BlockComparison comparison = offer(content, MIB, 0, MIB);
        runAll();
        assertThat(comparison.isComplete()).isFalse();
        assertThat(writer.failure()).isNotNull();
    }

    @Test
    void cancelledStoppedOrFailedIsDoneButNotComplete() {
        BlockComparison cancelled = offer(content, MIB, 0, 4 * MIB);
        writer.runBatch();
        cancelled.cancel();
        writer.runBatch();
        assertThat(log).endsWith("done");
        assertThat(cancelled.isComplete()).isFalse();
        assertThat(cancelled.comparedBytes()).isEqualTo(MIB);

        BlockComparison stopped = offer(content, MIB, 0, 4 * MIB);
        writer.stop();
        runAll();
        assertThat(stopped.isComplete()).isFalse();
        BlockComparison late = offer(content, MIB, 0, MIB);
        assertThat(log).as("answered on the thread that asks").endsWith("done", "done");
        assertThat(late.isComplete()).isFalse();
    }

    @Test
    void aFenceIsSettledWhileAComparisonGoesOn() {
        BlockComparison comparison = offer(content, MIB, 0, 8 * MIB);
        writer.runBatch();
        writer.fence(owner, () -> log.add("settled"));
        writer.runBatch();
        assertThat(log).endsWith("settled");
        assertThat(comparison.isComplete()).isFalse();
    }

    @Test
    void zerosAreWrittenWhereAFreshVolumeWasFoundNotToBeZero() {
        writer = VolumeWriter.withoutThread(
                new VolumeId("vol-test"),
                new Logging(memory),
                SIZE_BYTES,
                VolumeWriterOptions.defaults().withFresh(true),
                listener,
                System::nanoTime);
        runAll();
        writer.submit(Blocks.zero(owner, 0, MIB));
        runAll();
        content[3 * LEAF] = 1; // the disk decays
        BlockComparison comparison = offer(new byte[SIZE_BYTES], LEAF, 0, MIB);
        runAll();
        assertThat(comparison.differing()).isEqualTo(bit(3));
        writer.submit(Blocks.zero(owner, 3L * LEAF, LEAF));
        runAll();
        assertThat(content[3 * LEAF]).isZero();
    }

    @Test
    void blocksOutsideTheVolumeAreRefused() {
        BlockComparison outside = new BlockComparison(
                0, SIZE_BYTES + 512, MIB, new BitSet(), new byte[0], new CompareMemory(), done -> {});
        assertThatThrownBy(() -> writer.compare(outside)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() ->
                        new BlockComparison(512, MIB, MIB, new BitSet(), new byte[0], new CompareMemory(), done -> {}))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void imageFileIsComparedToItsLastByte() throws DeviceException, IOException {
        for (CacheMode mode : CacheMode.values()) {
            Path image = directory.resolve("image-" + mode);
            fill(3);
            Files.write(image, content);
            byte[] source = content.clone();
            source[SIZE_BYTES - 1] ^= 1;
            LinuxBlockDevice device;
            try {
                device = LinuxBlockDevice.open(image, new OpenOptions(SIZE_BYTES, mode));
            } catch (DeviceException e) {
                assertThat(mode).as("a file system without O_DIRECT").isEqualTo(CacheMode.DIRECT);
                continue;
            }
            writer = VolumeWriter.withoutThread(
                    new VolumeId("vol-image"),
                    device,
                    SIZE_BYTES,
                    VolumeWriterOptions.defaults(),
                    listener,
                    System::nanoTime);
            BlockComparison comparison = offer(source, LEAF, 0, SIZE_BYTES);
            runAll();
            assertThat(comparison.differing()).isEqualTo(bit(SIZE_BYTES / LEAF));
            writer.submit(Blocks.stored(owner, 0, new byte[512]));
            runAll();
            assertThat(listener.reported().getLast().outcome()).isEqualTo(Outcome.DURABLE);
            end();
        }
    }

    private static BitSet bit(int index) {
        BitSet bits = new BitSet();
        bits.set(index);
        return bits;
    }
}
