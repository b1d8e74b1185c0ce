package org.replicationserver.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.DiskImage;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.ProcessUsage;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * One run, in its order:
 *
 * <ol>
 *   <li>The image is made or found, and all its frames are compressed.
 *   <li>The floor runs once and is not counted, so that the sender is warm.
 *   <li>For each start: a new server writes the image to a volume that it has not seen (cold), then the floor writes its file.
 *   <li>The last server stays. It writes the image again in a new session (warm), then the floor writes its file again; and so on.
 *   <li>Both files are compared with the image: a figure of wrong work is none.
 * </ol>
 *
 * Every round of the server is thus divided by the floor of the same moment. Confined to one thread.
 */
final class Bench {
    /** What to measure. */
    record Settings(
            long sizeBytes,
            int starts,
            int rounds,
            int streams,
            TlsEngine engine,
            @Nullable Path volumeDirectory,
            List<String> jvmOptions) {}

    private static final Path SHARED_MEMORY = Path.of("/dev/shm");

    /** So slow is stuck. */
    private static final long BYTES_PER_SECOND_MIN = 8 * ByteSize.MIB;

    private static final Duration ROUND_TIMEOUT_BASE = Duration.ofSeconds(60);

    private final Settings settings;
    private final Path cache;
    private final PrintWriter out;
    private final Duration timeout;

    Bench(Settings settings, Path cache, PrintWriter out) {
        this.settings = settings;
        this.cache = cache;
        this.out = out;
        this.timeout = ROUND_TIMEOUT_BASE.plusSeconds(settings.sizeBytes() / BYTES_PER_SECOND_MIN);
    }

    BenchResult run() throws RunException, InterruptedException {
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
            return new Rounds(machine, image, frames, client, cleanup, work, volumes).run();
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

    /** The measuring itself, once everything is prepared. */
    private final class Rounds {
        private final PreparedFrames frames;
        private final TlsClient client;
        private final Cleanup cleanup;
        private final Path work;
        private final Path volumes;
        private final Path image;
        private final Identity agent;
        private final @Nullable FloorProgram floor;
        private final BenchResult result;

        Rounds(
                Machine machine,
                DiskImage image,
                PreparedFrames frames,
                TlsClient client,
                Cleanup cleanup,
                Path work,
                Path volumes)
                throws RunException, InterruptedException {
            this.frames = frames;
            this.client = client;
            this.cleanup = cleanup;
            this.work = work;
            this.volumes = volumes;
            this.image = image.path();
            Path identities = work.resolve("identities");
            this.agent = identity(identities, "agent", CertificateProfile.ofAgent(LocalServer.SOURCE_SERVER));
            this.floor = compileFloor(identities);
            this.result = new BenchResult(machine, settings, image.description(), fileSystem(volumes), frames);
        }

        private @Nullable FloorProgram compileFloor(Path identities) throws RunException, InterruptedException {
            Identity identity = identity(identities, "floor", CertificateProfile.ofServer("floor"));
            FloorProgram.Credentials credentials = new FloorProgram.Credentials(
                    identities.resolve("floor.cert.pem"), identities.resolve("floor.key.pem"), identity.pin());
            try {
                return FloorProgram.compile(work, credentials);
            } catch (FloorProgram.Unavailable e) {
                say("floor: left out, and the ratios with it: " + e.getMessage());
                return null;
            }
        }

        private static Identity identity(Path directory, String name, CertificateProfile profile) throws RunException {
            try {
                return new IdentityStore(directory)
                        .loadOrCreate(name, new SelfSignedIssuer(profile, Clock.systemUTC()));
            } catch (CertificateStoreException e) {
                throw new RunException("cannot make a certificate: " + e.getMessage(), e);
            }
        }

        BenchResult run() throws RunException, InterruptedException {
            Path floorFile = volumes.resolve("floor.img");
            if (floor != null) {
                BlankFile.make(floorFile, frames.diskBytes());
                floor.run(client, frames, floorFile, timeout, cleanup);
            }
            for (int start = 1; start <= settings.starts(); start++) {
                LocalServer.Settings serverSettings = serverSettings(start);
                Path image = serverSettings.image();
                try (LocalServer server = LocalServer.start(serverSettings, cleanup)) {
                    result.started(server.engine(), server.usage().cpuSeconds());
                    result.cold.add(sync(server, "cold " + start), floor(floorFile, "floor " + start));
                    for (int round = 1; start == settings.starts() && round <= settings.rounds(); round++) {
                        result.warm.add(
                                sync(server, "warm " + round),
                                floor(floorFile, "floor " + (settings.starts() + round)));
                    }
                    result.peakResidentBytes(server.peakResidentBytes());
                    requireIdentical(image, "replica");
                    if (floor != null) {
                        requireIdentical(floorFile, "floor's file");
                    }
                    remove(image);
                }
            }
            return result;
        }

        private LocalServer.Settings serverSettings(int start) throws RunException {
            Path image = volumes.resolve("server-" + start + ".img");
            BlankFile.make(image, frames.diskBytes());
            return new LocalServer.Settings(
                    work.resolve("server-" + start),
                    image,
                    frames.diskBytes(),
                    0,
                    agent.pin(),
                    settings.engine(),
                    settings.jvmOptions(),
                    null);
        }

        private Sample sync(LocalServer server, String what) throws RunException, InterruptedException {
            ReplaySession.Target target = new ReplaySession.Target(
                    server.port(),
                    LocalServer.SOURCE_SERVER,
                    LocalServer.DEVICE,
                    TlsClient.context(server.pin(), agent, ProtocolLimits.ALPN));
            double senderBefore = ownCpuSeconds();
            ProcessUsage before = server.usage();
            double wallSeconds;
            try {
                wallSeconds = ReplaySession.run(client, target, frames, settings.streams(), timeout);
            } catch (RunException e) {
                throw server.failure("took no whole sync: " + e.getMessage());
            }
            ProcessUsage used = server.usage().since(before);
            Sample sample = new Sample(used.cpuSeconds(), wallSeconds);
            result.sender.add(ownCpuSeconds() - senderBefore);
            result.round(what, used);
            sayRound(what, sample);
            return sample;
        }

        private @Nullable Sample floor(Path file, String what) throws RunException, InterruptedException {
            if (floor == null) {
                return null;
            }
            Sample sample = floor.run(client, frames, file, timeout, cleanup);
            sayRound(what, sample);
            return sample;
        }

        private void sayRound(String what, Sample sample) {
            say(String.format(
                    Locale.ROOT,
                    "%-20s %6.2f CPU s/GiB %7.0f MiB/s",
                    what,
                    sample.cpuSeconds() / frames.dataGib(),
                    frames.dataBytes() / sample.wallSeconds() / ByteSize.MIB));
        }

        private void requireIdentical(Path file, String what) throws RunException {
            try {
                long difference = Files.mismatch(image, file);
                if (difference >= 0) {
                    throw new RunException("the " + what + " differs from the image at byte " + difference);
                }
            } catch (IOException e) {
                throw new RunException("the " + what + " cannot be compared: " + e.getMessage(), e);
            }
        }

        private void remove(Path file) throws RunException {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                throw new RunException("cannot remove " + file + ": " + e.getMessage(), e);
            }
        }
    }

    private static double ownCpuSeconds() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean own
                ? own.getProcessCpuTime() / 1e9
                : 0;
    }
}
