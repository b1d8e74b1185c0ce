package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Looks at everything that a crash may leave of few operations: each order of so many steps of an agent, each call of a device that
 * may fail, each point at which a crash may come, and each part of the sectors that were not forced. All of it is checked against what
 * was promised, and recovered from; crashes in the middle of a recovery are looked at in the same way.
 *
 * <p>A recovery is done for the image with none and for that with all of those sectors. It reads nothing of a volume, which is checked, so
 * it does the same whatever else is there: of the other images it is checked that they are the source's where it writes nothing.
 */
final class CrashSearch {
    static final int STEPS_MAX = 3;

    /** With two to the power of it images of each crash point. */
    private static final int UNSYNCED_SECTORS_MAX = 10;

    /**
     * A scenario and what it broke.
     *
     * @param story line by line; empty unless the scenario was replayed
     */
    record Failure(int number, CrashScenario scenario, Throwable cause, List<String> story) {
        String text() {
            return Violation.text("scenario " + number, cause) + ", in " + scenario;
        }
    }

    private record State(long first, long second) {
        static State of(byte[] digest) {
            ByteBuffer bytes = ByteBuffer.wrap(digest);
            return new State(bytes.getLong(), bytes.getLong());
        }
    }

    private final List<CrashScenario> scenarios;
    private final int end;
    private final int threads;
    private final boolean replays;
    private final AtomicInteger next;

    /** Where crashes were looked at, with those in the recovery from them, and those in recoveries. */
    private final Set<State> crashes = ConcurrentHashMap.newKeySet();

    private final Set<State> crashesOfRecoveries = ConcurrentHashMap.newKeySet();

    private final AtomicLong runs = new AtomicLong();
    private final AtomicLong crashPoints = new AtomicLong();
    private final AtomicLong images = new AtomicLong();
    private final AtomicLong recoveries = new AtomicLong();

    private final ReentrantLock lock = new ReentrantLock();

    // under the lock
    private @Nullable Failure failure;

    /** A writer takes one for a failure of its volume, goes on, and tells the handler of its thread, which is that of the run. */
    private final Map<Thread, Throwable> mistakesOfWriters = new ConcurrentHashMap<>();

    /** Of a replay, what happens if no call fails. */
    private List<String> story = List.of();

    /** @param stepsMax of an agent, at most {@link #STEPS_MAX} */
    CrashSearch(int stepsMax, int threads) {
        this.scenarios = CrashScenario.all(stepsMax);
        this.next = new AtomicInteger();
        this.end = scenarios.size();
        this.threads = threads;
        this.replays = false;
    }

    private CrashSearch(int number) {
        this.scenarios = CrashScenario.all(STEPS_MAX);
        this.next = new AtomicInteger(number);
        this.end = number + 1;
        this.threads = 1;
        this.replays = true;
    }

    /**
     * Looks at one scenario, and tells its story. Its number is the same whatever the number of steps, since short ones come first.
     *
     * @param number below {@link #scenarioCount}
     */
    static CrashSearch replay(int number) {
        return new CrashSearch(number);
    }

    /** How many scenarios there are. */
    static int scenarioCount() {
        return CrashScenario.all(STEPS_MAX).size();
    }

    /** Looks at all scenarios; those before one that breaks something are looked at to their end. */
    @Nullable
    Failure run() throws InterruptedException {
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            running.add(Thread.ofPlatform()
                    .name("crash-search-" + i)
                    .uncaughtExceptionHandler(mistakesOfWriters::putIfAbsent)
                    .start(this::runSome));
        }
        for (Thread thread : running) {
            thread.join();
        }
        return failure;
    }

    private void runSome() {
        int number = next.getAndIncrement();
        while (number < end && !hasFailedBefore(number)) {
            CrashScenario scenario = scenarios.get(number);
            int calls = run(number, scenario);
            for (int call = 0; call < calls; call++) {
                run(number, scenario.withFailingCall(call));
            }
            number = next.getAndIncrement();
        }
    }

    private int run(int number, CrashScenario scenario) {
        runs.incrementAndGet();
        CrashStory told = replays ? CrashStory.begin() : CrashStory.UNTOLD;
        try {
            mistakesOfWriters.remove(Thread.currentThread());
            int calls = new CrashRun(scenario, this::crash, told).play();
            Throwable mistake = mistakesOfWriters.remove(Thread.currentThread());
            if (mistake != null) {
                throw Violation.of(mistake);
            }
            if (scenario.failingCall() == CrashScenario.NONE_FAILS) {
                story = told.lines();
            }
            return calls;
        } catch (RuntimeException | Error e) {
            fail(new Failure(number, scenario, e, told.lines()));
            return 0;
        }
    }

    private void crash(CrashRun run) {
        crashPoints.incrementAndGet();
        if (crashes.add(State.of(run.digest()))) {
            lookAt(run, true);
        }
    }

    private void crashOfRecovery(CrashRun run) {
        crashPoints.incrementAndGet();
        State state = State.of(run.digest());
        if (!crashes.contains(state) && crashesOfRecoveries.add(state)) {
            lookAt(run, false);
        }
    }

    private void lookAt(CrashRun run, boolean withCrashesOfRecoveries) {
        int sectors = run.unsyncedSectors();
        if (sectors > UNSYNCED_SECTORS_MAX) {
            throw new Violation("I10", sectors + " sectors are unsynced, more than are looked at");
        }
        long all = (1L << sectors) - 1;
        CrashRun.Recovery recovery = recover(run, 0, true, withCrashesOfRecoveries);
        recover(run, 0, false, withCrashesOfRecoveries);
        if (all != 0) {
            recover(run, all, true, withCrashesOfRecoveries);
        }
        for (long kept = 0; kept <= all; kept++) {
            images.incrementAndGet();
            run.checkLeft(kept, recovery);
        }
    }

    private CrashRun.Recovery recover(CrashRun run, long kept, boolean sameAgent, boolean withCrashes) {
        recoveries.incrementAndGet();
        return run.recover(kept, sameAgent, withCrashes ? this::crashOfRecovery : crash -> {});
    }

    private boolean hasFailedBefore(int number) {
        lock.lock();
        try {
            return failure != null && failure.number() < number;
        } finally {
            lock.unlock();
        }
    }

    private void fail(Failure found) {
        lock.lock();
        try {
            if (failure == null || failure.number() > found.number()) {
                failure = found;
            }
        } finally {
            lock.unlock();
        }
    }

    /** What happens in the scenario that was replayed if no call of a device fails. */
    List<String> story() {
        return story;
    }

    long images() {
        return images.get();
    }

    long recoveries() {
        return recoveries.get();
    }

    String text() {
        return "%s, %d runs with a call that fails or none: %d crash points, %d of which leave something of their own, %d in a"
                        .formatted(
                                replays ? "one scenario" : scenarios.size() + " scenarios",
                                runs.get(),
                                crashPoints.get(),
                                crashes.size() + crashesOfRecoveries.size(),
                                crashesOfRecoveries.size())
                + " recovery; %d images looked at, %d recoveries".formatted(images.get(), recoveries.get());
    }
}
