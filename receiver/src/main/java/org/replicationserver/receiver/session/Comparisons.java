package org.replicationserver.receiver.session;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.replicationserver.volume.BlockComparison;
import org.replicationserver.volume.CompareMemory;
import org.replicationserver.volume.Volume;

/**
 * Lets a few comparisons of all source servers run at once, so that their memory and what they take of the machine are bounded; the others
 * wait, one of a volume at most. Event loop only.
 *
 * <p>A source server without one that runs goes before one that has one, so that many disks of one do not hold up those of another.
 */
final class Comparisons {
    /** Each takes a processor and a device for itself, if no writes come. */
    static final int RUNNING_MAX = 2;

    /** Memory of a comparison whose device hangs is gone until it answers, and others shall go on meanwhile. */
    static final int MEMORIES_MAX = 8;

    private final SessionClock clock;
    private final Executor eventLoop;
    private final List<OfferedBlocks> waiting = new ArrayList<>();
    private final List<OfferedBlocks> running = new ArrayList<>();
    private final ArrayDeque<CompareMemory> free = new ArrayDeque<>();

    Comparisons(SessionClock clock, Executor eventLoop) {
        this.clock = clock;
        this.eventLoop = eventLoop;
    }

    /** Takes an offer; its session hears of the end, unless it cancels it before it runs. */
    void submit(OfferedBlocks offered) {
        waiting.add(offered);
        startNext();
    }

    /** What waits of a session is forgotten, what runs will soon be done. */
    void cancel(SourceSession session) {
        List<OfferedBlocks> forgotten =
                waiting.stream().filter(offered -> offered.session == session).toList();
        waiting.removeAll(forgotten);
        forgotten.forEach(session::notCompared);
        running.stream().filter(offered -> offered.session == session).forEach(OfferedBlocks::cancel);
    }

    /** Looks whether something hangs. */
    void tick() {
        running.forEach(offered -> offered.look(clock.nanos()));
        startNext();
    }

    private void startNext() {
        while (!waiting.isEmpty() && running.size() < MEMORIES_MAX && moving() < RUNNING_MAX) {
            start(next());
        }
    }

    private long moving() {
        return running.stream()
                .filter(offered -> !offered.isStuck(clock.nanos()))
                .count();
    }

    private OfferedBlocks next() {
        OfferedBlocks next = waiting.stream()
                .filter(offered -> running.stream().noneMatch(other -> other.session == offered.session))
                .findFirst()
                .orElse(waiting.getFirst());
        waiting.remove(next);
        return next;
    }

    private void start(OfferedBlocks offered) {
        Volume volume = offered.volume.volume;
        if (volume == null) {
            throw new IllegalStateException("volume " + offered.volume.assignment.volumeId() + " is not open");
        }
        CompareMemory memory = free.isEmpty() ? new CompareMemory() : free.remove();
        running.add(offered);
        offered.compare(volume, memory, clock.nanos(), done -> eventLoop.execute(() -> ended(offered, done)));
    }

    private void ended(OfferedBlocks offered, BlockComparison done) {
        running.remove(offered);
        free.add(done.memory());
        if (done.isComplete()) {
            offered.session.compared(offered, done.differing());
        } else {
            offered.session.notCompared(offered);
        }
        startNext();
    }
}
