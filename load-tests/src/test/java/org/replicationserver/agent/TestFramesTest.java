package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.PooledByteBufAllocator;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

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
}
