package org.replicationserver.bench;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.DiskImage;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.listener.TlsEngine;

/** One run: the image is made or found, all its frames are compressed, and what is wanted is measured with them. Confined to one thread. */
final class Bench {
    /** What is measured. */
    enum Scenario {
        INITIAL_SYNC("bench"),
        OUTAGE("outage"),
        RESCAN("rescan");

        /** Of the file with the figures. */
        final String fileName;

        Scenario(String fileName) {
            this.fileName = fileName;
        }
    }

    /** How to measure it. */
    record Settings(
            long sizeBytes,
            int starts,
            int rounds,
            int streams,
            TlsEngine engine,
            @Nullable Path volumeDirectory,
            List<String> jvmOptions,
            Scenario scenario) {}

    private static final Path SHARED_MEMORY = Path.of("/dev/shm");

    private final Settings settings;
    private final Path cache;
    private final PrintWriter out;

    Bench(Settings settings, Path cache, PrintWriter out) {
        this.settings = settings;
        this.cache = cache;
        this.out = out;
    }

    Figures run() throws RunException, InterruptedException {
        Machine machine = Machine.here();
        say("machine: " + machine);
        if (machine.loadAverage() > machine.processors() / 2.0) {
            say("machine: others work on it too, so trust ratios more than figures");
        }
        try (Cleanup cleanup = new Cleanup();
                TlsClient client = new TlsClient()) {
            DiskImage image = DiskImage.cached(cache, settings.sizeBytes(), out);
            say("image: " + image.description() + ", " + image.path() + " (kept; --clean removes it)");
            Path work = cleanup.directory(Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
            PreparedFrames frames = prepare(image, work);
            Path volumes = cleanup.directory(volumeDirectory(frames));
            say("volumes: " + volumes + ", " + fileSystem(volumes));
            Conditions conditions = new Conditions(machine, settings, image.description(), fileSystem(volumes), frames);
            Syncs syncs = new Syncs(settings, image.path(), frames, client, work, volumes, out);
            return switch (settings.scenario()) {
                case INITIAL_SYNC -> new FloorRounds(conditions, syncs, cleanup, out).run();
                case OUTAGE -> new OutageRounds(conditions, syncs, cleanup).run();
                case RESCAN -> new RescanRounds(conditions, syncs, image.path(), cleanup).run();
            };
        }
    }

    private PreparedFrames prepare(DiskImage image, Path work) throws RunException {
        try {
            PreparedFrames frames = PreparedFrames.of(image.path(), work);
            say(String.format(
                    Locale.ROOT,
                    "frames: DATA %s as %s, LZ4 %.2f : 1; ZERO %s",
                    Mebibytes.text(frames.dataBytes()),
                    Mebibytes.text(frames.payloadBytes()),
                    frames.lz4Ratio(),
                    Mebibytes.text(frames.zeroBytes())));
            if (frames.dataFrames() == 0) {
                throw new RunException("the image has no data; --clean, then try again");
            }
            return frames;
        } catch (IOException e) {
            throw new RunException("cannot compress the image: " + e.getMessage(), e);
        }
    }

    /** Memory if there is room for two replicas and what the run needs beside them, so that no disk is measured. */
    private Path volumeDirectory(PreparedFrames frames) throws RunException {
        Path given = settings.volumeDirectory();
        if (given != null) {
            return given;
        }
        long needed = 2 * frames.diskBytes() + ByteSize.GIB / 16;
        boolean fits = Files.isWritable(SHARED_MEMORY)
                && usableBytes(SHARED_MEMORY) > needed
                && Machine.availableMemoryBytes() > needed + frames.payloadBytes() + ByteSize.GIB;
        return fits ? SHARED_MEMORY : Path.of(System.getProperty("java.io.tmpdir", "/tmp"));
    }

    private static long usableBytes(Path directory) throws RunException {
        try {
            return Files.getFileStore(directory).getUsableSpace();
        } catch (IOException e) {
            throw new RunException("space in " + directory + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static String fileSystem(Path directory) throws RunException {
        try {
            return Files.getFileStore(directory).type();
        } catch (IOException e) {
            throw new RunException("file system of " + directory + " cannot be read: " + e.getMessage(), e);
        }
    }

    private void say(String line) {
        out.println(line);
        out.flush();
    }
}
