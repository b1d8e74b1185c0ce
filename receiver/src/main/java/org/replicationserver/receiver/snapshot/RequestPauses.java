package org.replicationserver.receiver.snapshot;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The pauses of a {@link VolumeRequest} between what it asks of EC2, so that tests need not sit through them. Any thread. */
@FunctionalInterface
interface RequestPauses {
    /** As long as they are said to be. */
    RequestPauses REAL = (pause, stopped) -> stopped.await(pause.toNanos(), TimeUnit.NANOSECONDS);

    /**
     * Waits until a pause is over, or nothing further is to be begun.
     *
     * @return whether nothing further is to be begun
     */
    boolean await(Duration pause, CountDownLatch stopped) throws InterruptedException;
}
