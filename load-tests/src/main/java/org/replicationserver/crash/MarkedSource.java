package org.replicationserver.crash;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.Images;

/**
 * The disks of a source server that are written all the time, but between freeze and thaw of its agent's mark command; and what they held
 * at each of the newest marks. Any thread.
 *
 * <p>The thread {@code writer-ID} writes, in pieces that are smaller than what an agent sends. The thread {@code mark-ID} hears the mark
 * command through one named pipe and answers through another, and has the lock that the writer needs in between.
 */
final class MarkedSource {
    private static final int PIECE_BYTES = 4096;
    private static final int MARKS_KEPT = 64;

    /** In each turn of the writer, over all disks. */
    private static final int PIECES_PER_TURN_MAX = 8;

    private static final long TURN_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final String END = "end";

    /** What the disks held while they stood still. Immutable. */
    static final class Mark {
        /** Since when they did. */
        private final long sinceMillis;

        private final int[][] versions;

        private Mark(long sinceMillis, int[][] versions) {
            this.sinceMillis = sinceMillis;
            this.versions = versions;
        }
    }

    private final long seed;
    private final List<Path> disks = new ArrayList<>();
    private final List<FileChannel> channels = new ArrayList<>();
    private final Path script;
    private final Path asked;

    /** Open for reading too, so that an answer that nobody waits for any more blocks nobody. */
    private final FileChannel answers;

    private final Thread writer;
    private final Thread marker;
    private final AtomicLong writtenBytes = new AtomicLong();
    private volatile boolean closed;
    private volatile @Nullable Throwable failure;

    /** Held by who writes, and from freeze to thaw. */
    private final ReentrantLock still = new ReentrantLock(true);

    /** Of each piece of each disk; 0 is all zeros. Under the lock. */
    private final int[][] versions;

    /** Newest last. Under its own monitor, because the lock may be held for long. */
    private final Deque<Mark> marks = new ArrayDeque<>();

    /**
     * Disks that hold something in half of their pieces; nobody writes yet.
     *
     * @param pipes makes a named pipe
     */
    MarkedSource(Path directory, String id, long seed, Pipes pipes, int... sizesBytes)
            throws IOException, InterruptedException {
        this.seed = seed;
        this.versions = new int[sizesBytes.length][];
        Random random = new Random(seed);
        for (int disk = 0; disk < sizesBytes.length; disk++) {
            versions[disk] = new int[sizesBytes[disk] / PIECE_BYTES];
            Arrays.setAll(versions[disk], piece -> random.nextInt(2));
            disks.add(Files.write(directory.resolve("disk-" + disk), content(versions, disk)));
            channels.add(FileChannel.open(disks.get(disk), StandardOpenOption.WRITE));
        }
        asked = pipes.make(directory.resolve("asked"));
        Path answered = pipes.make(directory.resolve("answers"));
        answers = FileChannel.open(answered, StandardOpenOption.READ, StandardOpenOption.WRITE);
        script = Files.writeString(
                directory.resolve("mark.sh"),
                "echo \"$1\" >'" + asked + "' && read -r answer <'" + answered + "' && test \"$answer\" = done\n");
        writer = Thread.ofPlatform().daemon().name("writer-" + id).unstarted(() -> guarded(() -> write(random)));
        marker = Thread.ofPlatform().daemon().name("mark-" + id).unstarted(() -> guarded(this::obey));
    }

    /** Makes a named pipe at a path that is not there. */
    interface Pipes {
        Path make(Path path) throws IOException, InterruptedException;
    }

    private interface Work {
        void run() throws IOException;
    }

    void start() {
        marker.start();
        writer.start();
    }

    private void guarded(Work work) {
        try {
            work.run();
        } catch (IOException | RuntimeException e) {
            failure = e;
        }
    }

    /** What ended one of its threads; null while they run. */
    @Nullable
    Throwable failure() {
        return failure;
    }

    Path disk(int number) {
        return disks.get(number);
    }

    /** What the agent is to call. */
    String markCommand() {
        return "sh '" + script + "'";
    }

    long writtenBytes() {
        return writtenBytes.get();
    }

    // --- the writer

    private void write(Random random) throws IOException {
        while (!closed) {
            still.lock();
            try {
                for (int pieces = 1 + random.nextInt(PIECES_PER_TURN_MAX); pieces > 0; pieces--) {
                    int disk = random.nextInt(versions.length);
                    int piece = random.nextInt(versions[disk].length);
                    int version = ++versions[disk][piece];
                    channels.get(disk).write(ByteBuffer.wrap(piece(disk, piece, version)), (long) piece * PIECE_BYTES);
                    writtenBytes.addAndGet(PIECE_BYTES);
                }
            } finally {
                still.unlock();
            }
            LockSupport.parkNanos(TURN_NANOS);
        }
    }

    private byte[] piece(int disk, int piece, int version) {
        return version == 0
                ? new byte[PIECE_BYTES]
                : Images.random(seed + ((long) disk * 100_000 + piece) * 1_000_000 + version, PIECE_BYTES);
    }

    private byte[] content(int[][] of, int disk) {
        byte[] content = new byte[of[disk].length * PIECE_BYTES];
        for (int piece = 0; piece < of[disk].length; piece++) {
            if (of[disk][piece] > 0) {
                System.arraycopy(piece(disk, piece, of[disk][piece]), 0, content, piece * PIECE_BYTES, PIECE_BYTES);
            }
        }
        return content;
    }

    // --- marks

    private void obey() throws IOException {
        while (true) {
            String phase = Files.readString(asked, StandardCharsets.US_ASCII).strip();
            switch (phase) {
                case "freeze" -> freeze();
                case "thaw" -> thaw();
                case END -> {
                    thaw();
                    return;
                }
                default -> throw new IOException("the mark command was called with '" + phase + "'");
            }
            answers.write(StandardCharsets.US_ASCII.encode("done\n"));
        }
    }

    private void freeze() {
        if (!still.isHeldByCurrentThread()) {
            still.lock();
        }
        int[][] now = Arrays.stream(versions).map(int[]::clone).toArray(int[][]::new);
        synchronized (marks) {
            marks.addLast(new Mark(System.currentTimeMillis(), now));
            if (marks.size() > MARKS_KEPT) {
                marks.removeFirst();
            }
        }
    }

    private void thaw() {
        if (still.isHeldByCurrentThread()) {
            still.unlock();
        }
    }

    /** The one in which the agent took a mark at this time. */
    Mark markAt(long markMillis) {
        synchronized (marks) {
            Mark newest = null;
            for (Mark mark : marks) {
                newest = mark.sinceMillis <= markMillis ? mark : newest;
            }
            if (newest == null) {
                throw new AssertionError("no mark of the source that is known is as old as " + markMillis);
            }
            return newest;
        }
    }

    /** Where the replica is not what the disk was at the mark, in words; null if it is. */
    @Nullable
    String difference(Mark mark, int disk, byte[] replica) {
        int at = Arrays.mismatch(content(mark.versions, disk), replica);
        if (at < 0) {
            return null;
        }
        int piece = Math.min(at / PIECE_BYTES, mark.versions[disk].length - 1);
        int version = mark.versions[disk][piece];
        byte[] found = Arrays.copyOfRange(replica, piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
        for (int other = Math.max(0, version - 10); other <= version + 10; other++) {
            if (Arrays.equals(found, piece(disk, piece, other))) {
                return "byte " + at + " of disk " + disk + " is of version " + other
                        + " of its piece, at the mark it was " + version;
            }
        }
        return "byte " + at + " of disk " + disk + " is of no version near " + version + ", which it was at the mark";
    }

    /** Ends the writing; to be called when no agent of it runs. */
    void end() throws IOException, InterruptedException {
        closed = true;
        if (marker.isAlive()) {
            Files.writeString(asked, END);
            marker.join();
        }
        writer.join();
        answers.close();
        for (FileChannel channel : channels) {
            channel.close();
        }
    }
}
