package org.replicationserver.receiver.control;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The start of the outbox: what a crash may have left at any moment, and what is made of it.
 * <ol>
 *   <li>The newest file ends in the middle of an entry, or of its head: nobody was told that this entry is durable. It is cut off.
 *   <li>Entries were sent, but neither the position nor the removal of their file is durable: they are sent again, and the control
 *       plane takes them once.
 *   <li>Files were put together, the new one has replaced the first of them and the others are still there: what they repeat has
 *       sequences that were read already, and is passed over.
 * </ol>
 */
final class OutboxLoad {
    private static final Logger LOG = LoggerFactory.getLogger(OutboxLoad.class);
    private static final Pattern NAME = Pattern.compile("([0-9]{16})\\.log");

    private final OutboxDisk disk;
    private final Path directory;
    private final OutboxPosition position;
    private final OutboxIndex index;
    private final Map<String, Long> lastById = new HashMap<>();
    private final List<Path> useless = new ArrayList<>();
    private long nextNumber = 1;

    private OutboxLoad(OutboxDisk disk, Path directory, OutboxPosition position, OutboxIndex index) {
        this.disk = disk;
        this.directory = directory;
        this.position = position;
        this.index = index;
    }

    /**
     * What was found, beside what is in the index now.
     *
     * @param useless files in which nothing waits, to be removed when the position is stored
     */
    record Found(OutboxPosition position, long nextNumber, List<Path> useless) {}

    static Found load(OutboxDisk disk, Path directory, OutboxPosition position, OutboxIndex index) throws IOException {
        return new OutboxLoad(disk, directory, position, index).load();
    }

    /** The name of a file of the outbox. */
    static String nameOf(long number) {
        return String.format("%016d.log", number);
    }

    private Found load() throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> listed = Files.newDirectoryStream(directory, OutboxLoad::isOurs)) {
            listed.forEach(files::add);
        }
        files.sort(null);
        for (Path file : files) {
            nextNumber = numberOf(file) + 1;
            loadFile(file, file.equals(files.getLast()));
        }
        String id = position.outboxId();
        long last = Math.max(position.last(), lastById.getOrDefault(id, 0L));
        return new Found(new OutboxPosition(id, position.done(), last), nextNumber, useless);
    }

    private static boolean isOurs(Path file) {
        return NAME.matcher(file.getFileName().toString()).matches();
    }

    private static long numberOf(Path file) {
        Matcher name = NAME.matcher(file.getFileName().toString());
        if (!name.matches()) {
            throw new IllegalStateException("not filtered: " + file);
        }
        return Long.parseLong(name.group(1));
    }

    private void loadFile(Path file, boolean isNewest) throws IOException {
        OutboxSegment.Content content = OutboxSegment.scan(disk, file);
        if (!content.isWhole()) {
            tellDamage(file, isNewest, content);
        }
        if (content.outboxId() == null) {
            useless.add(file);
            return;
        }
        if (!content.isWhole()) {
            disk.truncate(file, content.wholeBytes());
        }
        OutboxSegment segment = new OutboxSegment(file, content.outboxId(), content.wholeBytes());
        for (OutboxEntry entry : content.entries()) {
            addUnlessKnown(segment, entry);
        }
        if (segment.waiting.isEmpty()) {
            useless.add(file);
        } else {
            index.segments().add(segment);
        }
    }

    /** An end that is missing in the newest file was never promised to anybody; anywhere else something has damaged the file. */
    private static void tellDamage(Path file, boolean isNewest, OutboxSegment.Content content) {
        long lostBytes = content.sizeBytes() - content.wholeBytes();
        if (isNewest) {
            LOG.atInfo()
                    .addKeyValue("path", file)
                    .addKeyValue("bytes", lostBytes)
                    .log("outbox was cut in the middle of an append");
        } else {
            LOG.atError()
                    .addKeyValue("path", file)
                    .addKeyValue("bytes", lostBytes)
                    .log("file of the outbox is damaged, reports in it are lost");
        }
    }

    private void addUnlessKnown(OutboxSegment segment, OutboxEntry entry) {
        String id = segment.outboxId;
        if (entry.sequence() <= lastById.getOrDefault(id, 0L)) {
            return;
        }
        lastById.put(id, entry.sequence());
        boolean isDone = id.equals(position.outboxId()) && entry.sequence() <= position.done();
        if (!isDone) {
            index.add(segment, entry);
        }
    }
}
