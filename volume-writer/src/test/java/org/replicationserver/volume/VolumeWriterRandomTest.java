package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Test;
import org.replicationserver.volume.BlockWrite.Outcome;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.ForwardingDevice;
import org.replicationserver.volume.testing.MemoryDevice;
import org.replicationserver.volume.testing.NonDurableDevice;

/** Random work against a model of the bytes. Each run prints its seed; a seed that failed becomes a test of its own. */
final class VolumeWriterRandomTest {
    private static final int SECTORS = 256;
    private static final int SECTOR_BYTES = 512;
    private static final int ROUNDS = 400;

    private static long newSeed(String test) {
        long seed = System.nanoTime();
        System.out.println(test + " seed=" + seed);
        return seed;
    }

    /** A write whose every sector says which write it was. */
    private static BlockWrite randomWrite(Random random, Object owner, int number) {
        int first = random.nextInt(SECTORS);
        int count = 1 + random.nextInt(Math.min(24, SECTORS - first));
        if (random.nextInt(4) == 0) {
            BlockWrite zero = new BlockWrite();
            zero.setZero(owner, (long) first * SECTOR_BYTES, (long) count * SECTOR_BYTES, random.nextBoolean());
            return zero;
        }
        byte[] raw = new byte[count * SECTOR_BYTES];
        for (int at = 0; at < raw.length; at += 4) {
            raw[at] = (byte) number;
            raw[at + 1] = (byte) (number >> 8);
            raw[at + 2] = (byte) (number >> 16);
            raw[at + 3] = 1;
        }
        long offsetBytes = (long) first * SECTOR_BYTES;
        return switch (random.nextInt(8)) {
            case 0 -> Blocks.data(owner, offsetBytes, raw.length, BlockWrite.Codec.STORED, raw, random.nextInt());
            case 1, 2, 3 -> Blocks.lz4(owner, offsetBytes, raw);
            default -> Blocks.stored(owner, offsetBytes, raw);
        };
    }

    private static byte[] contentOf(BlockWrite write) {
        byte[] content = new byte[(int) write.lengthBytes()];
        ByteBuffer payload = write.payload();
        if (payload == null) {
            return content;
        }
        byte[] stored = new byte[payload.remaining()];
        payload.duplicate().get(stored);
        return write.codec() == BlockWrite.Codec.STORED
                ? stored
                : LZ4Factory.fastestInstance().safeDecompressor().decompress(stored, content.length);
    }

    @Test
    void overlappingWritesKeepTheirOrder() {
        long seed = newSeed("overlappingWritesKeepTheirOrder");
        for (int i = 0; i < 8; i++) {
            checkAgainstModel(seed + i, i % 2 == 1);
        }
    }

    /** Runs batches of random writes; after each, what was reported durable is applied to the model in order. */
    private static void checkAgainstModel(long seed, boolean fresh) {
        Random random = new Random(seed);
        MemoryDevice memory = new MemoryDevice(SECTORS * SECTOR_BYTES);
        byte[] model = new byte[SECTORS * SECTOR_BYTES];
        CollectingListener listener = new CollectingListener();
        VolumeWriterOptions options =
                VolumeWriterOptions.defaults().withFresh(fresh).withForceBytesMax(1 + random.nextInt(65536));
        VolumeWriter writer = VolumeWriter.withoutThread(
                new VolumeId("random"), memory, SECTORS * SECTOR_BYTES, options, listener, () -> 1);
        List<BlockWrite> submitted = new ArrayList<>();
        int applied = 0;
        for (int round = 0; round < ROUNDS; round++) {
            int count = 1 + random.nextInt(6);
            for (int i = 0; i < count; i++) {
                BlockWrite write = randomWrite(random, listener, submitted.size());
                submitted.add(write);
                writer.submit(write);
            }
            while (writer.runBatch()) {
                Thread.onSpinWait();
            }
            for (; applied < submitted.size(); applied++) {
                BlockWrite write = submitted.get(applied);
                if (write.outcome() == Outcome.DURABLE) {
                    System.arraycopy(contentOf(write), 0, model, (int) write.offsetBytes(), (int) write.lengthBytes());
                }
            }
            assertThat(Arrays.equals(memory.bytes(), model))
                    .as("seed=%d round=%d", seed, round)
                    .isTrue();
        }
        assertThat(listener.reported()).as("seed=%d", seed).isEqualTo(submitted);
        writer.stop();
        writer.runBatch();
    }

    @Test
    void afterAnyPowerLossEachSectorHoldsTheNewestDurableWriteOrALaterOne() throws DeviceException {
        long seed = newSeed("afterAnyPowerLoss");
        for (int i = 0; i < 60; i++) {
            checkPowerLoss(seed + i);
        }
    }

    /** Random work with fences and maybe a failing device, cut at a random moment by a power loss. */
    private static void checkPowerLoss(long seed) throws DeviceException {
        Random random = new Random(seed);
        MemoryDevice memory = new MemoryDevice(SECTORS * SECTOR_BYTES);
        NonDurableDevice nonDurable = new NonDurableDevice(memory);
        FailingDevice failing = new FailingDevice(new OpenForEver(nonDurable)).tearFailingWrites();
        if (random.nextInt(3) == 0) {
            failing.failWrite(1 + random.nextInt(60), Errno.EIO);
        }
        CollectingListener listener = new CollectingListener();
        VolumeWriter writer = VolumeWriter.withoutThread(
                new VolumeId("random"),
                failing,
                SECTORS * SECTOR_BYTES,
                VolumeWriterOptions.defaults().withForceBytesMax(1 + random.nextInt(1 << 20)),
                listener,
                () -> 1);
        Object owner = new Object();
        List<BlockWrite> submitted = new ArrayList<>();
        int turns = 1 + random.nextInt(80);
        for (int turn = 0; turn < turns; turn++) {
            int count = random.nextInt(300);
            for (int i = 0; i < count; i++) {
                BlockWrite write = randomWrite(random, owner, submitted.size());
                submitted.add(write);
                writer.submit(write);
            }
            if (random.nextInt(40) == 0) {
                nonDurable.failNextForceAndForget();
            }
            if (random.nextInt(20) == 0) {
                writer.fence(owner, () -> {});
            }
            writer.runBatch();
        }
        nonDurable.losePower(random);
        assertSectorsAreOfDurableOrLaterWrites(seed, memory.bytes(), submitted);
        assertThat(new HashSet<>(listener.reported()))
                .as("seed=%d", seed)
                .hasSize(listener.reported().size());
        writer.stop();
        while (writer.runBatch()) {
            Thread.onSpinWait();
        }
        assertThat(listener.reported()).as("seed=%d", seed).hasSameSizeAs(submitted);
    }

    /** Can lose power although a failed writer has closed it. */
    private static final class OpenForEver extends ForwardingDevice {
        OpenForEver(BlockDevice device) {
            super(device);
        }

        @Override
        public void close() {}
    }

    private static void assertSectorsAreOfDurableOrLaterWrites(long seed, byte[] image, List<BlockWrite> submitted) {
        IdentityHashMap<BlockWrite, byte[]> contents = new IdentityHashMap<>();
        for (BlockWrite write : submitted) {
            contents.put(write, write.outcome() == Outcome.CORRUPT ? new byte[0] : contentOf(write));
        }
        for (int sector = 0; sector < SECTORS; sector++) {
            List<byte[]> allowed = new ArrayList<>();
            allowed.add(new byte[SECTOR_BYTES]);
            for (BlockWrite write : submitted) {
                long at = (long) sector * SECTOR_BYTES - write.offsetBytes();
                if (at < 0 || at >= write.lengthBytes() || write.outcome() == Outcome.CORRUPT) {
                    continue;
                }
                if (write.outcome() == Outcome.DURABLE) {
                    allowed.clear();
                }
                byte[] content = Objects.requireNonNull(contents.get(write));
                allowed.add(Arrays.copyOfRange(content, (int) at, (int) at + SECTOR_BYTES));
            }
            byte[] found = Arrays.copyOfRange(image, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
            boolean whole = allowed.stream().anyMatch(content -> Arrays.equals(content, found));
            assertThat(whole || isTornOf(found, allowed))
                    .as("seed=%d sector=%d", seed, sector)
                    .isTrue();
        }
    }

    /** Whether every byte is one that an allowed content has at that place. */
    private static boolean isTornOf(byte[] found, List<byte[]> allowed) {
        for (int i = 0; i < found.length; i++) {
            Set<Byte> here = new HashSet<>();
            for (byte[] content : allowed) {
                here.add(content[i]);
            }
            if (!here.contains(found[i])) {
                return false;
            }
        }
        return true;
    }
}
