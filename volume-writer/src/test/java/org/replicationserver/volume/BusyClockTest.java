package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class BusyClockTest {
    private static final int READS = 2_000_000;

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5); // System.nanoTime may begin anywhere, and wraps
    private final BusyClock clock = new BusyClock(now::get);

    @Test
    void onlyBusyTimeCountsAndCountsWhileItGoesOn() {
        now.addAndGet(1000);
        assertThat(clock.nanos()).isZero();
        clock.begin();
        now.addAndGet(10);
        assertThat(clock.nanos()).isEqualTo(10);
        now.addAndGet(7);
        assertThat(clock.end()).isEqualTo(17);
        now.addAndGet(1000);
        assertThat(clock.nanos()).isEqualTo(17);
        clock.begin();
        assertThat(clock.nanos()).isEqualTo(17);
        now.addAndGet(3);
        assertThat(clock.end()).isEqualTo(3);
        assertThat(clock.nanos()).isEqualTo(20);
    }

    @Test
    void whatAnotherThreadReadsNeverDecreases() throws InterruptedException {
        BusyClock real = new BusyClock(System::nanoTime);
        AtomicBoolean over = new AtomicBoolean();
        CountDownLatch began = new CountDownLatch(1);
        Thread busy = Thread.ofPlatform().start(() -> {
            while (!over.get()) {
                real.begin();
                began.countDown();
                real.end();
            }
        });
        began.await();
        long last = 0;
        long decreases = 0;
        for (int i = 0; i < READS; i++) {
            long read = real.nanos();
            decreases += read < last ? 1 : 0;
            last = read;
        }
        over.set(true);
        busy.join();
        assertThat(decreases).isZero();
        assertThat(last).isPositive();
    }
}
