package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.AssignmentsFile;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.session.DesiredState;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control plane of a server that has none: source servers are those of the assignments file, there are no commands, and what is
 * told goes nowhere. Any thread.
 *
 * <p>The file is read again when its time or its size has changed since; whoever asks often enough follows it.
 */
public final class LocalControlPlane implements ControlPlane {
    /** How often it is worth to ask whether the file has changed. */
    public static final Duration INTERVAL = Duration.ofSeconds(2);

    private static final Logger LOG = LoggerFactory.getLogger(LocalControlPlane.class);

    private final String replicationServerId;
    private final Path assignmentsFile;
    private final VolumePaths paths;
    private volatile @Nullable Read newest;

    /**
     * What a file looked like, and what was in it.
     *
     * @param mistakes null if there are none
     */
    private record Read(
            Stamp stamp,
            Associations associations,
            @Nullable String mistakes) {}

    private record Stamp(
            @Nullable FileTime changed,
            long sizeBytes,
            @Nullable Object key) {}

    /** @param assignmentsFile need not exist; then nothing is assigned */
    public LocalControlPlane(String replicationServerId, Path assignmentsFile, VolumePaths paths) {
        this.replicationServerId = replicationServerId;
        this.assignmentsFile = assignmentsFile;
        this.paths = paths;
    }

    @Override
    public String knownReplicationServerId() {
        return replicationServerId;
    }

    @Override
    public String replicationServerId() {
        return replicationServerId;
    }

    @Override
    public AssociationsAnswer describeAssociations(ReplicationServerInfo server, Duration timeout)
            throws ControlPlaneException {
        Read read;
        try {
            // Looked at before it is read: a change in between is then seen the next time.
            Stamp stamp = stamp();
            Read known = newest;
            read = known != null && known.stamp().equals(stamp) ? known : read(stamp);
            newest = read;
        } catch (IOException e) {
            throw new ControlPlaneException(
                    Kind.BAD_ANSWER,
                    "assignments cannot be read, the former ones hold: " + e.getMessage(),
                    "Make " + assignmentsFile + " readable for this server.",
                    e);
        }
        if (read.mistakes() != null) {
            throw new ControlPlaneException(
                    Kind.BAD_ANSWER,
                    "assignments are wrong, the former ones hold: " + read.mistakes(),
                    "Correct " + assignmentsFile + ".");
        }
        return AssociationsAnswer.of(read.associations());
    }

    private Stamp stamp() throws IOException {
        try {
            BasicFileAttributes file = Files.readAttributes(assignmentsFile, BasicFileAttributes.class);
            return new Stamp(file.lastModifiedTime(), file.size(), file.fileKey());
        } catch (NoSuchFileException e) {
            return new Stamp(null, 0, null);
        }
    }

    private Read read(Stamp stamp) {
        try {
            List<Association> associations = AssignmentsFile.read(assignmentsFile, paths).stream()
                    .map(LocalControlPlane::associationOf)
                    .toList();
            return new Read(stamp, new Associations(associations, null), null);
        } catch (ConfigException e) {
            e.lines()
                    .forEach(line -> LOG.atError()
                            .addKeyValue("cause", line)
                            .log("assignments are wrong, the former ones hold"));
            return new Read(stamp, Associations.NONE, String.join("; ", e.lines()));
        }
    }

    private static Association associationOf(AssignedSource source) {
        List<Pin> pins = source.agentPins().stream().map(Pin::parse).toList();
        List<AssignedDisk> disks = source.assignment().volumes().stream()
                .map(volume -> new AssignedDisk(
                        volume.deviceName(),
                        volume.sizeBytes(),
                        volume.volumeId(),
                        volume.path() == null ? null : volume.path().toString(),
                        volume.fresh()))
                .toList();
        return new Association(
                source.assignment().sourceServerId(), pins, DesiredState.STARTED, source.bandwidth(), disks, null);
    }

    /** There never is one; waits as it was asked to. */
    @Override
    public List<PolledCommand> getCommands(int waitSeconds, int commandsMax) throws InterruptedException {
        Thread.sleep(Duration.ofSeconds(waitSeconds));
        return List.of();
    }

    @Override
    public void send(SentReport report) {
        LOG.atDebug().addKeyValue("report", report.report()).log("nobody is told");
    }

    @Override
    public void sendProgress(String sourceServerId, Instant observed, JsonObject dataReplicationInfo) {
        LOG.atDebug().addKeyValue("source", sourceServerId).log("nobody is told of progress");
    }

    @Override
    public void sendMetrics(ClientMetrics metrics) {
        LOG.atDebug().addKeyValue("metrics", metrics.metrics().size()).log("nobody is told of metrics");
    }

    @Override
    public void sendLogs(ClientLogs logs) {
        // To log that a log record was not sent would make another one.
    }

    @Override
    public boolean awaitAttempt(Duration atMost) {
        return true; // nothing that could be away
    }

    @Override
    public ControlPlaneStatus status() {
        return ControlPlaneStatus.NOTHING_YET;
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
