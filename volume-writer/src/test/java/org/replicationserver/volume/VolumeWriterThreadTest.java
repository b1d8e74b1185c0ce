package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.replicationserver.volume.BlockWrite.Outcome;
import org.replicationserver.volume.testing.Blocks;
import org.replicationserver.volume.testing.CollectingListener;
import org.replicationserver.volume.testing.MemoryDevice;
import org.replicationserver.volume.testing.RecordingDevice;
import org.replicationserver.volume.testing.SlowDevice;

/** The rules of the writer that have to do with its thread. */
@Timeout(60)
final class VolumeWriterThreadTest {
    private static final int SIZE_BYTES = 1 << 20;

    private final Object owner = new Object();
    private final Object otherOwner = new Object();
    private final MemoryDevice memory = new MemoryDevice(SIZE_BYTES);
    private final RecordingDevice device = new RecordingDevice(memory);
    private final SlowDevice slow = new SlowDevice(device);
    private final CollectingListener listener = new CollectingListener();
    private final AtomicLong clockNanos = new AtomicLong(1);
    private final VolumeWriter writer = VolumeWriter.start(
            new VolumeId("vol-0a1b"), slow, SIZE_BYTES, VolumeWriterOptions.defaults(), listener, clockNanos::get);

    @AfterEach
    void end() {
        slow.releaseWrites();
        slow.releaseForces();
        writer.stop().toCompletableFuture().join();
    }

    private static byte[] sector(int fill) {
        byte[] bytes = new byte[512];
        Arrays.fill(bytes, (byte) fill);
        return bytes;
    }

    private BlockWrite submit(Object by, int offsetBytes, int fill) {
        BlockWrite write = Blocks.stored(by, offsetBytes, sector(fill));
        writer.submit(write);
        return write;
    }

    @Test
    void ackIsWithheldUntilForceReturns() {
        slow.holdForces();
        submit(owner, 0, 1);
        slow.awaitHeldForce();
        assertThat(memory.bytes()[0]).as("it is written").isEqualTo((byte) 1);
        assertThat(listener.reported()).as("and not reported").isEmpty();
        slow.releaseForces();
        await().until(() -> listener.events().equals(List.of("DURABLE 0")));
    }

    @Test
    void writeThatComesDuringAForceWaitsForTheNextOne() {
        slow.holdForces();
        submit(owner, 0, 1);
        slow.awaitHeldForce();
        submit(owner, 512, 2);
        slow.releaseForces();
        await().until(() -> listener.reported().size() == 2);
        assertThat(device.log()).containsExactly("write 0+512", "force", "write 512+512", "force");
    }

    @Test
    void deviceThatDoesNotAnswerIsBusyAllTheTime() {
        slow.holdWrites();
        submit(owner, 0, 1);
        slow.awaitHeldWrite();
        clockNanos.addAndGet(5_000);
        assertThat(writer.deviceBusyNanos()).as("in a write").isEqualTo(5_000);
        slow.holdForces();
        slow.releaseWrites();
        slow.awaitHeldForce();
        clockNanos.addAndGet(300);
        assertThat(writer.deviceBusyNanos()).as("in a force").isEqualTo(5_300);
        slow.releaseForces();
        await().until(() -> listener.reported().size() == 1);
        clockNanos.addAndGet(70_000);
        assertThat(writer.deviceBusyNanos()).as("idle").isEqualTo(5_300);
        assertThat(writer.counters().writeNanos()).isEqualTo(5_000);
        assertThat(writer.counters().forceNanos()).isEqualTo(300);
        slow.holdWrites();
        writer.submit(Blocks.zero(owner, 0, 512));
        slow.awaitHeldWrite();
        clockNanos.addAndGet(20);
        assertThat(writer.deviceBusyNanos()).as("in a zero").isEqualTo(5_320);
        assertThat(writer.expandBusyNanos()).isZero();
    }

    @Test
    void fenceSettlesOnlyAfterTheRunningBatch() {
        slow.holdWrites();
        BlockWrite running = submit(owner, 0, 1);
        slow.awaitHeldWrite();
        BlockWrite queued = submit(owner, 512, 1);
        submit(otherOwner, 1024, 1);
        writer.fence(owner, () -> listener.mark("settled"));
        assertThat(listener.events()).isEmpty();
        slow.releaseWrites();
        await().until(() -> listener.events().size() == 4);
        assertThat(listener.events()).containsExactly("DURABLE 0", "DROPPED 512", "settled", "DURABLE 1024");
        assertThat(running.outcome()).isEqualTo(Outcome.DURABLE);
        assertThat(queued.outcome()).isEqualTo(Outcome.DROPPED);
    }

    @Test
    void fenceOfAnIdleVolumeSettlesOnTheWriterThread() {
        CompletableFuture<String> settledOn = new CompletableFuture<>();
        writer.fence(owner, () -> settledOn.complete(Thread.currentThread().getName()));
        assertThat(settledOn.join()).isEqualTo("volume-writer-vol-0a1b");
    }

    @Test
    void runningNanosTellOfAStuckDeviceAndNotOfAnIdleOne() {
        assertThat(writer.queuedWrites()).isZero();
        await().until(() -> writer.runningNanos() == 0);
        slow.holdForces();
        submit(owner, 0, 1);
        slow.awaitHeldForce();
        clockNanos.addAndGet(5_000_000_000L);
        assertThat(writer.runningNanos()).isEqualTo(5_000_000_000L);
        assertThat(writer.queuedWrites()).isEqualTo(1);
        assertThat(writer.queuedBytes()).isEqualTo(512);
        slow.releaseForces();
        await().until(() -> writer.runningNanos() == 0 && writer.queuedWrites() == 0);
    }

    @Test
    void interruptOfTheWriterThreadHarmsNothing() {
        CompletableFuture<Thread> writerThread = new CompletableFuture<>();
        writer.fence(owner, () -> writerThread.complete(Thread.currentThread()));
        writerThread.join().interrupt();
        submit(otherOwner, 0, 1);
        await().until(() -> listener.events().equals(List.of("DURABLE 0")));
        assertThat(writer.failure()).isNull();
    }

    @Test
    void stopDrainsAndEndsTheThread() {
        CompletableFuture<Thread> writerThread = new CompletableFuture<>();
        writer.fence(owner, () -> writerThread.complete(Thread.currentThread()));
        for (int i = 0; i < 100; i++) {
            submit(otherOwner, i * 512, i);
        }
        writer.stop().toCompletableFuture().join();
        assertThat(listener.reported()).hasSize(100).allMatch(w -> w.outcome() == Outcome.DURABLE);
        assertThat(memory.isClosed()).isTrue();
        await().until(() -> !writerThread.join().isAlive());
    }

    @Test
    void everyWriteOfManyThreadsIsReportedOnceThoughTheWriterStopsAmongThem() throws InterruptedException {
        int producers = 4;
        int writesEach = 2000;
        CountDownLatch begin = new CountDownLatch(1);
        ConcurrentLinkedQueue<BlockWrite> submitted = new ConcurrentLinkedQueue<>();
        List<Object> settled = new CopyOnWriteArrayList<>();
        List<Thread> threads = new CopyOnWriteArrayList<>();
        for (int producer = 0; producer < producers; producer++) {
            Object session = new Object();
            int base = producer * 512;
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    begin.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                for (int i = 0; i < writesEach; i++) {
                    submitted.add(submit(session, base, i));
                }
                writer.fence(session, () -> settled.add(session));
            }));
        }
        begin.countDown();
        await().until(() -> submitted.size() > writesEach);
        writer.stop().toCompletableFuture().join();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(settled).hasSize(producers);
        assertThat(listener.reported()).hasSize(producers * writesEach).doesNotHaveDuplicates();
        assertThat(submitted).allMatch(w -> w.outcome() == Outcome.DURABLE || w.outcome() == Outcome.DROPPED);
    }
}
