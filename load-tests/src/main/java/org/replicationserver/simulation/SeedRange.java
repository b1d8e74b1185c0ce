package org.replicationserver.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Runs many seeds on all processors and stops at the first that breaks an invariant. */
final class SeedRange {
    /** A seed and what it broke. */
    record Failure(long seed, Throwable cause) {
        String text() {
            return Violation.text("seed " + seed, cause);
        }
    }

    private final long first;
    private final long count;
    private final int threads;
    private final AtomicLong next;
    private final ReentrantLock lock = new ReentrantLock();

    // under the lock
    private RunTotals totals = RunTotals.NONE;
    private @Nullable Failure failure;

    SeedRange(long first, long count, int threads) {
        this.first = first;
        this.count = count;
        this.threads = threads;
        this.next = new AtomicLong(first);
    }

    /** Runs the seeds; those below a failing one are run to their end, so that the lowest is found, whatever the number of threads. */
    @Nullable
    Failure run() throws InterruptedException {
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            running.add(Thread.ofVirtual().name("simulation-" + i).start(this::runSome));
        }
        for (Thread thread : running) {
            thread.join();
        }
        return failure;
    }

    private void runSome() {
        long seed = next.getAndIncrement();
        while (seed < first + count && !hasFailedBefore(seed)) {
            long began = System.nanoTime();
            try {
                RunResult result = new Simulation(seed, null).run();
                add(result, System.nanoTime() - began);
            } catch (RuntimeException | Error e) {
                fail(new Failure(seed, e));
            }
            seed = next.getAndIncrement();
        }
    }

    private boolean hasFailedBefore(long seed) {
        lock.lock();
        try {
            return failure != null && failure.seed() < seed;
        } finally {
            lock.unlock();
        }
    }

    private void add(RunResult result, long tookNanos) {
        lock.lock();
        try {
            totals = totals.plus(result, tookNanos);
        } finally {
            lock.unlock();
        }
    }

    private void fail(Failure found) {
        lock.lock();
        try {
            if (failure == null || failure.seed() > found.seed()) {
                failure = found;
            }
        } finally {
            lock.unlock();
        }
    }

    RunTotals totals() {
        lock.lock();
        try {
            return totals;
        } finally {
            lock.unlock();
        }
    }

    /** What runs have seen together. */
    record RunTotals(
            long runs,
            long runsOfTwoSources,
            long sessions,
            long commits,
            long bystanderCommits,
            long acknowledgedFrames,
            long serverKills,
            long takeovers,
            long takenOver,
            long unassignments,
            long agentKills,
            long holds,
            long comparedBlocks,
            long spoiledBlocks,
            long foundBlocks,
            long failedReads,
            long rescannedBytes,
            long virtualNanos,
            long processorNanos) {
        static final RunTotals NONE = new RunTotals(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

        RunTotals plus(RunResult result, long tookNanos) {
            return new RunTotals(
                    runs + 1,
                    runsOfTwoSources + (result.sources() > 1 ? 1 : 0),
                    sessions + result.sessions(),
                    commits + result.commits(),
                    bystanderCommits + result.bystanderCommits(),
                    acknowledgedFrames + result.acknowledgedFrames(),
                    serverKills + result.serverKills(),
                    takeovers + result.takeovers(),
                    takenOver + result.takenOver(),
                    unassignments + result.unassignments(),
                    agentKills + result.agentKills(),
                    holds + result.holds(),
                    comparedBlocks + result.comparedBlocks(),
                    spoiledBlocks + result.spoiledBlocks(),
                    foundBlocks + result.foundBlocks(),
                    failedReads + result.failedReads(),
                    rescannedBytes + result.rescannedBytes(),
                    virtualNanos + result.virtualNanos(),
                    processorNanos + tookNanos);
        }

        String text() {
            return "%d runs, %d of two source servers, %.1f hours of virtual time: %d sessions, %d acknowledged frames, %d commits, %d holds that were valid,"
                            .formatted(
                                    runs,
                                    runsOfTwoSources,
                                    (double) virtualNanos / TimeUnit.HOURS.toNanos(1),
                                    sessions,
                                    acknowledgedFrames,
                                    commits,
                                    holds)
                    + " %d blocks compared, %d blocks spoiled and %d times found, %d reads that failed,"
                            .formatted(comparedBlocks, spoiledBlocks, foundBlocks, failedReads)
                    + " %.1f MiB sent by rescans of what differs,".formatted(rescannedBytes / (double) (1 << 20))
                    + " %d takeovers, %d volumes that went on without a rescan,".formatted(takeovers, takenOver)
                    + " %d unassignments, %d commits of a source server beside another one,"
                            .formatted(unassignments, bystanderCommits)
                    + " %d kills of servers and %d of agents; %.0f sessions a second and processor"
                            .formatted(serverKills, agentKills, sessions / Math.max(1e-9, processorNanos / 1e9));
        }
    }
}
