package org.replicationserver.crash;

import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Counts what a campaign does. One thread. */
final class Tally {
    static final String NOT_REACHED = ", not reached";

    private final int from;
    private final int count;
    private final Map<String, Integer> kinds = new TreeMap<>();
    private int done;
    private String details = "";

    /**
     * A tally of nothing yet.
     *
     * @param from number of the first case, from 0 on
     * @param count cases that are to be done
     */
    Tally(int from, int count) {
        this.from = from;
        this.count = count;
    }

    int count() {
        return count;
    }

    boolean isComplete() {
        return done >= count;
    }

    /** Number of the case that is being done. */
    int number() {
        return from + done;
    }

    /** A case is done, and nothing was found. */
    void done(String kind) {
        done(kind, 1);
    }

    /** The same for a case whose trouble may not have happened, because the server did not come so far. */
    void done(String kind, boolean happened) {
        done(happened ? kind : kind + NOT_REACHED);
    }

    /** The same for so many cases. */
    void done(String kind, int cases) {
        kinds.merge(kind, cases, Integer::sum);
        done += cases;
    }

    int done() {
        return done;
    }

    /** How many cases of each kind are done. */
    Map<String, Integer> kinds() {
        return Map.copyOf(kinds);
    }

    /** In the place of the kinds. */
    void details(String text) {
        details = text;
    }

    String details() {
        return details.isEmpty()
                ? kinds.entrySet().stream()
                        .map(kind -> kind.getValue() + " " + kind.getKey())
                        .collect(Collectors.joining(", "))
                : details;
    }
}
