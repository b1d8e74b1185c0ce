package org.replicationserver.volume;

import java.lang.foreign.Arena;

/** Threads whose work may wait for all other work of the machine. */
public final class BackgroundThread {
    /** The least share: about 1.5 % of a processor that another thread wants. */
    private static final int NICE_MAX = 19;

    private BackgroundThread() {}

    /**
     * A daemon that gets what processor time others leave over. Java's own priorities say nothing to Linux.
     *
     * @return not started yet
     */
    public static Thread unstarted(String name, Runnable task) {
        return Thread.ofPlatform().name(name).daemon().unstarted(() -> {
            yieldToOthers();
            task.run();
        });
    }

    private static void yieldToOthers() {
        try (Arena arena = Arena.ofConfined()) {
            // A sandbox may refuse it; then the thread's work is as urgent as any.
            int _ = Linux.setNiceOfThread(Linux.newCapture(arena), NICE_MAX);
        }
    }
}
