package org.replicationserver.receiver.session;

/** Lets the event loop do something later. Event loop only. */
public interface LoopTimer {
    /**
     * Runs the task on the event loop after the delay, or a little later.
     *
     * @return cancels it, if it has not run yet
     */
    Runnable after(long delayNanos, Runnable task);
}
