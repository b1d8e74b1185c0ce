package org.replicationserver.receiver.control;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A virtual thread that does one thing again and again until it is stopped, and pauses after failures, until the control plane has a
 * chance to answer. Nothing that it meets ends it.
 */
public abstract class ControlThread implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ControlThread.class);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);

    private final String name;
    private final Backoff backoff;
    private volatile @Nullable Thread thread;

    ControlThread(String name, ControlPlane controlPlane) {
        this.name = name;
        this.backoff = new Backoff(controlPlane);
    }

    /** Does the thing once. Returning is success: the next failure is again the first. */
    abstract void step() throws ControlPlaneException, InterruptedException;

    /** To be called once. */
    public final void start() {
        thread = Thread.ofVirtual().name(name).start(this::run);
    }

    private void run() {
        try {
            while (true) {
                runStep();
            }
        } catch (InterruptedException e) {
            LOG.atDebug().addKeyValue("thread", name).log("thread ends");
        }
    }

    private void runStep() throws InterruptedException {
        try {
            step();
            backoff.reset();
        } catch (ControlPlaneException e) {
            backoff.await(e, Backoff.FOR_EVER);
        } catch (RuntimeException e) {
            LOG.atError().setCause(e).addKeyValue("thread", name).log("thread failed, it goes on");
            backoff.pause(Backoff.FOR_EVER);
        }
    }

    /** Ends the thread, which takes as long as it does to give up a call. */
    @Override
    public void close() {
        Thread running = thread;
        if (running == null) {
            return;
        }
        running.interrupt();
        try {
            if (!running.join(STOP_TIMEOUT)) {
                LOG.atWarn()
                        .addKeyValue("thread", name)
                        .addKeyValue("seconds", STOP_TIMEOUT.toSeconds())
                        .log("thread does not end in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
