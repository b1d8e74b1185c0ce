package org.replicationserver.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.ProcessUsage;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ByteSize;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** Servers with blank volumes, and syncs of one image to them by one agent. The thread of the run. */
final class Syncs {
    /** What a sync cost the server, and what the sender. */
    record Sync(Sample sample, ProcessUsage usage, double senderCpuSeconds) {}

    /** So slow is stuck. */
    private static final long BYTES_PER_SECOND_MIN = 8 * ByteSize.MIB;

    private static final Duration TIMEOUT_BASE = Duration.ofSeconds(60);

    private final Bench.Settings settings;
    private final Path image;
    private final PreparedFrames frames;
    private final TlsClient client;
    private final Path work;
    private final Path volumes;
    private final PrintWriter out;
    private final Identity agent;

    /**
     * @param image that the frames are of
     * @param work where servers keep their state
     * @param volumes where volumes are made
     */
    Syncs(
            Bench.Settings settings,
            Path image,
            PreparedFrames frames,
            TlsClient client,
            Path work,
            Path volumes,
            PrintWriter out)
            throws RunException {
        this.settings = settings;
        this.image = image;
        this.frames = frames;
        this.client = client;
        this.work = work;
        this.volumes = volumes;
        this.out = out;
        this.agent = identity("agent", CertificateProfile.ofAgent(LocalServer.SOURCE_SERVER));
    }

    PreparedFrames frames() {
        return frames;
    }

    TlsClient client() {
        return client;
    }

    Path work() {
        return work;
    }

    Path volumes() {
        return volumes;
    }

    Identity agent() {
        return agent;
    }

    Path identities() {
        return work.resolve("identities");
    }

    Identity identity(String name, CertificateProfile profile) throws RunException {
        try {
            return new IdentityStore(identities()).loadOrCreate(name, new SelfSignedIssuer(profile, Clock.systemUTC()));
        } catch (CertificateStoreException e) {
            throw new RunException("cannot make a certificate: " + e.getMessage(), e);
        }
    }

    /** After it something is stuck. */
    Duration timeout() {
        return TIMEOUT_BASE.plusSeconds(settings.sizeBytes() / BYTES_PER_SECOND_MIN);
    }

    /** Of a server of its own, whose volume is made. */
    LocalServer.Settings server(String name, LocalServer.@Nullable ControlPlane controlPlane) throws RunException {
        Path volume = volumes.resolve(name + ".img");
        BlankFile.make(volume, frames.diskBytes());
        return new LocalServer.Settings(
                work.resolve(name),
                volume,
                frames.diskBytes(),
                0,
                agent.pin(),
                settings.engine(),
                settings.jvmOptions(),
                controlPlane);
    }

    /** Syncs the whole image in a new session. */
    Sync run(LocalServer server, String what) throws RunException, InterruptedException {
        ReplaySession.Target target = target(server);
        double senderBefore = ownCpuSeconds();
        ProcessUsage before = server.usage();
        double wallSeconds;
        try {
            wallSeconds = ReplaySession.run(client, target, frames, settings.streams(), timeout());
        } catch (RunException e) {
            throw server.failure("took no whole sync: " + e.getMessage());
        }
        ProcessUsage used = server.usage().since(before);
        Sample sample = new Sample(used.cpuSeconds(), wallSeconds);
        say(what, sample);
        return new Sync(sample, used, ownCpuSeconds() - senderBefore);
    }

    ReplaySession.Target target(LocalServer server) throws RunException {
        return new ReplaySession.Target(
                server.port(),
                LocalServer.SOURCE_SERVER,
                LocalServer.DEVICE,
                TlsClient.context(server.pin(), agent, ProtocolLimits.ALPN));
    }

    private static double ownCpuSeconds() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean own
                ? own.getProcessCpuTime() / 1e9
                : 0;
    }

    void say(String what, Sample sample) {
        out.println(String.format(
                Locale.ROOT,
                "%-20s %6.2f CPU s/GiB %7.0f MiB/s",
                what,
                sample.cpuSeconds() / frames.dataGib(),
                frames.dataBytes() / sample.wallSeconds() / ByteSize.MIB));
        out.flush();
    }

    /** @throws RunException if a file is not what was sent */
    void requireIdentical(Path file, String what) throws RunException {
        try {
            long difference = Files.mismatch(image, file);
            if (difference >= 0) {
                throw new RunException("the " + what + " differs from the image at byte " + difference);
            }
        } catch (IOException e) {
            throw new RunException("the " + what + " cannot be compared: " + e.getMessage(), e);
        }
    }

    void remove(Path file) throws RunException {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new RunException("cannot remove " + file + ": " + e.getMessage(), e);
        }
    }
}
