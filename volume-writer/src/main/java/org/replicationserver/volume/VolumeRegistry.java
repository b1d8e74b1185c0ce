package org.replicationserver.volume;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The open volumes by id. Any thread, but opening asks the device and so may block: not for an event loop.
 *
 * <p>It does not remember failures. Whoever holds the records decides whether a volume that once failed is opened.
 */
public final class VolumeRegistry {
    /** Opens the device of a volume; a simulation puts its own devices here. */
    public interface DeviceOpener {
        BlockDevice open(VolumeSpec spec) throws DeviceException;
    }

    /** Finds out what is to be opened. */
    public interface SpecSource {
        VolumeSpec get() throws DeviceException;
    }

    private final Map<VolumeId, VolumeWriter> writers = new ConcurrentHashMap<>();
    private final DeviceOpener opener;
    private final VolumeListener listener;
    private final LongSupplier clockNanos;
    private final long forceBytesMax;

    public VolumeRegistry(DeviceOpener opener, VolumeListener listener, LongSupplier clockNanos, long forceBytesMax) {
        this.opener = opener;
        this.listener = listener;
        this.clockNanos = clockNanos;
        this.forceBytesMax = forceBytesMax;
    }

    /** On real devices and image files. */
    public static VolumeRegistry ofLinuxDevices(VolumeListener listener, LongSupplier clockNanos, long forceBytesMax) {
        return new VolumeRegistry(
                spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()), listener, clockNanos, forceBytesMax);
    }

    /**
     * Opens the device and starts its writer.
     *
     * @throws IllegalStateException when the id is open already
     */
    public VolumeWriter open(VolumeSpec spec) throws DeviceException {
        requireNotOpen(spec.id(), writers.get(spec.id()));
        VolumeWriter writer = start(spec, opener.open(spec));
        VolumeWriter other = writers.putIfAbsent(spec.id(), writer);
        if (other != null) {
            writer.stop();
        }
        requireNotOpen(spec.id(), other);
        return writer;
    }

    private VolumeWriter start(VolumeSpec spec, BlockDevice device) {
        try {
            boolean fresh = spec.fresh() || device.isKnownZero();
            VolumeWriterOptions options = new VolumeWriterOptions(fresh, spec.regionBytes(), forceBytesMax);
            return VolumeWriter.start(spec.id(), device, spec.sizeBytes(), options, listener, clockNanos);
        } catch (RuntimeException | Error e) { // no memory, or no thread: the device must not stay held
            try {
                device.close();
            } catch (DeviceException closing) {
                e.addSuppressed(closing);
            }
            throw e;
        }
    }

    private static void requireNotOpen(VolumeId id, @Nullable VolumeWriter writer) {
        if (writer != null) {
            throw new IllegalStateException("volume is open already: volume=" + id);
        }
    }

    public Optional<VolumeWriter> get(VolumeId id) {
        return Optional.ofNullable(writers.get(id));
    }

    /** As they are now, in no order. */
    public Collection<VolumeWriter> all() {
        return Collections.unmodifiableCollection(writers.values());
    }

    /** Stops a volume's writer; it counts as open until its device is closed. An id that is not open is done at once. */
    public CompletionStage<Void> close(VolumeId id) {
        VolumeWriter writer = writers.get(id);
        if (writer == null) {
            return CompletableFuture.completedStage(null);
        }
        return writer.stop().whenComplete((done, failure) -> writers.remove(id, writer));
    }

    /**
     * Stops the old writer, if there is one, and then opens the device anew; not before, because a device is held
     * alone. Opening may take as long as the device likes, so it has a thread of its own. How the old one ended does not
     * matter any more: a volume is reopened because it failed, or because it is to be another size.
     *
     * @param spec is asked on that thread, because to find out about a path may take long too
     */
    public CompletionStage<VolumeWriter> reopen(VolumeId id, SpecSource spec) {
        return close(id)
                .exceptionally(failure -> null)
                .thenApplyAsync(
                        done -> {
                            try {
                                return open(spec.get());
                            } catch (DeviceException e) {
                                throw new CompletionException(e);
                            }
                        },
                        opener(id)::start);
    }

    /** Makes the threads that ask about a volume's device before it is open. */
    public static Thread.Builder opener(VolumeId id) {
        return Thread.ofPlatform().name("volume-opener-" + id).daemon();
    }

    /**
     * Stops all volumes side by side and waits for each, also when others fail.
     *
     * @return fails with the first failure, the others suppressed in it
     */
    public CompletionStage<Void> closeAll() {
        List<CompletableFuture<Void>> closing = new ArrayList<>();
        for (VolumeId id : writers.keySet()) {
            closing.add(close(id).toCompletableFuture());
        }
        return CompletableFuture.allOf(closing.toArray(CompletableFuture[]::new))
                .handle((done, failure) -> collectFailures(closing))
                .thenCompose(failures -> failures.isEmpty()
                        ? CompletableFuture.completedStage(null)
                        : CompletableFuture.failedStage(joined(failures)));
    }

    private static List<Throwable> collectFailures(List<CompletableFuture<Void>> closed) {
        List<Throwable> failures = new ArrayList<>();
        for (CompletableFuture<Void> one : closed) {
            if (one.isCompletedExceptionally()) {
                Throwable failure = one.exceptionNow();
                failures.add(failure);
            }
        }
        return failures;
    }

    private static Throwable joined(List<Throwable> failures) {
        Throwable first = failures.getFirst();
        failures.stream().skip(1).filter(other -> !other.equals(first)).forEach(first::addSuppressed);
        return first;
    }
}
