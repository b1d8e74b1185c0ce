package org.replicationserver.crash;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Loses the power at each flush of a replication. All that a volume is told is logged below the server; from its log images are made
 * as a power loss may leave them: all up to a flush, and of what was written between it and the next any pieces of 4 KiB. In each, what was
 * acknowledged before that flush, or committed, is there, as it was or newer, and anything else is old or new. Each volume has a log of its
 * own, and is audited by itself: what must be in it does not depend on how far the other one has come.
 *
 * <p><b>How acknowledgements and the log are put in order.</b> When an acknowledgement or the answer to a commit comes in, the agent's thread
 * reads from the log how many entries it has. The log counts a flush before the flush is answered. So the flush that covers the block, which
 * the server had to wait for before it acknowledged, is among these entries, and each image made of at least so many must hold the block. A
 * server that acknowledges earlier is found, because the entries that are counted then end with an older flush. The count is read a little later
 * than the acknowledgement was sent and may include flushes that came in between: that makes the audit milder, and never wrong. So that it is not
 * too mild, writes are slow: what is said too early is heard before it has become true.
 */
final class WriteLog extends Campaign {
    private static final int VOLUMES = 2;
    private static final int VOLUME_BYTES = 4 << 20;
    private static final int STREAMS = 2;
    private static final int BLOCKS_CHANGED = 48;
    private static final int CYCLES_MIN = 5;
    private static final int PIECE_BYTES = 4096;

    /** Images of a power loss between two flushes, beside the one at the flush. */
    private static final int SUBSETS = 8;

    /** Something that the agent did or learnt. */
    private sealed interface Event {
        record Sending(DirtySource.Piece piece) implements Event {}

        /** @param entries of the volume's log, at least the first of which make an image that has the block */
        record Acknowledged(RawStream.Sent sent, long entries) implements Event {}

        /** @param entries of each volume's log, at least the first of which make an image that has all that was sent before */
        record Committed(List<Long> entries) implements Event {}
    }

    /** Remembers what happened in which order. */
    private static final class RecordedSource extends DirtySource {
        private final List<FileChannel> logs;
        private final List<Event> events = new ArrayList<>();

        RecordedSource(List<FileChannel> logs) {
            super(VOLUMES, VOLUME_BYTES);
            this.logs = logs;
        }

        /** So that a discard in the log is one that nobody has allowed. */
        @Override
        boolean mayDeallocate(Piece piece) {
            return false;
        }

        @Override
        synchronized void sending(Piece piece) {
            events.add(new Event.Sending(piece));
            super.sending(piece);
        }

        @Override
        synchronized void acknowledged(RawStream.Sent sent) {
            events.add(new Event.Acknowledged(sent, entries(logs.get(sent.volume()))));
            super.acknowledged(sent);
        }

        @Override
        synchronized void committed() {
            events.add(new Event.Committed(
                    logs.stream().map(RecordedSource::entries).toList()));
            super.committed();
        }

        private static long entries(FileChannel log) {
            try {
                return DeviceLog.entries(log);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /**
         * What an auditor knows of images made of the first entries of a volume's log; of other volumes it knows nothing that is right.
         *
         * @param entries up to a flush
         * @param nextEntries up to the next one; what was sent after anything that is known by more entries is in none of the images
         */
        synchronized DirtySource asOf(int volume, long entries, long nextEntries) {
            DirtySource then = new DirtySource(VOLUMES, VOLUME_BYTES);
            for (Event event : events) {
                long known = switch (event) {
                    case Event.Sending _ -> 0;
                    case Event.Acknowledged acknowledged ->
                        acknowledged.sent().volume() == volume ? acknowledged.entries() : 0;
                    case Event.Committed committed -> committed.entries().get(volume);
                };
                if (known > nextEntries) {
                    return then;
                }
                if (known <= entries) {
                    tell(then, event);
                }
            }
            return then;
        }

        private static void tell(DirtySource then, Event event) {
            switch (event) {
                case Event.Sending sending -> then.sending(sending.piece());
                case Event.Acknowledged acknowledged -> then.acknowledged(acknowledged.sent());
                case Event.Committed _ -> then.committed();
            }
        }
    }

    WriteLog() {
        super("write-log", 2000, "images", false);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) throws InterruptedException {
        return StorageDaemon.missing(workshop);
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException, ProtocolException {
        Path directory = workshop.directory().resolve(name());
        ServerProcess.Plan plan = workshop.plan(directory);
        List<Path> logs = new ArrayList<>();
        for (int volume = 0; volume < VOLUMES; volume++) {
            logs.add(Files.createFile(directory.resolve("volume-" + volume + ".log")));
        }
        RecordedSource source;
        try (FileChannel first = FileChannel.open(logs.getFirst(), StandardOpenOption.READ);
                FileChannel second = FileChannel.open(logs.getLast(), StandardOpenOption.READ)) {
            source = new RecordedSource(List.of(first, second));
            replicate(workshop, tally, plan, directory, logs, source);
        }
        Random random = workshop.random(0);
        long flushes = 0;
        for (int volume = 0; volume < VOLUMES; volume++) {
            List<DeviceLog.Entry> entries = DeviceLog.read(logs.get(volume));
            int doneMax = tally.count() * (volume + 1) / VOLUMES;
            new Audit(source, volume, entries, random, tally, doneMax).run();
            flushes += flushes(entries);
        }
        tally.details(flushes + " flushes, " + source.acknowledgedBlocks() + " blocks acknowledged");
    }

    private static void replicate(
            Workshop workshop,
            Tally tally,
            ServerProcess.Plan plan,
            Path directory,
            List<Path> logs,
            RecordedSource source)
            throws IOException, InterruptedException, RunException, ProtocolException {
        TestSource assigned = TestSource.of(directory, "s-1", VOLUME_BYTES, VOLUME_BYTES);
        Random random = workshop.random(0);
        Replication replication = new Replication(assigned, source, STREAMS);
        try (StorageDaemon _ = show(workshop, directory, logs, assigned, 0);
                StorageDaemon _ = show(workshop, directory, logs, assigned, 1);
                ServerProcess server = plan.start(assigned);
                RawAgent agent = replication.openSession(server)) {
            int flushesWanted = 1 + tally.count() / (VOLUMES * (1 + SUBSETS));
            while (replication.commits() < CYCLES_MIN || flushesOfEach(logs) < flushesWanted) {
                replication.cycle(agent, () -> {});
                long flushes = flushesOfEach(logs);
                if (flushes < replication.commits()) {
                    throw new AssertionError(
                            replication.commits() + " commits with blocks, and " + flushes + " flushes of a volume");
                }
                source.change(random, BLOCKS_CHANGED);
            }
            agent.bye();
        }
    }

    private static StorageDaemon show(
            Workshop workshop, Path directory, List<Path> logs, TestSource assigned, int volume)
            throws IOException, InterruptedException, RunException {
        Path stored = directory.resolve("stored-" + volume + ".img");
        workshop.run("truncate", "-s", Integer.toString(VOLUME_BYTES), stored.toString());
        List<String> below = List.of(
                "driver=file,node-name=log,filename=" + logs.get(volume),
                "driver=blklogwrites,node-name=logged,file=" + StorageDaemon.FILE + ",log=log");
        String driver = "driver=throttle,throttle-group=" + StorageDaemon.SLOW + ",file=logged";
        return StorageDaemon.show(workshop, stored, assigned.path(volume), driver, below);
    }

    /** Of the volume that has the fewest. */
    private static long flushesOfEach(List<Path> logs) throws IOException {
        long fewest = Long.MAX_VALUE;
        for (Path log : logs) {
            fewest = Math.min(fewest, flushes(DeviceLog.read(log)));
        }
        return fewest;
    }

    private static long flushes(List<DeviceLog.Entry> entries) {
        return entries.stream().filter(DeviceLog.Entry::isFlush).count();
    }

    /**
     * Of images of one volume.
     *
     * @param doneMax of the tally, at which it ends
     */
    private record Audit(
            RecordedSource source, int volume, List<DeviceLog.Entry> entries, Random random, Tally tally, int doneMax) {
        /** At as many flushes as the count asks for, spread evenly. */
        void run() {
            long images = flushes(entries) * (1 + SUBSETS);
            long stride = Math.max(1, images / Math.max(1, doneMax - tally.done()));
            byte[] image = new byte[VOLUME_BYTES];
            int applied = 0;
            for (long number = 0; tally.done() < doneMax && applied < entries.size(); number++) {
                int flush = nextFlush(entries, applied);
                for (DeviceLog.Entry entry : entries.subList(applied, flush)) {
                    entry.apply(image, 0, entry.lengthBytes());
                }
                applied = Math.min(flush + 1, entries.size());
                if (number % stride == 0) {
                    auditFrom(image, applied);
                }
            }
        }

        /** The image up to a flush, and some between it and the next. */
        private void auditFrom(byte[] image, int applied) {
            int next = nextFlush(entries, applied);
            DirtySource then = source.asOf(volume, applied, Math.min(next + 1, entries.size()));
            audit(then, image, "at entry " + applied);
            for (int i = 0; i < SUBSETS && tally.done() < doneMax; i++) {
                byte[] torn = image.clone();
                lose(torn, entries.subList(applied, next), random);
                audit(then, torn, "between entries " + applied + " and " + next);
            }
        }

        private void audit(DirtySource then, byte[] image, String which) {
            try {
                then.assertNothingAcknowledgedIsMissing(volume, image);
            } catch (AssertionError e) {
                throw new AssertionError("power lost " + which + " of the log: " + e.getMessage(), e);
            }
            tally.done("");
        }
    }

    /** The index of the next flush, or the end. */
    private static int nextFlush(List<DeviceLog.Entry> entries, int from) {
        int at = from;
        while (at < entries.size() && !entries.get(at).isFlush()) {
            at++;
        }
        return at;
    }

    /** Some pieces reach the disk, the others are lost; how many differs from image to image. */
    private static void lose(byte[] image, List<DeviceLog.Entry> unflushed, Random random) {
        double kept = random.nextDouble();
        for (DeviceLog.Entry entry : unflushed) {
            for (int at = 0; at < entry.lengthBytes(); at += PIECE_BYTES) {
                if (random.nextDouble() < kept) {
                    int bytes = Math.min(PIECE_BYTES, entry.lengthBytes() - at);
                    entry.apply(image, at, bytes);
                }
            }
        }
    }
}
