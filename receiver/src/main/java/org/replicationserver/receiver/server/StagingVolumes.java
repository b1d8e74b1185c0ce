package org.replicationserver.receiver.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.VolumeConfig;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.SourceRecords;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.StateDirectory;
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
    private final Map<String, Availability> availability = new ConcurrentHashMap<>();
    private @Nullable VolumeRegistry registry;

    StagingVolumes(VolumeConfig config, int regionShift, Executor eventLoop, LongSupplier nanos, DeviceOpener devices) {
        this.config = config;
        this.regionBytes = 1L << regionShift;
        this.eventLoop = eventLoop;
        this.nanos = nanos;
        this.devices = devices;
    }

    /**
     * Makes the image files that are missing, as sparse files that read zero.
     *
     * <p>What is recorded of such a volume is forgotten first, and durably: the file that the record was about is gone, and a crash
     * after the file was made anew must not leave a record that calls the empty file the replica.
     *
     * @return the ids of volumes whose image was made
     */
    static Set<String> createMissingImages(List<SourceAssignment> assignments, StateDirectory state) {
        Set<String> made = new HashSet<>();
        for (SourceAssignment source : assignments) {
            for (VolumeAssignment volume : source.volumes()) {
                if (!Files.exists(volume.path()) && isImage(volume.path())) {
                    forget(source.sourceServerId(), volume, state);
                    if (create(volume)) {
                        made.add(volume.volumeId());
                    }
                }
            }
        }
        return made;
    }

    private static boolean isImage(Path path) {
        return !path.startsWith(DEVICES) || path.startsWith(SHARED_MEMORY);
    }

    private static boolean create(VolumeAssignment volume) {
        try {
            LinuxBlockDevice.createImage(volume.path(), volume.sizeBytes());
            LOG.info("image file made: volume={} path={}", volume.volumeId(), volume.path());
            return true;
        } catch (DeviceException e) {
            LOG.error("image file cannot be made: volume={} {}", volume.volumeId(), e.getMessage());
            return false;
        }
    }

    private static void forget(String sourceServerId, VolumeAssignment volume, StateDirectory state) {
        try {
            byte[] bytes = state.load(sourceServerId).orElse(null);
            if (bytes != null) {
                SourceRecord record = SourceRecord.parse(bytes);
                if (record.volumes().containsKey(volume.volumeId())) {
                    byte[] changed = record.withoutVolume(volume.volumeId()).toBytes();
                    state.store(sourceServerId, changed).toCompletableFuture().join();
                }
            }
        } catch (IOException | ProtocolException | IllegalArgumentException e) {
            LOG.warn("record cannot be read, it counts as lost: source={} cause={}", sourceServerId, e.getMessage());
        }
    }

    /** Opens every volume that has not failed. One that cannot be opened is told in the log and to its agent; the others go on. */
    void openAll(List<SourceAssignment> assignments, Set<String> made, SourceRecords records, VolumeListener listener) {
        VolumeRegistry opened = new VolumeRegistry(devices, listener, nanos, config.forceBytesMax());
        registry = opened;
        for (SourceAssignment source : assignments) {
            SourceRecord record = records.load(source.sourceServerId()) instanceof SourceRecords.Loaded.Found found
                    ? found.record()
                    : SourceRecord.initial();
            for (VolumeAssignment volume : source.volumes()) {
                availability.put(
                        volume.volumeId(), openFirst(opened, volume, made.contains(volume.volumeId()), record));
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

    private Availability openFirst(VolumeRegistry opened, VolumeAssignment volume, boolean made, SourceRecord record) {
        VolumeRecord known = record.volumes().get(volume.volumeId());
        if (known != null && known.failedCause() != null) {
            return failedBefore(volume, known.failedCause());
        }
        // After a restart nobody knows what has been written, so only a volume without a record is fresh.
        boolean fresh = (volume.fresh() || made) && known == null;
        try {
            VolumeWriter writer = opened.open(spec(volume, fresh));
            return new Availability.Open(new OpenVolume(writer, fresh));
        } catch (DeviceException e) {
            return unavailable(volume, e);
        }
    }

    private VolumeSpec spec(VolumeAssignment volume, boolean fresh) {
        boolean blockDevice = !Files.isRegularFile(volume.path());
        return new VolumeSpec(
                new VolumeId(volume.volumeId()),
                volume.path(),
                volume.sizeBytes(),
                fresh,
                blockDevice ? config.blockDeviceCache() : config.imageCache(),
                regionBytes);
    }

    private static Availability unavailable(VolumeAssignment volume, Throwable e) {
        LOG.error("volume cannot be opened: volume={} {}", volume.volumeId(), e.getMessage());
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
        return opened.reopen(spec(volume, false))
                .handle((writer, failure) -> failure == null
                        ? new Availability.Open(new OpenVolume(writer, false))
                        : unavailable(volume, failure.getCause() == null ? failure : failure.getCause()))
                .thenApplyAsync(
                        result -> {
                            availability.put(volume.volumeId(), result);
                            return result;
                        },
                        eventLoop);
    }

    /** The open volumes' writers, as they are now. Any thread. */
    Collection<VolumeWriter> writers() {
        VolumeRegistry opened = registry;
        return opened == null ? List.of() : opened.all();
    }

    /** Ends all writers after a last force. */
    CompletionStage<Void> closeAll() {
        VolumeRegistry opened = registry;
        return opened == null ? CompletableFuture.completedStage(null) : opened.closeAll();
    }
}
