package org.replicationserver.receiver.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The reports that wait, in files, in order. Confined to the outbox's thread.
 *
 * <p>Files are {@code <number>.log}, as {@link OutboxSegment} describes them, and {@link OutboxPosition}; {@link OutboxLoad} tells what a
 * crash may leave of them.
 *
 * <p>Invariants: sequences grow from file to file and in each file; the position is durable before a file is removed, so that no
 * sequence is given out twice; after a failed write or force nothing is appended to that file again, because what is on the disk is
 * then unknown.
 */
final class OutboxLog implements AutoCloseable {
    /** What one {@link #append} takes, so that it goes into one file with one force. */
    static final int GROUP_BYTES_MAX = 512 * 1024;

    /** What memory is bounded by; an entry takes some 150 bytes there. */
    static final int ENTRIES_MAX = 100_000;

    private static final Logger LOG = LoggerFactory.getLogger(OutboxLog.class);

    /** The part of the bound that is made free at once, so that files are not rewritten for each report. */
    private static final int SHARE_FREED = 8;

    private final Path directory;
    private final long bytesMax;
    private final OutboxDisk disk;
    private final OutboxIndex index = new OutboxIndex();

    private OutboxPosition position;
    private @Nullable OutboxPosition storedPosition;
    private long nextNumber;

    /** The file that is appended to, the last of the segments; null if the next append makes a new one. */
    private @Nullable FileChannel current;

    private OutboxLog(Path directory, long bytesMax, OutboxDisk disk, OutboxPosition position) throws IOException {
        this.directory = directory;
        this.bytesMax = bytesMax;
        this.disk = disk;
        OutboxLoad.Found found = OutboxLoad.load(disk, directory, position, index);
        this.position = found.position();
        this.nextNumber = found.nextNumber();
        storePosition();
        for (Path file : found.useless()) {
            disk.delete(file);
        }
        disk.syncDirectory(directory);
    }

    /** @param bytesMax of all files; while room is made it is exceeded by one file */
    static OutboxLog open(Path directory, long bytesMax, OutboxDisk disk) throws IOException {
        disk.makeDirectory(directory);
        disk.removeDrafts(directory);
        OutboxPosition stored = OutboxPosition.load(disk, directory);
        return new OutboxLog(directory, bytesMax, disk, stored == null ? OutboxPosition.drawn() : stored);
    }

    OutboxIndex index() {
        return index;
    }

    OutboxPosition position() {
        return position;
    }

    // --- append

    /**
     * Appends reports of at most {@link #GROUP_BYTES_MAX} in all; when it returns they survive a power loss.
     *
     * @return for each whether it is kept; what is not was too much, although all was given up that may be
     * @throws IOException if the disk fails; none of them counts as kept, although some may be found at the next start
     */
    List<Boolean> append(List<Report> reports) throws IOException {
        List<Boolean> kept = new ArrayList<>();
        List<OutboxEntry> entries = new ArrayList<>();
        ByteBuffer group = ByteBuffer.allocate(
                reports.stream().mapToInt(OutboxEntry::lengthOf).sum());
        try {
            for (Report report : reports) {
                long sequence = position.last() + 1;
                position = new OutboxPosition(position.outboxId(), position.done(), sequence);
                int offset = group.position();
                int length = OutboxEntry.lengthOf(report);
                index.noteNewest(report.kind(), report.subject(), sequence);
                boolean hasRoom = makeRoom(offset + length, entries.size() + 1);
                kept.add(hasRoom);
                if (hasRoom) {
                    OutboxEntry.encode(sequence, report, group);
                    entries.add(new OutboxEntry(
                            sequence,
                            report.kind(),
                            report.subject(),
                            report.observed().toEpochMilli(),
                            offset,
                            length));
                }
            }
            if (!entries.isEmpty()) {
                write(entries, group.flip());
            }
        } catch (IOException | RuntimeException e) {
            index.noteAllNewest();
            throw e;
        }
        if (kept.contains(false)) {
            index.noteAllNewest();
        }
        return kept;
    }

    /** Sequences that will never be seen: the gap tells the control plane that something is missing. */
    void skip(long reports) {
        position = new OutboxPosition(position.outboxId(), position.done(), position.last() + reports);
    }

    /** @param entries with their offsets in the group */
    private void write(List<OutboxEntry> entries, ByteBuffer group) throws IOException {
        int groupBytes = group.remaining();
        try {
            FileChannel open = openWithRoomFor(groupBytes);
            FileChannel file = open == null ? newSegment() : open;
            disk.write(file, group);
            disk.force(file);
            if (open == null) {
                disk.syncDirectory(directory);
            }
        } catch (IOException | RuntimeException e) {
            // What is in the file beyond what is known stays there; the next append makes a new one.
            closeCurrent();
            throw e;
        }
        OutboxSegment segment = index.segments().getLast();
        entries.forEach(entry -> index.add(segment, entry.at(segment.lengthBytes + entry.offsetBytes())));
        segment.lengthBytes += groupBytes;
    }

    private @Nullable FileChannel openWithRoomFor(int groupBytes) {
        boolean hasRoom =
                current != null && index.segments().getLast().lengthBytes + groupBytes <= OutboxSegment.BYTES_MAX;
        return hasRoom ? current : null;
    }

    private FileChannel newSegment() throws IOException {
        closeCurrent();
        Path path = directory.resolve(OutboxLoad.nameOf(nextNumber++));
        FileChannel file = disk.create(path);
        current = file;
        index.segments().add(new OutboxSegment(path, position.outboxId(), OutboxSegment.HEAD_BYTES));
        disk.write(file, OutboxSegment.head(position.outboxId()));
        return file;
    }

    private void closeCurrent() {
        if (current != null) {
            try {
                current.close();
            } catch (IOException e) {
                LOG.atWarn().addKeyValue("cause", e.getMessage()).log("closing a file of the outbox failed");
            }
            current = null;
        }
    }

    // --- room

    /** Sees to room for so many bytes and entries beyond those that are there; false if that cannot be. */
    private boolean makeRoom(long bytes, int entries) throws IOException {
        long headBytes = OutboxSegment.HEAD_BYTES;
        while (index.diskBytes() + bytes + headBytes > bytesMax || index.entries() + entries > ENTRIES_MAX) {
            long wanted = bytesMax / SHARE_FREED;
            long dead = index.deadBytes();
            if (dead < wanted) {
                dead += index.drop(wanted - dead);
            }
            if (dead == 0) {
                return false;
            }
            compact();
        }
        return true;
    }

    /** Puts neighbouring files with dead bytes together, as long as the result is no larger than a file. */
    private void compact() throws IOException {
        // The newest sequences may be among those that go.
        storePosition();
        closeCurrent();
        ArrayDeque<OutboxSegment> rest = new ArrayDeque<>(index.segments());
        while (!rest.isEmpty()) {
            List<OutboxSegment> run = firstRun(rest);
            if (run.getFirst().deadBytes() > 0) {
                join(run);
            }
            run.forEach(ignored -> rest.removeFirst());
        }
        removeEmptySegments();
    }

    private static List<OutboxSegment> firstRun(ArrayDeque<OutboxSegment> segments) {
        Iterator<OutboxSegment> rest = segments.iterator();
        OutboxSegment first = rest.next();
        List<OutboxSegment> run = new ArrayList<>(List.of(first));
        long needed = first.neededBytes();
        while (first.deadBytes() > 0 && rest.hasNext()) {
            OutboxSegment next = rest.next();
            needed += next.neededBytes();
            if (needed > OutboxSegment.BYTES_MAX || !next.outboxId.equals(first.outboxId)) {
                break;
            }
            run.add(next);
        }
        return run;
    }

    /**
     * Gives the first file what waits in all of them, in one step; the others have nothing left to say then, and may be removed at any
     * later time.
     *
     * @throws IOException if the disk fails; then all is as it was
     */
    private void join(List<OutboxSegment> run) throws IOException {
        OutboxSegment first = run.getFirst();
        ArrayDeque<OutboxEntry> copied = new ArrayDeque<>();
        int unreadable = 0;
        ByteBuffer content = ByteBuffer.allocate(OutboxSegment.BYTES_MAX).put(OutboxSegment.head(first.outboxId));
        for (OutboxSegment segment : run) {
            for (OutboxEntry entry : segment.waiting) {
                try {
                    ByteBuffer raw = segment.readRaw(disk, entry);
                    copied.add(entry.at(content.position()));
                    content.put(raw);
                } catch (DamagedEntryException e) {
                    tellUnreadable(entry, e);
                    unreadable++;
                }
            }
        }
        long lengthBytes = content.position();
        disk.replace(first.file, content.flip());
        run.forEach(segment -> segment.waiting = new ArrayDeque<>());
        first.waiting = copied;
        first.lengthBytes = lengthBytes;
        index.countUnreadable(unreadable);
    }

    private static void tellUnreadable(OutboxEntry entry, DamagedEntryException cause) {
        LOG.atError()
                .addKeyValue("kind", entry.kind())
                .addKeyValue("subject", entry.subject())
                .addKeyValue("sequence", entry.sequence())
                .addKeyValue("cause", cause.getMessage())
                .log("report cannot be read and is given up");
    }

    private void removeEmptySegments() throws IOException {
        OutboxSegment appendedTo = current == null ? null : index.segments().getLast();
        List<OutboxSegment> empty = index.segments().stream()
                .filter(segment -> segment.waiting.isEmpty() && segment != appendedTo)
                .toList();
        if (empty.isEmpty()) {
            return;
        }
        // First what these files are no longer needed for: how far sending has come, and the file that has their
        // content.
        storePosition();
        disk.syncDirectory(directory);
        for (OutboxSegment segment : empty) {
            disk.delete(segment.file);
            index.segments().remove(segment);
        }
    }

    // --- sending

    /**
     * The oldest report that waits, or null. Until it is {@link #done}, it stays the oldest and is not given up. What is damaged is given
     * up before.
     *
     * @throws IOException if the disk does not give it back now; it stays the oldest
     */
    @Nullable
    SentReport head() throws IOException {
        OutboxSegment segment = index.firstWaiting();
        while (segment != null) {
            OutboxEntry entry = segment.waiting.getFirst();
            try {
                Report report = segment.read(disk, entry);
                index.handOut(entry);
                return new SentReport(segment.outboxId, entry.sequence(), report);
            } catch (DamagedEntryException e) {
                tellUnreadable(entry, e);
                index.removeUnreadable(segment);
                segment = index.firstWaiting();
            }
        }
        return null;
    }

    /** The oldest report is told, or given up. */
    void done(SentReport report) throws IOException {
        OutboxSegment segment = index.firstWaiting();
        if (segment == null || segment.waiting.getFirst().sequence() != report.sequence()) {
            throw new IllegalStateException("not the oldest: sequence=" + report.sequence());
        }
        index.removeFirst(segment);
        if (segment.outboxId.equals(position.outboxId())) {
            position = new OutboxPosition(position.outboxId(), report.sequence(), position.last());
        }
        if (segment.waiting.isEmpty()) {
            removeEmptySegments();
        }
    }

    /** Until it is stored how far sending has come, a crash makes that what is done since is sent again. */
    void storeDone() throws IOException {
        if (storedPosition == null || storedPosition.done() != position.done()) {
            storePosition();
        }
    }

    private void storePosition() throws IOException {
        if (!position.equals(storedPosition)) {
            position.store(disk, directory);
            storedPosition = position;
        }
    }

    @Override
    public void close() throws IOException {
        closeCurrent();
        storePosition();
    }
}
