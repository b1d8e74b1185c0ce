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
 * Loses the power at each flush of a replication. All that the volume is told is logged below the server; from the log images are made
 * as a power loss may leave them: all up to a flush, and of what was written between it and the next any pieces of 4 KiB. In each, what was
 * acknowledged before that flush is there, as it was acknowledged or newer, and anything else is old or new.
 *
 * <p><b>How acknowledgements and the log are put in order.</b> When an acknowledgement comes in, the agent's thread reads from the log how many
 * entries it has. The log counts a flush before the flush is answered. So the flush that covers the block, which the server had to wait for
 * before it acknowledged, is among these entries, and each image made of at least so many must hold the block. A server that
 * acknowledges earlier is found, because the entries that are counted then end with an older flush. The count is read a little later than the
 * acknowledgement was sent and may include flushes that came in between: that makes the audit milder, and never wrong.
 */
final class WriteLog extends Campaign {
    private static final int VOLUME_BYTES = 4 << 20;
    private static final int STREAMS = 2;
    private static final int BLOCKS_CHANGED = 24;
    private static final int CYCLES_MIN = 5;
    private static final int PIECE_BYTES = 4096;

    /** Images of a power loss between two flushes, beside the one at the flush. */
    private static final int SUBSETS = 8;

    /** Something that the agent did or learnt. */
    private sealed interface Event {
        record Sending(DirtySource.Piece piece) implements Event {}

        /** @param entries of the log, at least the first of which make an image that has the block */
        record Acknowledged(RawStream.Sent sent, long entries) implements Event {}
    }

    /** Remembers what happened in which order. */
    private static final class RecordedSource extends DirtySource {
        private final FileChannel log;
        private final List<Event> events = new ArrayList<>();

        RecordedSource(FileChannel log) {
            super(1, VOLUME_BYTES);
            this.log = log;
        }

        @Override
        synchronized void sending(Piece piece) {
            events.add(new Event.Sending(piece));
            super.sending(piece);
        }

        @Override
        synchronized void acknowledged(RawStream.Sent sent) {
            try {
                events.add(new Event.Acknowledged(sent, DeviceLog.entries(log)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            super.acknowledged(sent);
        }

        /**
         * What an auditor knows of images made of the first entries.
         *
         * @param entries up to a flush
         * @param nextEntries up to the next one; what was sent after that was acknowledged is in none of the images
         */
        synchronized DirtySource asOf(long entries, long nextEntries) {
            DirtySource then = new DirtySource(1, VOLUME_BYTES);
            for (Event event : events) {
                switch (event) {
                    case Event.Sending sending -> then.sending(sending.piece());
                    case Event.Acknowledged acknowledged -> {
                        if (acknowledged.entries() <= entries) {
                            then.acknowledged(acknowledged.sent());
                        } else if (acknowledged.entries() > nextEntries) {
                            return then;
                        }
                    }
                }
            }
            return then;
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
        Path log = Files.createFile(directory.resolve("volume.log"));
        RecordedSource source;
        try (FileChannel channel = FileChannel.open(log, StandardOpenOption.READ)) {
            source = new RecordedSource(channel);
            replicate(workshop, tally, plan, directory, log, source);
        }
        List<DeviceLog.Entry> entries = DeviceLog.read(log);
        audit(source, entries, workshop.random(0), tally);
        tally.details(entries.stream().filter(DeviceLog.Entry::isFlush).count() + " flushes, "
                + source.acknowledgedBlocks() + " blocks acknowledged");
    }

    private static void replicate(
            Workshop workshop, Tally tally, ServerProcess.Plan plan, Path directory, Path log, RecordedSource source)
            throws IOException, InterruptedException, RunException, ProtocolException {
        TestSource assigned = TestSource.of(directory, "s-1", VOLUME_BYTES);
        Path stored = directory.resolve("stored.img");
        workshop.run("truncate", "-s", Integer.toString(VOLUME_BYTES), stored.toString());
        String logged = "driver=file,node-name=log,filename=" + log;
        String driver = "driver=blklogwrites,file=" + StorageDaemon.FILE + ",log=log";
        Random random = workshop.random(0);
        Replication replication = new Replication(assigned, source, STREAMS);
        try (StorageDaemon _ = StorageDaemon.show(workshop, stored, assigned.path(0), driver, List.of(logged));
                ServerProcess server = plan.start(assigned);
                RawAgent agent = replication.openSession(server)) {
            while (replication.commits() < CYCLES_MIN || flushes(log) * (1 + SUBSETS) < tally.count()) {
                replication.cycle(agent, () -> {});
                if (flushes(log) < replication.commits()) {
                    throw new AssertionError(
                            replication.commits() + " commits with blocks, and " + flushes(log) + " flushes");
                }
                source.change(random, BLOCKS_CHANGED);
            }
            agent.bye();
        }
    }

    private static long flushes(Path log) throws IOException {
        return DeviceLog.read(log).stream().filter(DeviceLog.Entry::isFlush).count();
    }

    /** At as many flushes as the count asks for, spread evenly. */
    private static void audit(RecordedSource source, List<DeviceLog.Entry> entries, Random random, Tally tally) {
        long flushes = entries.stream().filter(DeviceLog.Entry::isFlush).count();
        long stride = Math.max(1, flushes * (1 + SUBSETS) / tally.count());
        byte[] image = new byte[VOLUME_BYTES];
        int applied = 0;
        for (long number = 0; !tally.isComplete() && applied < entries.size(); number++) {
            int flush = nextFlush(entries, applied);
            for (DeviceLog.Entry entry : entries.subList(applied, flush)) {
                entry.apply(image, 0, entry.lengthBytes());
            }
            applied = Math.min(flush + 1, entries.size());
            if (number % stride != 0) {
                continue;
            }
            int next = nextFlush(entries, applied);
            DirtySource then = source.asOf(applied, Math.min(next + 1, entries.size()));
            audit(then, image, "at entry " + applied, tally);
            for (int i = 0; i < SUBSETS && !tally.isComplete(); i++) {
                byte[] torn = image.clone();
                lose(torn, entries.subList(applied, next), random);
                audit(then, torn, "between entries " + applied + " and " + next, tally);
            }
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

    private static void audit(DirtySource then, byte[] image, String which, Tally tally) {
        try {
            then.assertNothingAcknowledgedIsMissing(0, image);
        } catch (AssertionError e) {
            throw new AssertionError("power lost " + which + " of the log: " + e.getMessage(), e);
        }
        tally.done("");
    }
}
