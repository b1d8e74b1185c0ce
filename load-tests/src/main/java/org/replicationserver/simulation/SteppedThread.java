package org.replicationserver.simulation;

import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * A thread that takes turns with the simulation: one of the two runs, the other waits. So code that blocks can be stopped in the middle
 * of a call while virtual time passes, and each run is the same.
 */
final class SteppedThread {
    private final Thread thread;
    private final Semaphore go = new Semaphore(0);
    private final Semaphore back = new Semaphore(0);

    // of whoever runs
    private boolean ended;
    private @Nullable Throwable failure;

    SteppedThread(String name, Runnable body) {
        this.thread = Thread.ofVirtual()
                .name(name)
                .uncaughtExceptionHandler((of, mistake) -> failed(mistake))
                .unstarted(() -> {
                    try {
                        go.acquireUninterruptibly();
                        body.run();
                    } catch (Throwable e) {
                        failed(e);
                    } finally {
                        ended = true;
                        back.release();
                    }
                });
    }

    /** Also what the body caught and told the thread's handler of. */
    private void failed(Throwable e) {
        if (!(e instanceof SimulatedProcess.Killed) && failure == null) {
            failure = e;
        }
    }

    boolean hasEnded() {
        return ended;
    }

    /** Lets the thread run until it pauses or ends; what it threw is thrown here. */
    void resume() {
        if (ended) {
            throw new IllegalStateException("it has ended");
        }
        if (thread.getState() == Thread.State.NEW) {
            thread.start();
        }
        go.release();
        back.acquireUninterruptibly();
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
    }

    /** On the thread: lets the simulation go on until it resumes this thread. */
    void pause() {
        back.release();
        go.acquireUninterruptibly();
    }
}
