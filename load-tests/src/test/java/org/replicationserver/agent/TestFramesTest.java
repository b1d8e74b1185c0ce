package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the threads of a speed test tell when they cannot go on. */
final class TestFramesTest {
    private static String failureOf(TestData data) throws InterruptedException {
        CountDownLatch told = new CountDownLatch(1);
        TestFrames frames = new TestFrames(1, data, new NettyFrames(PooledByteBufAllocator.DEFAULT), told::countDown);
        frames.start();
        told.await();
        frames.stop();
        return String.valueOf(frames.failure());
    }

    @Test
    void diskThatCannotBeReadIsToldInItsWordsAndAFaultWithoutWordsByItsName() throws Exception {
        assertThat(failureOf(copy -> {
                    throw new IOException("disk is gone");
                }))
                .isEqualTo("disk is gone");
        assertThat(failureOf(copy -> {
                    throw new IllegalStateException();
                }))
                .isEqualTo("java.lang.IllegalStateException");
    }

    /** As a disk whose path is gone does; the agent ends all the same. */
    @Test
    @Timeout(60)
    void readThatDoesNotEndIsNotWaitedForAndWhatItBringsIsGivenBack() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch mayEnd = new CountDownLatch(1);
        PooledByteBufAllocator memory = new PooledByteBufAllocator(true);
        List<Thread> readers = new CopyOnWriteArrayList<>();
        TestFrames frames = new TestFrames(
                1,
                copy -> {
                    readers.add(Thread.currentThread());
                    reading.countDown();
                    awaitUninterrupted(mayEnd);
                },
                new NettyFrames(memory),
                () -> {});
        frames.start();
        reading.await();

        assertThat(frames.stop(Duration.ofMillis(50))).isFalse();

        mayEnd.countDown();
        assertThat(readers.getFirst().join(Duration.ofSeconds(30))).isTrue();
        assertThat(frames.isEmpty()).isTrue();
        assertThat(frames.stop(Duration.ofMillis(50))).isTrue();
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
