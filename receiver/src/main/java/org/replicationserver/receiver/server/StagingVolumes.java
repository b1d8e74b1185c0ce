package org.replicationserver.receiver.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.VolumeConfig;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.receiver.status.ServerEvents;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeId;
import org.replicationserver.volume.VolumeListener;
import org.replicationserver.volume.VolumeRegistry;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.replicationserver.volume.VolumeSpec;
import org.replicationserver.volume.VolumeWriter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The volumes of all assignments: makes image files that are missing, opens what can be opened, and knows why the rest is not
 * available. {@link #find} and {@link #reopen} are the event loop's, {@link #openAll} is called once before it runs.
 */
final class StagingVolumes implements VolumeHost {
    private static final Logger LOG = LoggerFactory.getLogger(StagingVolumes.class);

    /** Where device files are, which appear by themselves; but for one folder of ordinary files. */
    private static final Path DEVICES = Path.of("/dev");

    private static final Path SHARED_MEMORY = Path.of("/dev/shm");

    private final VolumeConfig config;
    private final long regionBytes;
    private final Executor eventLoop;
    private final LongSupplier nanos;
    private final DeviceOpener devices;
    private final ServerEvents events;
    private final Map<String, Availability> availability = new ConcurrentHashMap<>();
    private @Nullable VolumeRegistry registry;

    StagingVolumes(
            VolumeConfig config,
            int regionShift,
            Executor eventLoop,
            LongSupplier nanos,
            DeviceOpener devices,
            ServerEvents events) {
        this.config = config;
        this.regionBytes = 1L << regionShift;
        this.eventLoop = eventLoop;
        this.nanos = nanos;
        this.devices = devices;
        this.events = events;
    }

    /**
     * Makes the image files that are missing, as sparse files that read zero.
     *
     * <p>What is recorded of such a volume is forgotten first, and durably: the file that the record was about is gone, and a crash
     * after the file was made anew must not leave a record that calls the empty file the replica.
     */
    static void createMissingImages(List<SourceAssignment> assignments, StateRecords records) {
        for (SourceAssignment source : assignments) {
            for (VolumeAssignment volume : source.volumes()) {
                if (Files.notExists(volume.path()) && isImage(volume.path())) {
                    records.forgetVolume(source.sourceServerId(), volume.volumeId());
                    create(volume);
                }
            }
        }
    }

    private static boolean isImage(Path path) {
        return !path.startsWith(DEVICES) || path.startsWith(SHARED_MEMORY);
    }

    private static void create(VolumeAssignment volume) {
        try {
            LinuxBlockDevice.createImage(volume.path(), volume.sizeBytes());
            LOG.info("image file made: volume={} path={}", volume.volumeId(), volume.path());
        } catch (DeviceException e) {
            LOG.error("image file cannot be made: volume={} {}", volume.volumeId(), e.getMessage());
        }
    }

    /** Opens every volume that has not failed. One that cannot be opened is told in the log and to its agent; the others go on. */
    void openAll(List<SourceAssignment> assignments, StateRecords records, VolumeListener listener) {
        VolumeRegistry opened = new VolumeRegistry(devices, listener, nanos, config.forceBytesMax());
        registry = opened;
        for (SourceAssignment source : assignments) {
            SourceRecord record = records.load(source.sourceServerId());
            for (VolumeAssignment volume : source.volumes()) {
                availability.put(volume.volumeId(), openFirst(opened, volume, record));
            }
        }
    }

    private static Availability failedBefore(VolumeAssignment volume, String cause) {
        LOG.error(
                "volume has failed before, `volume reopen` takes it up again: volume={} cause={}",
                volume.volumeId(),
                cause);
        return new Availability.Unavailable(cause);
    }

    private Availability openFirst(VolumeRegistry opened, VolumeAssignment volume, SourceRecord record) {
        VolumeRecord known = record.volumes().get(volume.volumeId());
        if (known != null && known.failedCause() != null) {
            return failedBefore(volume, known.failedCause());
        }
        // What was once written to a block device only the record knows, and it may be gone; so the writer looks at
        // samples
        // before it believes. An image file's file system knows by itself.
        boolean fresh = volume.fresh() && known == null && !record.stateLost() && isBlockDevice(volume);
        try {
            return new Availability.Open(opened.open(spec(volume, fresh)));
        } catch (DeviceException e) {
            return unavailable(volume, e);
        }
    }

    private static boolean isBlockDevice(VolumeAssignment volume) {
        return !Files.isRegularFile(volume.path());
    }

    private VolumeSpec spec(VolumeAssignment volume, boolean fresh) {
        return new VolumeSpec(
                new VolumeId(volume.volumeId()),
                volume.path(),
                volume.sizeBytes(),
                fresh,
                isBlockDevice(volume) ? config.blockDeviceCache() : config.imageCache(),
                regionBytes);
    }

    private Availability unavailable(VolumeAssignment volume, Throwable e) {
        events.volumeUnavailable(volume.volumeId(), String.valueOf(e.getMessage()));
        return new Availability.Unavailable(e instanceof DeviceException device ? device.summary() : "internal error");
    }

    @Override
    public Availability find(String volumeId) {
        return availability.getOrDefault(volumeId, new Availability.Unavailable("not assigned"));
    }

    @Override
    public CompletionStage<Availability> reopen(VolumeAssignment volume) {
        VolumeRegistry opened = registry;
        if (opened == null) {
            throw new IllegalStateException("no volume was opened yet");
        }
        // Until it is open again: the writer that failed must not be given to a session.
        availability.put(volume.volumeId(), new Availability.Unavailable("it is being reopened"));
        return opened.reopen(new VolumeId(volume.volumeId()), () -> spec(volume, false))
                .handleAsync(
                        (writer, failure) -> {
                            Availability result = failure == null
                                    ? new Availability.Open(writer)
                                    : unavailable(volume, failure.getCause() == null ? failure : failure.getCause());
                            availability.put(volume.volumeId(), result);
                            return result;
                        },
                        eventLoop);
    }

    /** The writer of a volume as it is now, or null if it is not open. Any thread. */
    @Nullable
    VolumeWriter writer(String volumeId) {
        VolumeRegistry opened = registry;
        return opened == null ? null : opened.get(new VolumeId(volumeId)).orElse(null);
    }

    /** Ends all writers after a last force. */
    CompletionStage<Void> closeAll() {
        VolumeRegistry opened = registry;
        return opened == null ? CompletableFuture.completedStage(null) : opened.closeAll();
    }
}
