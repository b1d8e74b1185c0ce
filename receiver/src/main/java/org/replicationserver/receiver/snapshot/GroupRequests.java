package org.replicationserver.receiver.snapshot;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.SnapshotGroup.VolumeSnapshot;

/**
 * The requests of one group, some at a time, each on a virtual thread. What has failed keeps others from being begun; those that are under
 * way are not cut off, since what becomes of them would not be known. Its methods are called by one thread.
 */
final class GroupRequests implements AutoCloseable {
    /** Requests of a group that are under way at once. */
    static final int PARALLEL_MAX = 8;

    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("snapshot-volume-", 0).factory());
    private final ExecutorCompletionService<VolumeSnapshot> ends = new ExecutorCompletionService<>(threads);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final Ec2Snapshots ec2;
    private final SnapshotGroup group;
    private final HoldAnswer.Held hold;
    private final Map<String, String> tags;
    private final RequestPauses pauses;
    private final List<VolumeSnapshot> made = new ArrayList<>();
    private int open;
    private @Nullable SnapshotException failure;

    /** @param tags of the control plane */
    GroupRequests(
            Ec2Snapshots ec2,
            SnapshotGroup group,
            HoldAnswer.Held hold,
            Map<String, String> tags,
            RequestPauses pauses) {
        this.ec2 = ec2;
        this.group = group;
        this.hold = hold;
        this.tags = tags;
        this.pauses = pauses;
    }

    /** Returns when all snapshots are made, one is not, or the time is over; from then on no further request is begun. */
    void make(Duration time) throws InterruptedException {
        VolumeRequest.Plan plan = new VolumeRequest.Plan(
                group.groupId(),
                group.sourceServerId(),
                hold.epoch(),
                tags,
                System.nanoTime() + time.toNanos(),
                new Semaphore(PARALLEL_MAX),
                stopped,
                pauses);
        try {
            for (VolumeAssignment volume : hold.volumes()) {
                ends.submit(new VolumeRequest(ec2, plan, volume));
                open++;
            }
            while (open > 0 && failure == null) {
                Future<VolumeSnapshot> end = ends.poll(Math.max(0, plan.left().toNanos()), TimeUnit.NANOSECONDS);
                if (end != null) {
                    take(end);
                }
                // A request that is cut off at the end of the time fails with a cause of its own.
                if (end == null || (failure != null && !plan.left().isPositive())) {
                    failure = timeOver();
                }
            }
        } finally {
            stopped.countDown();
        }
    }

    /** Waits for the ends of the requests that are under way. */
    void awaitRest() throws InterruptedException {
        while (open > 0) {
            take(ends.take());
        }
    }

    private SnapshotException timeOver() {
        return new SnapshotException(
                SnapshotOutcome.HOLD_EXPIRED,
                "EC2 has not taken all requests while the writes were held; " + made.size() + " of "
                        + hold.volumes().size() + " snapshots were made by then",
                "Raise snapshot.hold-seconds, or look for what makes EC2 slow.");
    }

    private void take(Future<VolumeSnapshot> end) throws InterruptedException {
        open--;
        try {
            made.add(end.get());
        } catch (ExecutionException e) {
            SnapshotException why = e.getCause() instanceof SnapshotException known
                    ? known
                    : SnapshotMaker.fault(group.sourceServerId(), e);
            failure = failure == null ? why : failure;
        }
    }

    /** Null if none has failed so far. */
    @Nullable
    SnapshotException failure() {
        return failure;
    }

    List<VolumeSnapshot> made() {
        return List.copyOf(made);
    }

    /** Cuts off what is still under way. */
    @Override
    public void close() {
        stopped.countDown();
        threads.shutdownNow();
    }
}
