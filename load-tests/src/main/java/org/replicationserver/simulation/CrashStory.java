package org.replicationserver.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** What happens in a {@link CrashRun}, line by line, for whoever replays a scenario. Used by the thread of the run. */
final class CrashStory {
    /** Keeps nothing. */
    static final CrashStory UNTOLD = new CrashStory(false);

    private final List<String> lines = new ArrayList<>();
    private final boolean kept;

    private CrashStory(boolean kept) {
        this.kept = kept;
    }

    /** A story without a line yet. */
    static CrashStory begin() {
        return new CrashStory(true);
    }

    /** That of a recovery, which is a part of this one if the recovery breaks something. */
    CrashStory ofRecovery() {
        return kept ? begin() : UNTOLD;
    }

    void tell(Supplier<String> what) {
        if (kept) {
            lines.add(what.get());
        }
    }

    /** What came after a crash at this point. */
    void tellAfterCrash(Supplier<String> heading, CrashStory recovery) {
        tell(heading);
        recovery.lines.forEach(line -> lines.add("  " + line));
    }

    List<String> lines() {
        return List.copyOf(lines);
    }
}
