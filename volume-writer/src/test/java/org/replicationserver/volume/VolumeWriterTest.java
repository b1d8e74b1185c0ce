package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.Thread.UncaughtExceptionHandler;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.volume.BlockWrite.Codec;
import org.replicationserver.volume.BlockWrite.Outcome;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;
import org.replicationserver.volume.testing.FailingDevice;
import org.replicationserver.volume.testing.MemoryDevice;
import org.replicationserver.volume.testing.NonDurableDevice;
import org.replicationserver.volume.testing.RecordingDevice;

/** The rules of the writer, driven from the test's own thread. */
final class VolumeWriterTest {
    private static final VolumeId ID = new VolumeId("vol-test");
    private static final int SIZE_BYTES = 32 << 20;
    private static final int KIB = 1024;

    @TempDir
    Path directory;

    private final Object owner = new Object();
    private final Object otherOwner = new Object();
    private final AtomicLong clockNanos = new AtomicLong(1);
    private final CollectingListener listener = new CollectingListener();
    private MemoryDevice memory = new MemoryDevice(SIZE_BYTES);
    private NonDurableDevice nonDurable = new NonDurableDevice(memory);
    private FailingDevice failing = new FailingDevice(nonDurable);
    private RecordingDevice device = new RecordingDevice(failing);
    private VolumeWriter writer = writer(VolumeWriterOptions.defaults(), listener);

    private VolumeWriter writer(VolumeWriterOptions options, VolumeListener told) {
        return VolumeWriter.withoutThread(ID, device, SIZE_BYTES, options, told, clockNanos::get);
    }

    /** Begins anew, with other options or another listener. */
    private void use(VolumeWriterOptions options, VolumeListener told) {
        end();
        memory = new MemoryDevice(SIZE_BYTES);
        nonDurable = new NonDurableDevice(memory);
        failing = new FailingDevice(nonDurable);
        device = new RecordingDevice(failing);
        writer = writer(options, told);
    }

    private void use(VolumeWriterOptions options) {
        use(options, listener);
    }

    @AfterEach
    void end() {
        writer.stop();
        runAll();
    }

    private void runAll() {
        while (writer.runBatch()) {
            clockNanos.incrementAndGet();
        }
    }

    private static byte[] bytes(int lengthBytes, int fill) {
        byte[] bytes = new byte[lengthBytes];
        Arrays.fill(bytes, (byte) fill);
        return bytes;
    }

    private byte[] onDevice(long offsetBytes, int lengthBytes) {
        return Arrays.copyOfRange(memory.bytes(), (int) offsetBytes, (int) offsetBytes + lengthBytes);
    }

    private BlockWrite submit(BlockWrite write) {
        writer.submit(write);
        return write;
    }

    @Test
    void storedAndCompressedBlocksReachTheirPlaces() {
        byte[] random = new byte[256 * KIB];
        new Random(1).nextBytes(random);
        BlockWrite stored = submit(Blocks.stored(owner, 512, random));
        BlockWrite compressed = submit(Blocks.lz4(owner, 1 << 20, bytes(256 * KIB, 7)));
        runAll();
        assertThat(onDevice(512, random.length)).isEqualTo(random);
        assertThat(onDevice(1 << 20, 256 * KIB)).isEqualTo(bytes(256 * KIB, 7));
        assertThat(stored.outcome()).isEqualTo(Outcome.DURABLE);
        assertThat(compressed.outcome()).isEqualTo(Outcome.DURABLE);
    }

    @Test
    void contiguousNeighboursBecomeOneWriteAndOneForceEndsTheRound() {
        submit(Blocks.stored(owner, 8192, bytes(4096, 3)));
        submit(Blocks.lz4(owner, 0, bytes(4096, 1)));
        submit(Blocks.stored(owner, 4096, bytes(4096, 2)));
        submit(Blocks.stored(owner, 65536, bytes(512, 4)));
        runAll();
        assertThat(device.log()).containsExactly("write 0+12288", "write 65536+512", "force");
        assertThat(listener.events()).containsExactly("DURABLE 8192", "DURABLE 0", "DURABLE 4096", "DURABLE 65536");
        assertThat(onDevice(4096, 4096)).isEqualTo(bytes(4096, 2));
    }

    @Test
    void contiguousZerosBecomeOneZeroAndAreNotJoinedWithData() {
        submit(Blocks.zero(owner, 4096, 4096));
        submit(Blocks.zero(owner, 0, 4096));
        submit(Blocks.stored(owner, 8192, bytes(512, 1)));
        submit(Blocks.zero(owner, 8704, 512));
        runAll();
        assertThat(device.log()).containsExactly("zero 0+8192", "write 8192+512", "zero 8704+512", "force");
    }

    @Test
    void zerosThatMayBeDeallocatedAreNotJoinedWithOnesThatMayNot() {
        BlockWrite hole = new BlockWrite();
        hole.setZero(owner, 4096, 4096, true);
        submit(Blocks.zero(owner, 0, 4096));
        submit(hole);
        runAll();
        assertThat(device.log()).containsExactly("zero 0+4096", "zero-or-hole 4096+4096", "force");
    }

    @Test
    void ofTwoWritesThatOverlapTheLaterWins() {
        submit(Blocks.stored(owner, 4096, bytes(4096, 1)));
        submit(Blocks.stored(owner, 0, bytes(8192, 2)));
        submit(Blocks.stored(owner, 4608, bytes(512, 3)));
        runAll();
        assertThat(onDevice(4096, 512)).isEqualTo(bytes(512, 2));
        assertThat(onDevice(4608, 512)).isEqualTo(bytes(512, 3));
    }

    @Test
    void zeroOverDataAndDataOverZeroKeepTheirOrder() {
        submit(Blocks.stored(owner, 4096, bytes(4096, 1)));
        submit(Blocks.zero(owner, 0, 8192));
        submit(Blocks.stored(owner, 0, bytes(512, 2)));
        runAll();
        assertThat(onDevice(4096, 4096)).isEqualTo(bytes(4096, 0));
        assertThat(onDevice(0, 512)).isEqualTo(bytes(512, 2));
    }

    /** A clock that goes on by one with each look, so that each time measured is one. */
    @Test
    void expandingIsCountedForDataWhateverBecomesOfIt() {
        VolumeWriter timed = VolumeWriter.withoutThread(
                ID, memory, SIZE_BYTES, VolumeWriterOptions.defaults(), listener, clockNanos::incrementAndGet);
        timed.submit(Blocks.lz4(owner, 0, bytes(4096, 1)));
        timed.submit(Blocks.data(owner, 4096, 4096, Codec.STORED, bytes(4096, 2), 12345));
        timed.submit(Blocks.zero(owner, 8192, 4096));
        assertThat(timed.runBatch()).isTrue();
        assertThat(timed.expandBusyNanos()).as("two blocks of data").isEqualTo(2);
        assertThat(timed.deviceBusyNanos()).as("a write, a zero, a force").isEqualTo(3);
    }

    @Test
    void corruptBlockIsNotWrittenAndNeighboursAre() {
        BlockWrite before = submit(Blocks.stored(owner, 0, bytes(4096, 1)));
        BlockWrite corrupt = submit(Blocks.data(owner, 4096, 4096, Codec.STORED, bytes(4096, 2), 12345));
        BlockWrite after = submit(Blocks.stored(owner, 8192, bytes(4096, 3)));
        runAll();
        assertThat(List.of(before.outcome(), corrupt.outcome(), after.outcome()))
                .containsExactly(Outcome.DURABLE, Outcome.CORRUPT, Outcome.DURABLE);
        assertThat(device.log()).containsExactly("write 0+4096", "write 8192+4096", "force");
        assertThat(onDevice(4096, 4096)).isEqualTo(bytes(4096, 0));
        assertThat(onDevice(8192, 4096)).isEqualTo(bytes(4096, 3));
        assertThat(writer.counters().corruptBlocks()).isEqualTo(1);
        assertThat(writer.failure()).isNull();
    }

    @Test
    void blockThatExpandsToMoreOrLessThanAnnouncedIsCorruptAndHarmsNoNeighbour() {
        byte[] longer = bytes(8192, 9);
        byte[] shorter = bytes(2048, 9);
        submit(Blocks.stored(owner, 0, bytes(4096, 1)));
        BlockWrite more = submit(
                Blocks.data(owner, 4096, 4096, Codec.LZ4, Blocks.compress(longer), Blocks.crc32c(bytes(4096, 9))));
        submit(Blocks.stored(owner, 8192, bytes(4096, 2)));
        BlockWrite less =
                submit(Blocks.data(owner, 12288, 4096, Codec.LZ4, Blocks.compress(shorter), Blocks.crc32c(shorter)));
        BlockWrite storedLess = submit(Blocks.data(owner, 16384, 4096, Codec.STORED, shorter, Blocks.crc32c(shorter)));
        runAll();
        assertThat(List.of(more.outcome(), less.outcome(), storedLess.outcome()))
                .containsOnly(Outcome.CORRUPT);
        assertThat(onDevice(0, 4096)).isEqualTo(bytes(4096, 1));
        assertThat(onDevice(4096, 4096)).isEqualTo(bytes(4096, 0));
        assertThat(onDevice(8192, 4096)).isEqualTo(bytes(4096, 2));
        assertThat(onDevice(12288, 8192)).isEqualTo(bytes(8192, 0));
    }

    @Test
    void malformedLz4IsCorruptWhateverItsBytesAre() {
        long seed = System.nanoTime();
        System.out.println("malformedLz4 seed=" + seed);
        Random random = new Random(seed);
        for (int i = 0; i < 2000; i++) {
            byte[] payload = i % 2 == 0 ? new byte[1 + random.nextInt(600)] : Blocks.compress(bytes(4096, i));
            if (i % 2 == 0) {
                random.nextBytes(payload);
            } else {
                payload[random.nextInt(payload.length)] ^= (byte) (1 << random.nextInt(8));
            }
            // The CRC is that of nothing the payload could hold, so only CORRUPT is right.
            submit(Blocks.data(owner, 4096, 4096, Codec.LZ4, payload, random.nextInt()));
            runAll();
        }
        assertThat(listener.reported()).as("seed=%d", seed).hasSize(2000).allMatch(w -> w.outcome() == Outcome.CORRUPT);
        assertThat(device.log()).isEmpty();
    }

    @Test
    void roundWithNothingWrittenNeedsNoForce() {
        submit(Blocks.data(owner, 0, 512, Codec.STORED, bytes(512, 1), 1));
        runAll();
        assertThat(device.log()).isEmpty();
        assertThat(listener.events()).containsExactly("CORRUPT 0");
    }

    @Test
    void forceIsPutOffWhileMoreIsQueuedUpToItsBound() {
        for (int i = 0; i < 12; i++) {
            submit(Blocks.stored(owner, (long) i << 20, bytes(1 << 20, i)));
        }
        assertThat(writer.runBatch()).isTrue();
        assertThat(device.log()).containsExactly("write 0+4194304");
        assertThat(listener.rounds()).isEmpty();
        assertThat(writer.runBatch()).isTrue();
        assertThat(device.count("force")).as("8 MiB are written").isEqualTo(1);
        assertThat(listener.rounds()).hasSize(1);
        assertThat(listener.rounds().getFirst()).hasSize(8);
        assertThat(writer.runBatch()).isTrue();
        assertThat(device.count("force")).as("the queue is empty").isEqualTo(2);
        assertThat(listener.reported()).hasSize(12).allMatch(w -> w.outcome() == Outcome.DURABLE);
    }

    @Test
    void forceIsNotPutOffOnceItWasAskedFor() {
        for (int i = 0; i < 8; i++) {
            submit(Blocks.stored(owner, (long) i << 20, bytes(1 << 20, i)));
        }
        writer.forceSoon();
        for (int i = 8; i < 16; i++) {
            submit(Blocks.stored(owner, (long) i << 20, bytes(1 << 20, i)));
        }
        writer.runBatch();
        assertThat(device.count("force")).isEqualTo(1);
        writer.runBatch();
        assertThat(device.count("force")).isEqualTo(2);
        writer.runBatch();
        assertThat(device.count("force"))
                .as("all that it was asked for is durable")
                .isEqualTo(2);
    }

    @Test
    void zerosCountTowardsTheBoundOfARound() {
        use(VolumeWriterOptions.defaults().withForceBytesMax(WriteOrder.WRITES_MAX * BlockWrite.ZERO_WINDOW_BYTES));
        for (int i = 0; i < 2 * WriteOrder.WRITES_MAX; i++) {
            submit(Blocks.zero(owner, 0, 512));
        }
        writer.runBatch();
        assertThat(listener.rounds()).hasSize(1);
        assertThat(listener.reported().size()).isEqualTo(WriteOrder.WRITES_MAX);
    }

    @Test
    void smallBlocksAreTakenAsFarAsTheSlabHoldsThem() {
        for (int i = 0; i < 1500; i++) {
            submit(Blocks.stored(owner, 512L + 8192L * i, bytes(4096, i)));
        }
        writer.runBatch();
        assertThat(writer.counters().blocks()).as("each touches two pages").isEqualTo(512);
        runAll();
        assertThat(listener.reported()).hasSize(1500).allMatch(w -> w.outcome() == Outcome.DURABLE);
    }

    @Test
    void batchOfZerosIsBoundedSoThatAFenceNeedNotWaitForAllOfThem() {
        use(VolumeWriterOptions.defaults().withFresh(true));
        int zeroBytes = 16 << 20;
        for (int i = 0; i < 20; i++) {
            submit(Blocks.zero(owner, 0, zeroBytes));
        }
        writer.runBatch();
        assertThat(writer.counters().blocks()).isEqualTo(WriteQueue.BATCH_ZERO_BYTES_MAX / zeroBytes);
    }

    @Test
    void writingAllocatesNothingPerBlock() throws IOException {
        Path image = directory.resolve("volume.img");
        LinuxBlockDevice.createImage(image, SIZE_BYTES);
        writer = VolumeWriter.withoutThread(
                ID,
                LinuxBlockDevice.open(image, OpenOptions.ofSize(SIZE_BYTES)),
                SIZE_BYTES,
                VolumeWriterOptions.defaults(),
                new SilentListener(),
                () -> 1);
        List<BlockWrite> blocks = new ArrayList<>();
        for (int i = 0; i < 512; i++) {
            blocks.add(
                    i % 2 == 0
                            ? Blocks.stored(owner, i * 4096L, bytes(4096, i))
                            : Blocks.lz4(owner, i * 4096L, bytes(4096, i)));
        }
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocatedBytes = 0;
        for (int i = 0; i < 40; i++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int k = 0; k < blocks.size(); k++) {
                blocks.get(k).settle(Outcome.PENDING);
                writer.submit(blocks.get(k));
            }
            writer.runBatch();
            allocatedBytes = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(writer.counters().blocks()).isEqualTo(40 * 512);
        assertThat(allocatedBytes).as("for 512 blocks in one run").isLessThan(2048);
    }

    /** Keeps nothing, so that only the writer's own memory is counted. */
    private static final class SilentListener implements VolumeListener {
        @Override
        public void roundCompleted(Volume volume, List<BlockWrite> writes) {}

        @Override
        public void failed(Volume volume, VolumeFailure failure) {}
    }

    @Test
    void acknowledgedBlocksSurvivePowerLoss() throws DeviceException {
        submit(Blocks.stored(owner, 0, bytes(4096, 1)));
        runAll();
        nonDurable.losePower();
        assertThat(onDevice(0, 4096)).isEqualTo(bytes(4096, 1));
    }

    @Test
    void failedForceFailsTheVolumeAndIsNeverRetried() {
        nonDurable.failNextForceAndForget();
        BlockWrite first = submit(Blocks.stored(owner, 0, bytes(512, 1)));
        runAll();
        BlockWrite later = submit(Blocks.stored(owner, 512, bytes(512, 1)));
        runAll();
        assertThat(device.log()).containsExactly("write 0+512", "force", "close");
        assertThat(first.outcome()).isEqualTo(Outcome.DROPPED);
        assertThat(later.outcome()).isEqualTo(Outcome.DROPPED);
        assertThat(listener.events()).containsExactly("failed force", "DROPPED 0", "DROPPED 512");
        assertThat(listener.failures().getFirst().errno()).isEqualTo(Errno.EIO);
        assertThat(memory.isClosed()).isTrue();
    }

    @Test
    void failedWriteDropsWhatIsUnforcedRunningAndQueued() {
        failing.failWrite(2, Errno.ENOSPC).tearFailingWrites();
        for (int i = 0; i < 12; i++) {
            submit(Blocks.stored(owner, (long) i << 20, bytes(1 << 20, i)));
        }
        runAll();
        assertThat(device.log()).containsExactly("write 0+4194304", "write 4194304+4194304", "close");
        assertThat(listener.events().getFirst()).isEqualTo("failed write");
        assertThat(listener.reported()).hasSize(12).allMatch(w -> w.outcome() == Outcome.DROPPED);
        assertThat(writer.queuedWrites()).isZero();
        VolumeFailure failure = listener.failures().getFirst();
        assertThat(failure.volumeId()).isEqualTo(ID);
        assertThat(failure.offsetBytes()).isEqualTo(4 << 20);
        assertThat(failure.lengthBytes()).isEqualTo(4 << 20);
        assertThat(failure.errno()).isEqualTo(Errno.ENOSPC);
        assertThat(failure.errnoName()).isEqualTo("ENOSPC");
        assertThat(writer.failure()).isEqualTo(failure);
    }

    @Test
    void failedZeroFailsTheVolume() {
        failing.failZero(1, Errno.EIO);
        BlockWrite zero = submit(Blocks.zero(owner, 0, 512));
        runAll();
        assertThat(zero.outcome()).isEqualTo(Outcome.DROPPED);
        assertThat(listener.events()).containsExactly("failed zero", "DROPPED 0");
    }

    @Test
    void unexpectedExceptionFailsTheVolumeLoudly() {
        List<Throwable> shouted = new ArrayList<>();
        UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> shouted.add(e));
        try {
            memory.close(); // underneath the writer
            BlockWrite write = submit(Blocks.stored(owner, 0, bytes(512, 1)));
            runAll();
            assertThat(write.outcome()).isEqualTo(Outcome.DROPPED);
            assertThat(listener.failures().getFirst().operation()).isEqualTo(VolumeFailure.INTERNAL);
            assertThat(shouted).singleElement().isInstanceOf(IllegalStateException.class);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    @Test
    void listenerThatThrowsFailsTheVolumeAndNothingIsReportedTwice() {
        List<BlockWrite> reported = new ArrayList<>();
        List<VolumeFailure> failures = new ArrayList<>();
        List<Throwable> shouted = new ArrayList<>();
        UncaughtExceptionHandler before = Thread.getDefaultUncaughtExceptionHandler();
        Thread.setDefaultUncaughtExceptionHandler((thread, e) -> shouted.add(e));
        try {
            use(VolumeWriterOptions.defaults(), new VolumeListener() {
                @Override
                public void roundCompleted(Volume volume, List<BlockWrite> writes) {
                    reported.addAll(writes);
                    throw new IllegalStateException("scripted");
                }

                @Override
                public void failed(Volume volume, VolumeFailure failure) {
                    failures.add(failure);
                    throw new IllegalStateException("scripted too");
                }
            });
            BlockWrite first = submit(Blocks.stored(owner, 0, bytes(512, 1)));
            runAll();
            BlockWrite second = submit(Blocks.stored(owner, 512, bytes(512, 1)));
            runAll();
            assertThat(reported).containsExactly(first, second);
            assertThat(first.outcome()).isEqualTo(Outcome.DURABLE);
            assertThat(second.outcome()).isEqualTo(Outcome.DROPPED);
            assertThat(failures).hasSize(1);
            assertThat(shouted).hasSize(3);
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before);
        }
    }

    @Test
    void fenceDropsTheOwnersQueuedWritesAndNoOthers() {
        BlockWrite mine = submit(Blocks.stored(owner, 0, bytes(512, 1)));
        BlockWrite others = submit(Blocks.stored(otherOwner, 512, bytes(512, 2)));
        writer.fence(owner, () -> listener.mark("settled"));
        runAll();
        assertThat(listener.events()).containsExactly("DROPPED 0", "settled", "DURABLE 512");
        assertThat(mine.outcome()).isEqualTo(Outcome.DROPPED);
        assertThat(others.outcome()).isEqualTo(Outcome.DURABLE);
        assertThat(onDevice(0, 512)).isEqualTo(bytes(512, 0));
    }

    @Test
    void fenceSettlesAfterWhatWasWrittenIsForcedAndReported() {
        for (int i = 0; i < 6; i++) {
            submit(Blocks.stored(owner, (long) i << 20, bytes(1 << 20, i)));
        }
        writer.runBatch();
        assertThat(listener.events()).isEmpty();
        writer.fence(owner, () -> listener.mark("settled"));
        runAll();
        assertThat(listener.events())
                .containsExactly(
                        "DURABLE 0",
                        "DURABLE 1048576",
                        "DURABLE 2097152",
                        "DURABLE 3145728",
                        "DROPPED 4194304",
                        "DROPPED 5242880",
                        "settled");
    }

    @Test
    void fenceOfAFailedOrStoppedVolumeSettles() {
        failing.failForce(1, Errno.EIO);
        submit(Blocks.stored(owner, 0, bytes(512, 1)));
        runAll();
        submit(Blocks.stored(owner, 512, bytes(512, 1)));
        writer.fence(owner, () -> listener.mark("settled failed"));
        runAll();
        end();
        writer.fence(owner, () -> listener.mark("settled stopped"));
        assertThat(listener.events())
                .containsExactly("failed force", "DROPPED 0", "DROPPED 512", "settled failed", "settled stopped");
    }

    @Test
    void failureWhileAFenceWaitsDropsAndSettles() {
        failing.failForce(1, Errno.EIO);
        for (int i = 0; i < 6; i++) {
            submit(Blocks.stored(owner, (long) i << 20, bytes(1 << 20, i)));
        }
        writer.runBatch();
        writer.fence(owner, () -> listener.mark("settled"));
        runAll();
        assertThat(listener.events())
                .startsWith("failed force")
                .endsWith("settled")
                .hasSize(8);
        assertThat(listener.reported()).hasSize(6).allMatch(w -> w.outcome() == Outcome.DROPPED);
    }

    @Test
    void stopWritesForcesAndClosesThenDropsWhatComes() {
        BlockWrite before = submit(Blocks.stored(owner, 0, bytes(512, 1)));
        var ended = writer.stop().toCompletableFuture();
        BlockWrite after = submit(Blocks.stored(owner, 512, bytes(512, 2)));
        runAll();
        BlockWrite afterTheEnd = submit(Blocks.stored(owner, 1024, bytes(512, 3)));
        assertThat(ended).isCompleted();
        assertThat(device.log()).containsExactly("write 0+512", "force", "close");
        assertThat(List.of(before.outcome(), after.outcome(), afterTheEnd.outcome()))
                .containsExactly(Outcome.DURABLE, Outcome.DROPPED, Outcome.DROPPED);
        assertThat(listener.reported()).containsExactly(before, after, afterTheEnd);
    }

    @Test
    void stopTellsOfAFailureOfTheLastForceAndOfTheClose() {
        failing.failForce(1, Errno.EIO);
        submit(Blocks.stored(owner, 0, bytes(512, 1)));
        var ended = writer.stop().toCompletableFuture();
        runAll();
        assertThatThrownBy(ended::join).isInstanceOf(CompletionException.class).hasMessageContaining("EIO");

        use(VolumeWriterOptions.defaults());
        failing.failClose(Errno.EIO);
        var closed = writer.stop().toCompletableFuture();
        runAll();
        assertThatThrownBy(closed::join).hasMessageContaining("operation=close");
    }

    @Test
    void stopOfAVolumeThatFailedBeforeIsNoFailure() {
        failing.failForce(1, Errno.EIO);
        submit(Blocks.stored(owner, 0, bytes(512, 1)));
        runAll();
        var ended = writer.stop().toCompletableFuture();
        runAll();
        assertThat(ended).isCompletedWithValue(null);
    }

    @Test
    void zeroOverAnUntouchedRegionOfAFreshVolumeIsNotWritten() {
        use(VolumeWriterOptions.defaults().withFresh(true).withRegionBytes(1 << 20));
        BlockWrite skipped = submit(Blocks.zero(owner, 0, 1 << 20));
        submit(Blocks.stored(owner, 1 << 20, bytes(512, 1)));
        submit(Blocks.zero(owner, 1 << 20, 1 << 20));
        BlockWrite spanning = submit(Blocks.zero(owner, 0, 2 << 20));
        runAll();
        assertThat(skipped.outcome()).isEqualTo(Outcome.DURABLE);
        assertThat(spanning.outcome()).isEqualTo(Outcome.DURABLE);
        assertThat(writer.counters().bytesSkipped()).isEqualTo(1 << 20);
        assertThat(writer.counters().bytesZeroed()).isEqualTo(3 << 20);
        assertThat(onDevice(1 << 20, 512)).isEqualTo(bytes(512, 0));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 4096, (1 << 20) - 512, (1 << 20) + 700 * 4096, SIZE_BYTES - 512})
    void zeroIsWrittenOnAVolumeThatIsSaidToBeFreshAndHasData(long offsetBytes) throws DeviceException {
        use(VolumeWriterOptions.defaults().withFresh(true));
        try (Arena arena = Arena.ofConfined()) {
            device.write(arena.allocate(512).fill((byte) 1), offsetBytes);
        }
        submit(Blocks.zero(owner, 0, 1 << 20));
        runAll();
        assertThat(writer.isFresh()).isFalse();
        assertThat(device.log()).contains("zero 0+1048576");
    }

    @Test
    void zeroIsWrittenOnceFreshnessIsWithdrawn() {
        use(VolumeWriterOptions.defaults().withFresh(true));
        writer.withdrawFresh();
        submit(Blocks.zero(owner, 0, 1 << 20));
        runAll();
        assertThat(writer.isFresh()).isFalse();
        assertThat(device.log()).containsExactly("zero 0+1048576", "force");
    }

    @Test
    void zeroIsNeverSkippedOnAVolumeThatIsNotFresh() {
        submit(Blocks.zero(owner, 0, 1 << 20));
        runAll();
        assertThat(device.log()).containsExactly("zero 0+1048576", "force");
        assertThat(writer.counters().bytesSkipped()).isZero();
    }

    @Test
    void roundOfSkippedZerosNeedsNoForce() {
        use(VolumeWriterOptions.defaults().withFresh(true));
        BlockWrite zero = submit(Blocks.zero(owner, 0, 1 << 20));
        runAll();
        assertThat(zero.outcome()).isEqualTo(Outcome.DURABLE);
        assertThat(writer.counters().forces()).isZero();
        assertThat(writer.counters().deviceWrites()).isZero();
    }

    @Test
    void writesThatAreNotOfTheVolumeAreRefusedWhole() {
        byte[] sector = bytes(512, 1);
        assertThatThrownBy(() -> writer.submit(Blocks.stored(owner, SIZE_BYTES, sector)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writer.submit(Blocks.stored(owner, SIZE_BYTES - 512, bytes(1024, 1))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writer.submit(Blocks.stored(owner, -512, sector)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writer.submit(Blocks.stored(owner, 100, sector)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writer.submit(Blocks.stored(owner, 0, bytes(100, 1))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writer.submit(Blocks.stored(owner, 0, bytes((1 << 20) + 512, 1))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> writer.submit(Blocks.zero(owner, Long.MAX_VALUE - 511, 1024)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(writer.queuedWrites()).isZero();
    }

    @Test
    void writeThatIsStillQueuedCannotBeSubmittedOrChanged() {
        BlockWrite write = submit(Blocks.stored(owner, 0, bytes(512, 1)));
        assertThatThrownBy(() -> writer.submit(write)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> write.setZero(owner, 0, 512, false)).isInstanceOf(IllegalStateException.class);
        assertThat(writer.queuedWrites()).isEqualTo(1);
        runAll();
        write.setZero(owner, 0, 512, false);
        submit(write);
        runAll();
        assertThat(listener.events()).containsExactly("DURABLE 0", "DURABLE 0");
    }

    @Test
    void queueIsBoundedAndCountsWhatIsNotReported() {
        for (int i = 0; i < WriteQueue.WRITES_MAX; i++) {
            submit(Blocks.zero(owner, 0, 512));
        }
        assertThatThrownBy(() -> writer.submit(Blocks.zero(owner, 0, 512))).isInstanceOf(IllegalStateException.class);
        assertThat(writer.queuedWrites()).isEqualTo(WriteQueue.WRITES_MAX);
        assertThat(writer.queuedBytes()).isEqualTo(WriteQueue.WRITES_MAX * 4096L);
        runAll();
        assertThat(writer.queuedWrites()).isZero();
        assertThat(writer.queuedBytes()).isZero();
    }

    @Test
    void countersTellWhatWasDone() {
        submit(Blocks.stored(owner, 0, bytes(4096, 1)));
        submit(Blocks.stored(owner, 4096, bytes(4096, 1)));
        submit(Blocks.zero(owner, 16384, 8192));
        runAll();
        VolumeCounters counters = writer.counters();
        assertThat(counters.blocks()).isEqualTo(3);
        assertThat(counters.bytesWritten()).isEqualTo(8192);
        assertThat(counters.bytesZeroed()).isEqualTo(8192);
        assertThat(counters.deviceWrites()).isEqualTo(2);
        assertThat(counters.forces()).isEqualTo(1);
        assertThat(writer.runningNanos()).isZero();
    }

    @Test
    void sizeThatTheDeviceDoesNotHaveIsRefused() {
        assertThatThrownBy(() -> VolumeWriter.withoutThread(
                        ID, device, SIZE_BYTES + 512, VolumeWriterOptions.defaults(), listener, clockNanos::get))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("size=" + (SIZE_BYTES + 512))
                .hasMessageContaining("deviceSizeBytes=" + SIZE_BYTES);
    }
}
