package org.replicationserver.receiver.control;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.ReportKind.Keeping;

/**
 * What waits in which file of the outbox, in order, and what goes first when there is too much: the oldest progress, then the oldest
 * notifications. Never given up are command results, the newest state of a source server, its newest record, and the report that the
 * sender has in its hands. Confined to the outbox's thread.
 */
final class OutboxIndex {
    private final ArrayDeque<OutboxSegment> segments = new ArrayDeque<>();

    /** By kind and subject, the sequence of the newest, where that is kept. */
    private final Map<String, Long> newest = new HashMap<>();

    private int entries;
    private long progressDropped;
    private long notificationsDropped;
    private long unreadable;
    private @Nullable OutboxEntry handedOut;

    /** In order, not to be changed but by this class. */
    Deque<OutboxSegment> segments() {
        return segments;
    }

    int entries() {
        return entries;
    }

    long progressDropped() {
        return progressDropped;
    }

    long notificationsDropped() {
        return notificationsDropped;
    }

    /** Entries that the disk did not give back as they were written. */
    long unreadable() {
        return unreadable;
    }

    void countUnreadable(int lost) {
        entries -= lost;
        unreadable += lost;
    }

    /** Bytes of all files. */
    long diskBytes() {
        return segments.stream().mapToLong(segment -> segment.lengthBytes).sum();
    }

    /** Bytes in them that are of no use. */
    long deadBytes() {
        return segments.stream().mapToLong(OutboxSegment::deadBytes).sum();
    }

    void add(OutboxSegment segment, OutboxEntry entry) {
        segment.waiting.add(entry);
        entries++;
        noteNewest(entry.kind(), entry.subject(), entry.sequence());
    }

    /** From now on an older report of the kind about the subject is not the newest any more. */
    void noteNewest(ReportKind kind, String subject, long sequence) {
        if (kind.keeping().keepsNewest()) {
            newest.merge(kind + "/" + subject, sequence, Math::max);
        }
    }

    /** Forgets what was noted and then not kept. */
    void noteAllNewest() {
        newest.clear();
        for (OutboxSegment segment : segments) {
            segment.waiting.forEach(entry -> noteNewest(entry.kind(), entry.subject(), entry.sequence()));
        }
    }

    /** The first segment in which something waits, or null. */
    @Nullable
    OutboxSegment firstWaiting() {
        for (OutboxSegment segment : segments) {
            if (!segment.waiting.isEmpty()) {
                return segment;
            }
        }
        return null;
    }

    /** What waits longest, or null. */
    @Nullable
    OutboxEntry oldest() {
        OutboxSegment first = firstWaiting();
        return first == null ? null : first.waiting.peekFirst();
    }

    void handOut(OutboxEntry entry) {
        handedOut = entry;
    }

    /** The first of a segment cannot be read. */
    void removeUnreadable(OutboxSegment segment) {
        segment.waiting.removeFirst();
        countUnreadable(1);
    }

    /** The first of a segment is told, or given up. */
    void removeFirst(OutboxSegment segment) {
        segment.waiting.removeFirst();
        entries--;
        handedOut = null;
    }

    /** Gives up the least of what waits until so many bytes are free or nothing more may go. Returns what is free. */
    long drop(long bytes) {
        long freed = dropOldest(bytes, Keeping::isProgress);
        return freed >= bytes ? freed : freed + dropOldest(bytes - freed, keeping -> !keeping.isProgress());
    }

    private long dropOldest(long bytes, Predicate<Keeping> goes) {
        long freed = 0;
        for (OutboxSegment segment : segments) {
            Iterator<OutboxEntry> waiting = segment.waiting.iterator();
            ArrayDeque<OutboxEntry> kept = new ArrayDeque<>(segment.waiting.size());
            while (waiting.hasNext()) {
                OutboxEntry entry = waiting.next();
                if (freed < bytes && goes.test(entry.kind().keeping()) && mayGo(entry)) {
                    freed += entry.lengthBytes();
                    count(entry);
                } else {
                    kept.add(entry);
                }
            }
            segment.waiting = kept;
            if (freed >= bytes) {
                break;
            }
        }
        return freed;
    }

    private boolean mayGo(OutboxEntry entry) {
        Keeping keeping = entry.kind().keeping();
        if (entry.equals(handedOut) || keeping == Keeping.ALWAYS) {
            return false;
        }
        Long newestSequence = newest.get(entry.kind() + "/" + entry.subject());
        return !keeping.keepsNewest() || newestSequence == null || newestSequence != entry.sequence();
    }

    private void count(OutboxEntry entry) {
        entries--;
        if (entry.kind().keeping().isProgress()) {
            progressDropped++;
        } else {
            notificationsDropped++;
        }
    }
}
