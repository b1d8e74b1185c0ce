package org.replicationserver.receiver.server;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.replicationserver.volume.BackgroundThread;

/**
 * One thread for work that may wait for all other work of the machine; it is there only while there is some. Any thread may give it work.
 */
final class BackgroundExecutor {
    private static final int IDLE_SECONDS = 10;

    private BackgroundExecutor() {}

    /**
     * @param tasksMax that wait; whoever gives it work keeps to that
     */
    static Executor start(String threadName, int tasksMax) {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(
                1,
                1,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(tasksMax),
                task -> BackgroundThread.unstarted(threadName, task));
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }
}
