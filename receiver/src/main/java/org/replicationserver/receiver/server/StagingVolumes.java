package org.replicationserver.receiver.server;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.VolumeConfig;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.receiver.staging.AbsentVolumeException;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.receiver.staging.VolumeLocator.Location;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.Errno;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeId;
import org.replicationserver.volume.VolumeListener;
import org.replicationserver.volume.VolumeRegistry;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.replicationserver.volume.VolumeSpec;
import org.replicationserver.volume.VolumeWriter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * The volumes of all assignments: finds devices, makes image files that are missing, opens what can be opened, and knows why the rest is not
 * available. Event loop only, but for {@link #writer}; whatever asks a device or a file system runs on a thread of its own.
 */
final class StagingVolumes implements VolumeHost {
    private static final Logger LOG = LoggerFactory.getLogger(StagingVolumes.class);

    private final VolumeConfig config;
    private final VolumePaths paths;
    private final long regionBytes;
    private final VolumeLocator locator;
    private final Executor eventLoop;
    private final Map<String, Availability> availability = new HashMap<>();
    private final VolumeRegistry registry;

    /** @param rounds is told by the volumes' writers */
    StagingVolumes(
            VolumeConfig config,
            VolumePaths paths,
            int regionShift,
            VolumeLocator locator,
            Executor eventLoop,
            LongSupplier nanos,
            DeviceOpener devices,
            VolumeListener rounds) {
        this.config = config;
        this.paths = paths;
        this.regionBytes = 1L << regionShift;
        this.locator = locator;
        this.eventLoop = eventLoop;
        this.registry = new VolumeRegistry(devices, rounds, nanos, config.forceBytesMax());
    }

    @Override
    public CompletionStage<Boolean> isMissingImage(VolumeAssignment volume) {
        return CompletableFuture.completedStage(volume)
                .thenApplyAsync(StagingVolumes::isMissing, opener(volume)::start)
                .handleAsync(
                        (missing, fault) -> {
                            if (fault == null) {
                                return missing;
                            }
                            LOG.atError()
                                    .setCause(fault)
                                    .addKeyValue("volume", volume.volumeId())
                                    .log("a fault of this program kept from looking for an image file");
                            return false;
                        },
                        eventLoop);
    }

    private static Thread.Builder opener(VolumeAssignment volume) {
        return VolumeRegistry.opener(new VolumeId(volume.volumeId()));
    }

    private static boolean isMissing(VolumeAssignment volume) {
        Path path = volume.path();
        return path != null && volume.isImageFile() && Files.notExists(path);
    }

    /** A sparse file that reads zero. */
    private static void createImage(Path path, VolumeAssignment volume) throws DeviceException {
        LinuxBlockDevice.createImage(path, volume.sizeBytes());
        LOG.atInfo()
                .addKeyValue("volume", volume.volumeId())
                .addKeyValue("path", path)
                .log("image file made");
    }

    /**
     * What may have been written to an image file that is not there, nobody knows but an operator.
     *
     * @param make whether it is made then
     */
    private static void requireImage(VolumeAssignment volume, boolean make) throws DeviceException {
        Path path = volume.path();
        if (path == null || !isMissing(volume)) {
            return;
        }
        if (make) {
            createImage(path, volume);
            return;
        }
        throw new DeviceException(
                "open",
                path.toString(),
                Errno.NONE,
                "its image file is not there, though sessions have known it; mount its file system, or reopen the"
                        + " volume to make it anew");
    }

    @Override
    public CompletionStage<Availability> open(
            VolumeAssignment volume, boolean untouched, boolean make, long heldBytes) {
        boolean openedFirst = !availability.containsKey(volume.volumeId());
        if (openedFirst && paths.isJudgedImage(volume)) {
            LOG.atWarn()
                    .addKeyValue("volume", volume.volumeId())
                    .addKeyValue("path", volume.path())
                    .log(VolumePaths.JUDGED_IMAGE);
        }
        // What was once written to a block device only the record knows, and it may be gone; so the writer looks at
        // samples before it believes. An image file's file system knows by itself.
        return openAnew(volume, "it is being opened", volume.fresh() && untouched, make, heldBytes);
    }

    private CompletionStage<Availability> openAnew(
            VolumeAssignment volume, String meanwhile, boolean believedFresh, boolean make, long heldBytes) {
        // Until it is open: a writer that failed, or one of another size, must not be given to a session.
        // A reason why it was not open stays until it is known better.
        availability.merge(
                volume.volumeId(),
                new Availability.Unavailable(meanwhile),
                (before, now) -> before instanceof Availability.Unavailable ? before : now);
        return registry.reopen(new VolumeId(volume.volumeId()), () -> {
                    requireImage(volume, make);
                    return spec(volume, locator.locate(volume.volumeId(), volume.path()), believedFresh, heldBytes);
                })
                .handleAsync(
                        (writer, failure) -> {
                            Availability result = failure == null
                                    ? new Availability.Open(writer)
                                    : unavailable(volume, causeOf(failure));
                            availability.put(volume.volumeId(), result);
                            return result;
                        },
                        eventLoop);
    }

    private static Throwable causeOf(Throwable failure) {
        return failure.getCause() == null ? failure : failure.getCause();
    }

    private VolumeSpec spec(VolumeAssignment volume, Location location, boolean believedFresh, long heldBytes) {
        boolean blockDevice = !Files.isRegularFile(location.path());
        return new VolumeSpec(
                new VolumeId(volume.volumeId()),
                location.path(),
                volume.sizeBytes(),
                believedFresh && blockDevice,
                blockDevice ? config.blockDeviceCache() : config.imageCache(),
                regionBytes,
                location.identity(),
                heldBytes);
    }

    private Availability unavailable(VolumeAssignment volume, Throwable e) {
        if (e instanceof DeviceException device) {
            LOG.atDebug()
                    .addKeyValue("volume", volume.volumeId())
                    .addKeyValue("cause", e.getMessage())
                    .log("volume cannot be opened");
            return new Availability.Unavailable(device.summary(), isAwaited(volume, device));
        }
        LOG.atError()
                .setCause(e)
                .addKeyValue("volume", volume.volumeId())
                .log("a fault of this program kept a volume closed");
        return new Availability.Unavailable("internal error");
    }

    /** Of a device that is found by its serial number the file comes a moment after it, and the file's permissions after that. */
    private static boolean isAwaited(VolumeAssignment volume, DeviceException e) {
        if (volume.path() != null) {
            return false;
        }
        return e instanceof AbsentVolumeException
                || switch (e.errno()) {
                    case Errno.ENOENT, Errno.ENXIO, Errno.ENODEV, Errno.EACCES, Errno.EPERM -> true;
                    default -> false;
                };
    }

    @Override
    public Availability find(String volumeId) {
        return availability.getOrDefault(volumeId, new Availability.Unavailable("not assigned"));
    }

    @Override
    public CompletionStage<Availability> reopen(VolumeAssignment volume, boolean make, long heldBytes) {
        return openAnew(volume, "it is being reopened", false, make, heldBytes);
    }

    @Override
    public CompletionStage<Void> close(String volumeId) {
        availability.put(volumeId, new Availability.Unavailable("it is being closed"));
        return registry.close(new VolumeId(volumeId))
                .handleAsync(
                        (closed, failure) -> {
                            if (failure != null) {
                                tellFailedEnd(volumeId, causeOf(failure));
                            }
                            availability.remove(volumeId);
                            return null;
                        },
                        eventLoop);
    }

    /** What was acknowledged is on stable storage all the same. */
    private static void tellFailedEnd(String volumeId, Throwable cause) {
        LoggingEventBuilder line =
                LOG.atError().addKeyValue("volume", volumeId).addKeyValue("cause", cause.getMessage());
        if (!(cause instanceof DeviceException)) {
            line = line.setCause(cause);
        }
        line.log("volume has failed while it was being closed");
    }

    /** The writer of a volume as it is now, or null if it is not open. Any thread. */
    @Nullable
    VolumeWriter writer(String volumeId) {
        return registry.get(new VolumeId(volumeId)).orElse(null);
    }

    /** Ends all writers after a last force. */
    CompletionStage<Void> closeAll() {
        return registry.closeAll();
    }
}
