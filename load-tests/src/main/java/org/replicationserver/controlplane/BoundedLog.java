package org.replicationserver.controlplane;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The newest of what was received, and how much that was in all. Not thread-safe. */
final class BoundedLog<T> {
    private record Entry<T>(T value, int chars) {}

    private final int entriesMax;
    private final long charsMax;
    private final Deque<Entry<T>> entries = new ArrayDeque<>();
    private long chars;
    private long total;

    BoundedLog(int entriesMax, long charsMax) {
        this.entriesMax = entriesMax;
        this.charsMax = charsMax;
    }

    /** Of the weight of so many characters. */
    void add(T value, int valueChars) {
        entries.add(new Entry<>(value, valueChars));
        chars += valueChars;
        total++;
        while (entries.size() > entriesMax || (chars > charsMax && entries.size() > 1)) {
            chars -= entries.remove().chars();
        }
    }

    /** The newest, oldest first. */
    List<T> newest() {
        return entries.stream().map(Entry::value).toList();
    }

    /** All that were ever added. */
    long total() {
        return total;
    }
}
