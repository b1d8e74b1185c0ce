package org.replicationserver.simulation;

import java.io.PrintStream;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What happens in a run, line by line; its digest is the same whenever the run is. */
final class Story {
    private final VirtualTime time;
    private final @Nullable PrintStream out;
    private long digest;

    /** @param out null if nobody reads it */
    Story(VirtualTime time, @Nullable PrintStream out) {
        this.time = time;
        this.out = out;
    }

    void tell(Supplier<String> what) {
        digest = digest * 31 + time.nanos();
        if (out != null) {
            String line = what.get();
            digest = digest * 31 + line.hashCode();
            out.printf(Locale.ROOT, "%12.6f  %s%n", time.nanos() / 1e9, line);
        }
    }

    long digest() {
        return digest;
    }
}
