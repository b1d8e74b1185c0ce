package org.replicationserver.volume;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes blocks of one attached volume and reports each once it is on stable storage.
 *
 * <p>Owns one platform thread and one {@link BlockDevice}. {@link #submit}, {@link #fence}, {@link #compare}, {@link
 * #forceSoon}, {@link #stop} and what tells of the state may be called from any thread; the listener is called on the writer thread
 * and must not block. The thread is never interrupted. Without a thread (see {@link #withoutThread}) whoever calls
 * {@link #runBatch} is the writer thread.
 *
 * <p>Invariants:
 * <ul>
 *   <li>a write is reported durable only after a successful force that began after the write had returned;
 *   <li>of two writes that overlap, the device gets the one submitted later last;
 *   <li>each write is reported exactly once, those of a round in order of submission;
 *   <li>after the first error of the device nothing is written or forced again;
 *   <li>a force is put off only while there is more to write, so nothing waits for a timer;
 *   <li>no write waits for more than one piece of a comparison;
 *   <li>what a comparison found equal is on stable storage when it is done, whoever wrote it and however.
 * </ul>
 *
 * <p>Endings, by case:
 * <ul>
 *   <li>failure: the failure is told, then all that is unforced, running and queued is dropped, the device is closed,
 *       and the thread stays to drop what still comes until it is stopped;
 *   <li>stop: what was submitted before is written and forced, the device is closed, the rest is dropped, the thread
 *       ends;
 *   <li>after the end: a submit or a fence is answered on the thread that calls.
 * </ul>
 */
public final class VolumeWriter implements Volume {
    /** While writes come without a pause, a piece is compared after so many batches, so that a comparison ends some day. */
    static final int BATCHES_PER_PIECE = 16;

    private static final long IDLE = Long.MIN_VALUE;

    // any thread
    private final VolumeId id;
    private final long sizeBytes;
    private final VolumeListener listener;
    private final LongSupplier clockNanos;
    private final long forceBytesMax;
    private final WriteQueue queue = new WriteQueue();
    private final VolumeCounters counters;
    private final CompletableFuture<Void> ended = new CompletableFuture<>();

    // written by the writer thread, read by any
    private volatile @Nullable VolumeFailure failure;
    private volatile long batchBeganNanos = IDLE;

    // written by any
    private volatile boolean stopAsked;
    private volatile boolean fresh;

    // writer thread only
    private final BlockDevice device;
    private final RunWriter runs;
    private final WriteOrder order = new WriteOrder();
    private final TouchedRegions touchedRegions;
    /** What no round has reported yet, in order of submission; the running batch is its end. */
    private final List<BlockWrite> round = new ArrayList<>();

    private final List<BlockWrite> roundView = Collections.unmodifiableList(round);
    private final List<BlockWrite> dropped = new ArrayList<>();
    private final List<BlockWrite> droppedView = Collections.unmodifiableList(dropped);
    private final List<WriteQueue.Fence> fences = new ArrayList<>();
    private final List<BlockComparison> droppedComparisons = new ArrayList<>();
    private int batchesSincePiece;
    private boolean readsTrusted;
    private long roundBytes;
    private long sequenceForced;
    private boolean freshChecked;
    private boolean closed;
    private @Nullable Throwable failedWhileStopping;
    private @Nullable Thread thread;

    private VolumeWriter(
            VolumeId id,
            BlockDevice device,
            long sizeBytes,
            VolumeWriterOptions options,
            VolumeListener listener,
            LongSupplier clockNanos) {
        if (sizeBytes <= 0
                || sizeBytes % BlockDevice.SECTOR_BYTES != 0
                || sizeBytes > device.sizeBytes()
                || sizeBytes > WriteOrder.VOLUME_BYTES_MAX) {
            throw new IllegalArgumentException("size is not that of a volume on this device: volume=" + id + " size="
                    + sizeBytes + " deviceSizeBytes=" + device.sizeBytes());
        }
        this.id = id;
        this.device = device;
        this.sizeBytes = sizeBytes;
        this.listener = listener;
        this.clockNanos = clockNanos;
        this.forceBytesMax = options.forceBytesMax();
        this.fresh = options.fresh();
        this.touchedRegions = new TouchedRegions(options.regionBytes());
        this.counters = new VolumeCounters(clockNanos);
        this.runs = new RunWriter(device, counters);
    }

    /** Takes over the device and starts the writer thread. */
    public static VolumeWriter start(
            VolumeId id,
            BlockDevice device,
            long sizeBytes,
            VolumeWriterOptions options,
            VolumeListener listener,
            LongSupplier clockNanos) {
        VolumeWriter writer = new VolumeWriter(id, device, sizeBytes, options, listener, clockNanos);
        // A daemon: nothing acknowledged is at risk when the process ends, and one stuck device must not keep it alive.
        Thread thread = Thread.ofPlatform().name("volume-writer-" + id).daemon().unstarted(writer::run);
        writer.thread = thread;
        thread.start();
        return writer;
    }

    /** For a simulation or a test, which calls {@link #runBatch} itself, always from the same thread. */
    public static VolumeWriter withoutThread(
            VolumeId id,
            BlockDevice device,
            long sizeBytes,
            VolumeWriterOptions options,
            VolumeListener listener,
            LongSupplier clockNanos) {
        return new VolumeWriter(id, device, sizeBytes, options, listener, clockNanos);
    }

    @Override
    public VolumeId id() {
        return id;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public @Nullable VolumeFailure failure() {
        return failure;
    }

    @Override
    public boolean isFresh() {
        return fresh;
    }

    @Override
    public @Nullable String physicalId() {
        return device.physicalId();
    }

    @Override
    public Mark mark() {
        return device.mark();
    }

    @Override
    public void withdrawFresh() {
        fresh = false;
    }

    @Override
    public long submittedWrites() {
        return queue.submittedWrites();
    }

    @Override
    public long queuedWrites() {
        return queue.unreportedWrites();
    }

    @Override
    public long queuedBytes() {
        return queue.unreportedBytes();
    }

    @Override
    public long runningNanos() {
        long began = batchBeganNanos;
        return began == IDLE ? 0 : Math.max(1, clockNanos.getAsLong() - began);
    }

    @Override
    public long deviceBusyNanos() {
        return counters.deviceBusyNanos();
    }

    @Override
    public long expandBusyNanos() {
        return counters.expandBusyNanos();
    }

    @Override
    public long writtenBytes() {
        return counters.bytesWritten();
    }

    public VolumeCounters counters() {
        return counters;
    }

    @Override
    public void submit(BlockWrite write) {
        requireValid(write);
        if (!queue.offer(write)) {
            write.settle(BlockWrite.Outcome.DROPPED);
            counters.droppedBlocks.increment();
            listener.roundCompleted(this, List.of(write));
        }
    }

    private void requireValid(BlockWrite write) {
        long offsetBytes = write.offsetBytes();
        long lengthBytes = write.lengthBytes();
        boolean inSectors = offsetBytes % BlockDevice.SECTOR_BYTES == 0 && lengthBytes % BlockDevice.SECTOR_BYTES == 0;
        boolean inside = offsetBytes >= 0 && lengthBytes > 0 && lengthBytes <= sizeBytes - offsetBytes;
        boolean lengthAllowed = write.kind() == BlockWrite.Kind.ZERO
                || (lengthBytes <= BlockWrite.DATA_BYTES_MAX && write.payload() != null);
        if (!inSectors || !inside || !lengthAllowed || write.owner() == null) {
            throw new IllegalArgumentException(
                    "not a write of this volume: volume=" + id + " size=" + sizeBytes + " write=" + write);
        }
        if (write.outcome() != BlockWrite.Outcome.PENDING) {
            throw new IllegalStateException("submitted again without being set: volume=" + id + " write=" + write);
        }
    }

    @Override
    public void forceSoon() {
        queue.forceSoon();
    }

    @Override
    public void fence(Object owner, Runnable whenSettled) {
        if (!queue.offerFence(new WriteQueue.Fence(owner, whenSettled))) {
            whenSettled.run();
        }
    }

    @Override
    public void compare(BlockComparison comparison) {
        if (comparison.endBytes() > sizeBytes) {
            throw new IllegalArgumentException(
                    "not inside the volume: volume=" + id + " size=" + sizeBytes + " end=" + comparison.endBytes());
        }
        if (!queue.offerComparison(comparison)) {
            comparison.done(false);
        }
    }

    /**
     * Stops after what has been submitted up to now.
     *
     * @return done when everything is reported and the device is closed; exceptionally when the volume failed after
     *     the stop was asked for, or the device could not be closed. A failure before that was told to the listener
     */
    public CompletionStage<Void> stop() {
        stopAsked = true;
        queue.stop();
        return ended.minimalCompletionStage();
    }

    private void run() {
        while (!closed) {
            queue.awaitWork();
            runBatch();
        }
    }

    /**
     * Does one turn of the writer's work: settles fences, or writes one batch, or compares a piece, or ends. The writer thread does nothing
     * else; a writer without a thread is driven by it.
     *
     * @return whether there was anything to do
     */
    public boolean runBatch() {
        assert thread == null || thread == Thread.currentThread() : Thread.currentThread();
        if (closed) {
            return false;
        }
        batchBeganNanos = clockNanos.getAsLong();
        try {
            return failure == null ? write() : drop();
        } catch (Throwable e) { // also an Error: a writer thread that died would look like a slow device for ever
            fail(e);
            return true;
        } finally {
            batchBeganNanos = IDLE;
        }
    }

    private boolean write() throws DeviceException {
        queue.takeFences(fences, dropped);
        if (!fences.isEmpty()) {
            settleFences();
            return true;
        }
        if (fresh && !freshChecked) {
            checkFresh();
        }
        int roundSizeBefore = round.size();
        queue.takeBatch(round);
        if (round.size() > roundSizeBefore) {
            writeBatch(roundSizeBefore);
            if (roundBytes >= forceBytesMax || !queue.mayPutOffForce(sequenceForced)) {
                commitBatch();
            }
            if (++batchesSincePiece >= BATCHES_PER_PIECE) {
                comparePiece();
            }
            return true;
        }
        if (!round.isEmpty()) { // the force waited for writes that a fence has dropped since
            commitBatch();
            return true;
        }
        if (queue.isDrainedForStop()) {
            end();
            return true;
        }
        return comparePiece();
    }

    /** Says whether there was anything to compare. */
    private boolean comparePiece() throws DeviceException {
        batchesSincePiece = 0;
        BlockComparison comparison = queue.oldestComparison();
        if (comparison == null) {
            return false;
        }
        if (comparison.isWanted()) {
            trustReads();
            comparison.comparePiece(device, counters);
            if (comparison.hasRefutedZero()) {
                withdrawFresh(); // or the zeros that mend it would be taken for what is there already
            }
        }
        boolean compared = comparison.isAllCompared();
        if (compared || !comparison.isWanted()) {
            commitBatch(); // what was read may have been written since the last force
            queue.removeOldestComparison();
            comparison.done(compared);
        }
        return true;
    }

    /**
     * Once for each opening: an earlier process may have written what it did not force any more, and a cache may show what a failed
     * force has left out.
     */
    private void trustReads() throws DeviceException {
        if (readsTrusted) {
            return;
        }
        runs.distrust();
        commitBatch();
        device.forgetCache();
        readsTrusted = true;
    }

    /** Before anything is written: what is said of a device is believed only as far as a look at it goes. */
    private void checkFresh() throws DeviceException {
        freshChecked = true;
        counters.deviceBusy.begin();
        try {
            if (!device.isKnownZero() && !ZeroSamples.areAllZero(device, sizeBytes)) {
                withdrawFresh();
            }
        } finally {
            counters.deviceBusy.end();
        }
    }

    /** The running round first, so that an owner's writes are reported in the order it submitted them. */
    private void settleFences() throws DeviceException {
        commitBatch();
        reportDropped();
        while (!fences.isEmpty()) {
            fences.removeFirst().whenSettled().run();
        }
    }

    private void writeBatch(int begin) throws DeviceException {
        for (int i = begin; i < round.size(); i++) {
            BlockWrite write = round.get(i);
            roundBytes += write.windowBytes();
            if (needsDevice(write)) {
                order.add(write);
            }
        }
        counters.blocks.add(round.size() - begin);
        order.arrange();
        for (int i = 0; i < order.size(); i++) {
            runs.add(order.get(i));
        }
        runs.flush();
        order.clear();
    }

    /** Seen in order of submission: a zero after data of the same batch is no zero over an untouched region. */
    private boolean needsDevice(BlockWrite write) {
        if (!fresh) {
            return true;
        }
        if (write.kind() == BlockWrite.Kind.DATA) {
            touchedRegions.touch(write);
            return true;
        }
        if (touchedRegions.isUntouched(write)) {
            counters.bytesSkipped.add(write.lengthBytes());
            return false;
        }
        return true;
    }

    /**
     * Ends the round. The order of the steps is the promise of the product:
     * <ol>
     *   <li>force, after every write of the round has returned: a write that it may not cover would be acknowledged;
     *   <li>settle, only if the force succeeded: it is never tried again, because the kernel forgets what it failed to
     *       write and the next force would succeed without it;
     *   <li>report: from here on the source forgets the blocks.
     * </ol>
     */
    private void commitBatch() throws DeviceException {
        if (runs.isUnforced()) {
            counters.deviceBusy.begin();
            try {
                device.force();
            } finally {
                counters.forceNanos.add(counters.deviceBusy.end());
            }
            runs.forced();
            counters.forces.increment();
        }
        if (round.isEmpty()) {
            return;
        }
        sequenceForced = round.getLast().sequence();
        settleRound(BlockWrite.Outcome.DURABLE);
        reportRound();
    }

    private void settleRound(BlockWrite.Outcome outcome) {
        for (int i = 0; i < round.size(); i++) {
            BlockWrite write = round.get(i);
            if (write.outcome() == BlockWrite.Outcome.PENDING) {
                write.settle(outcome);
            }
        }
    }

    private void reportRound() {
        if (round.isEmpty()) {
            return;
        }
        queue.leave(round);
        roundBytes = 0;
        try {
            listener.roundCompleted(this, roundView);
        } finally {
            round.clear();
        }
    }

    private void reportDropped() {
        if (dropped.isEmpty()) {
            return;
        }
        for (int i = 0; i < dropped.size(); i++) {
            dropped.get(i).settle(BlockWrite.Outcome.DROPPED);
        }
        counters.droppedBlocks.add(dropped.size());
        queue.leave(dropped);
        try {
            listener.roundCompleted(this, droppedView);
        } finally {
            dropped.clear();
        }
    }

    /** The one place where a volume becomes failed. */
    private void fail(Throwable cause) {
        if (stopAsked) {
            failedWhileStopping = cause;
        }
        VolumeFailure told = VolumeFailure.of(id, cause);
        failure = told;
        quietly(() -> listener.failed(this, told));
        if (!(cause instanceof DeviceException)) {
            shout(cause);
        }
        int pending = 0;
        for (int i = 0; i < round.size(); i++) {
            pending += round.get(i).outcome() == BlockWrite.Outcome.PENDING ? 1 : 0;
        }
        counters.droppedBlocks.add(pending);
        settleRound(BlockWrite.Outcome.DROPPED);
        quietly(this::reportRound);
        order.clear();
        dropAll();
        closeDevice();
    }

    /** A turn of a failed volume. */
    private boolean drop() {
        if (dropAll()) {
            return true;
        }
        if (queue.isDrainedForStop()) {
            end();
            return true;
        }
        return false;
    }

    /** Drops what is queued and settles the fences; a listener's mistake does not keep the others from being told. */
    private boolean dropAll() {
        queue.takeAll(fences, dropped, droppedComparisons);
        boolean any = !dropped.isEmpty() || !fences.isEmpty() || !droppedComparisons.isEmpty();
        quietly(this::reportDropped);
        while (!droppedComparisons.isEmpty()) {
            BlockComparison comparison = droppedComparisons.removeFirst();
            quietly(() -> comparison.done(false));
        }
        while (!fences.isEmpty()) {
            quietly(fences.removeFirst().whenSettled());
        }
        return any;
    }

    private void end() {
        closeDevice();
        do {
            dropAll();
        } while (!queue.tryClose());
        closed = true;
        runs.close();
        if (failedWhileStopping == null) {
            ended.complete(null);
        } else {
            ended.completeExceptionally(failedWhileStopping);
        }
    }

    /** Closing twice does nothing, so a failed volume may come here again when it is stopped. */
    private void closeDevice() {
        try {
            device.close();
        } catch (DeviceException | RuntimeException e) {
            if (failure == null) {
                failedWhileStopping = e;
            } else {
                shout(e);
            }
        }
    }

    private void quietly(Runnable told) {
        try {
            told.run();
        } catch (Throwable e) {
            shout(e);
        }
    }

    /** This module has no log; the handler of uncaught exceptions is where the program looks for what must not happen. */
    private static void shout(Throwable mistake) {
        Thread current = Thread.currentThread();
        current.getUncaughtExceptionHandler().uncaughtException(current, mistake);
    }
}
