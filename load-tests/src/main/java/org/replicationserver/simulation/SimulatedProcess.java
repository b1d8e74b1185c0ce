package org.replicationserver.simulation;

import java.util.ArrayDeque;

/**
 * A process that can be killed at any moment: nothing that it meant to do happens afterwards. Or it is stopped for a while, as when its
 * machine is: what was due meanwhile happens when it goes on.
 */
final class SimulatedProcess {
    /** Thrown where the process is killed in the middle of something; nobody but the simulation catches it. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1;

        Killed() {
            super("killed", null, false, false);
        }
    }

    private static final long LOOP_NANOS_MAX = 50_000;

    private final VirtualTime time;
    private final Dice dice;
    private final ArrayDeque<Runnable> due = new ArrayDeque<>();
    private boolean alive = true;
    private boolean stopped;
    private long stoodStillUntilNanos = -1;
    private long loopNanos;

    SimulatedProcess(VirtualTime time, Dice dice) {
        this.time = time;
        this.dice = dice;
    }

    boolean isAlive() {
        return alive;
    }

    void kill() {
        alive = false;
    }

    /** Throws if the process is not alive any more. */
    void requireAlive() {
        if (!alive) {
            throw new Killed();
        }
    }

    void stop() {
        stopped = true;
    }

    void goOn() {
        stopped = false;
        stoodStillUntilNanos = time.nanos();
        while (alive && !stopped && !due.isEmpty()) {
            due.remove().run();
        }
    }

    boolean hasStoodStillSince(long nanos) {
        return stopped || stoodStillUntilNanos >= nanos;
    }

    void later(long delayNanos, Runnable action) {
        time.later(delayNanos, () -> run(action));
    }

    /** Something comes from outside. */
    void run(Runnable action) {
        if (alive && (stopped || !due.isEmpty())) {
            due.add(action);
        } else if (alive) {
            action.run();
        }
    }

    /** The event loop's queue: one after the other, in order. */
    void execute(Runnable task) {
        loopNanos = Math.max(loopNanos, time.nanos()) + dice.below(LOOP_NANOS_MAX);
        later(loopNanos - time.nanos(), task);
    }

    /** The event loop's timer. */
    Runnable after(long delayNanos, Runnable task) {
        boolean[] cancelled = new boolean[1];
        later(delayNanos, () -> {
            if (!cancelled[0]) {
                task.run();
            }
        });
        return () -> cancelled[0] = true;
    }

    /** Does the task now and again and again. */
    void every(long nanos, Runnable task) {
        later(nanos, () -> {
            task.run();
            every(nanos, task);
        });
    }
}
