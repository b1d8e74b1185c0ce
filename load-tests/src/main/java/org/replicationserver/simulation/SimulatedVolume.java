package org.replicationserver.simulation;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.BlockComparison;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeId;
import org.replicationserver.volume.VolumeListener;
import org.replicationserver.volume.VolumeWriter;
import org.replicationserver.volume.VolumeWriterOptions;

/** The shipped volume writer on a thread that the simulation steps. */
final class SimulatedVolume implements Volume {
    private static final long WAKE_NANOS_MAX = 100_000;

    private final VolumeWriter writer;
    private final SteppedThread thread;
    private final SimulatedProcess process;
    private final Dice dice;
    private @Nullable CompletableFuture<Void> stopped;
    private boolean woken;

    /** What the writer's device needs is made with the means to let its thread wait. */
    SimulatedVolume(
            SimulatedDisk disk,
            long sizeBytes,
            VolumeWriterOptions options,
            VolumeListener listener,
            SimulatedServer server,
            SimulatedProcess process,
            Dice dice) {
        this.process = process;
        this.dice = dice;
        this.thread = new SteppedThread("volume-writer-" + disk.volumeId, this::run);
        SimulatedDevice device = new SimulatedDevice(disk, server.surroundings(disk.volumeId, this::pass), dice);
        this.writer = VolumeWriter.withoutThread(
                new VolumeId(disk.volumeId), device, sizeBytes, options, listener, server::nanos);
    }

    // --- the writer's thread

    private void run() {
        while (!isStopped()) {
            if (!writer.runBatch()) {
                woken = false;
                thread.pause();
            }
        }
    }

    private boolean isStopped() {
        return stopped != null && stopped.isDone();
    }

    private void pass(long nanos) {
        process.later(nanos, thread::resume);
        thread.pause();
        process.requireAlive();
    }

    // --- the simulation

    private void wake() {
        if (!woken && !thread.hasEnded()) {
            woken = true;
            process.later(dice.below(WAKE_NANOS_MAX), thread::resume);
        }
    }

    CompletionStage<Void> stop() {
        CompletableFuture<Void> ending = stopped;
        if (ending == null) {
            ending = writer.stop().toCompletableFuture();
            stopped = ending;
            wake();
        }
        return ending;
    }

    /** The process is gone: its memory is given back, and nothing else comes of it. */
    void bury() {
        stop();
        while (!thread.hasEnded()) {
            thread.resume();
        }
    }

    // --- the server

    @Override
    public VolumeId id() {
        return writer.id();
    }

    @Override
    public long sizeBytes() {
        return writer.sizeBytes();
    }

    @Override
    public void submit(BlockWrite write) {
        writer.submit(write);
        wake();
    }

    @Override
    public void forceSoon() {
        writer.forceSoon();
        wake();
    }

    @Override
    public void compare(BlockComparison comparison) {
        writer.compare(comparison);
        wake();
    }

    @Override
    public void fence(Object owner, Runnable whenSettled) {
        writer.fence(owner, whenSettled);
        wake();
    }

    @Override
    public @Nullable VolumeFailure failure() {
        return writer.failure();
    }

    @Override
    public boolean isFresh() {
        return writer.isFresh();
    }

    @Override
    public void withdrawFresh() {
        writer.withdrawFresh();
    }

    @Override
    public long submittedWrites() {
        return writer.submittedWrites();
    }

    @Override
    public long queuedWrites() {
        return writer.queuedWrites();
    }

    @Override
    public long queuedBytes() {
        return writer.queuedBytes();
    }

    @Override
    public long runningNanos() {
        return writer.runningNanos();
    }

    @Override
    public long deviceBusyNanos() {
        return writer.deviceBusyNanos();
    }

    @Override
    public long expandBusyNanos() {
        return writer.expandBusyNanos();
    }

    @Override
    public long writtenBytes() {
        return writer.writtenBytes();
    }
}
