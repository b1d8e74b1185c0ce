package org.replicationserver.receiver.snapshot;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.snapshot.Ec2Snapshots.Made;
import org.replicationserver.receiver.snapshot.SnapshotGroup.VolumeSnapshot;

/**
 * Has one snapshot made of one volume, and no second one: as often as EC2 turns the request away, and after a request of which nobody
 * knows what became only once EC2 has told that there is none. Confined to one virtual thread.
 */
final class VolumeRequest implements Callable<VolumeSnapshot> {
    /** Of one request. */
    static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(15);

    private static final Duration PAUSE_FIRST = Duration.ofMillis(500);
    private static final Duration PAUSE_MAX = Duration.ofSeconds(8);

    /** EC2 allows one snapshot of a volume in so long. */
    private static final Duration PAUSE_OF_VOLUME = Duration.ofSeconds(15);

    /** Where there is no connection the writes of the source are not held for longer than it takes to try so often. */
    private static final int NOT_SENT_MAX = 3;

    private static final int UNKNOWN_MAX = 3;

    /** A snapshot that was just made may not be told of at once. */
    private static final int LOOKS = 3;

    private final Ec2Snapshots ec2;
    private final Plan plan;
    private final VolumeAssignment volume;

    /**
     * What the requests of a group have in common.
     *
     * @param tags of the control plane
     * @param deadlineNanos when the hold is over, by {@link System#nanoTime}
     * @param permits of requests under way
     * @param stopped opened when no further request is to be begun
     * @param pauses between requests
     */
    record Plan(
            String groupId,
            String sourceServerId,
            long epoch,
            Map<String, String> tags,
            long deadlineNanos,
            Semaphore permits,
            CountDownLatch stopped,
            RequestPauses pauses) {
        Duration left() {
            return Duration.ofNanos(deadlineNanos - System.nanoTime());
        }
    }

    VolumeRequest(Ec2Snapshots ec2, Plan plan, VolumeAssignment volume) {
        this.ec2 = ec2;
        this.plan = plan;
        this.volume = volume;
    }

    /** Fails with the newest failure when it is not worth another request, or there is no time for one. */
    @Override
    public VolumeSnapshot call() throws SnapshotException, InterruptedException {
        plan.permits().acquire();
        try {
            return new VolumeSnapshot(volume.volumeId(), volume.deviceName(), create());
        } catch (Ec2Exception e) {
            throw e.toSnapshotException();
        } finally {
            plan.permits().release();
        }
    }

    private String create() throws Ec2Exception, SnapshotException, InterruptedException {
        String description = SnapshotTags.description(plan.groupId(), plan.sourceServerId(), plan.epoch(), volume);
        Map<String, String> tags =
                SnapshotTags.of(plan.tags(), plan.groupId(), plan.sourceServerId(), plan.epoch(), volume);
        Ec2Exception newest = null;
        int throttled = 0;
        int notSent = 0;
        int unknown = 0;
        while (true) {
            try {
                return ec2.create(volume.volumeId(), description, tags, timeLeft(newest));
            } catch (Ec2Exception e) {
                newest = e;
                switch (e.kind()) {
                    case THROTTLED -> pause(exponential(throttled++), e);
                    case THROTTLED_BY_VOLUME -> pause(PAUSE_OF_VOLUME, e);
                    case NOT_SENT -> {
                        if (++notSent >= NOT_SENT_MAX) {
                            throw e;
                        }
                        pause(exponential(notSent), e);
                    }
                    case UNKNOWN -> {
                        String made = find(e);
                        if (made != null) {
                            return made;
                        }
                        if (++unknown >= UNKNOWN_MAX) {
                            throw e;
                        }
                    }
                    case BAD_CREDENTIALS, DENIED, REFUSED -> throw e;
                }
            }
        }
    }

    /** What a request may take. */
    private Duration timeLeft(@Nullable Ec2Exception newest) throws Ec2Exception, SnapshotException {
        Duration left = plan.left();
        if (plan.stopped().getCount() == 0 || !left.isPositive()) {
            if (newest != null) {
                throw newest;
            }
            throw new SnapshotException(
                    SnapshotOutcome.HOLD_EXPIRED,
                    "the hold was over before the snapshot of " + volume.volumeId() + " was requested",
                    "Raise snapshot.hold-seconds, or look for what makes EC2 slow.");
        }
        return left.compareTo(REQUEST_TIMEOUT) < 0 ? left : REQUEST_TIMEOUT;
    }

    private static Duration exponential(int failures) {
        Duration pause = PAUSE_FIRST.multipliedBy(1L << Math.min(failures, 10));
        return pause.compareTo(PAUSE_MAX) < 0 ? pause : PAUSE_MAX;
    }

    /** With full jitter. Throws the failure if there is no time for another request. */
    private void pause(Duration max, Ec2Exception failure) throws Ec2Exception, InterruptedException {
        await(Duration.ofNanos(ThreadLocalRandom.current().nextLong(max.toNanos() + 1)), failure);
    }

    private void await(Duration pause, Ec2Exception failure) throws Ec2Exception, InterruptedException {
        if (pause.compareTo(plan.left()) >= 0 || plan.pauses().await(pause, plan.stopped())) {
            throw failure;
        }
    }

    /** The snapshot that was made after all, null if EC2 says that there is none; throws the failure if EC2 does not say. */
    private @Nullable String find(Ec2Exception failure) throws Ec2Exception, InterruptedException {
        boolean told = false;
        for (int look = 0; look < LOOKS; look++) {
            // Not jittered: EC2 needs this time, and a shorter one says less.
            await(Duration.ofSeconds(look), failure);
            try {
                for (Made made : ec2.ofGroup(plan.groupId(), REQUEST_TIMEOUT)) {
                    if (made.volumeId().equals(volume.volumeId())) {
                        return made.snapshotId();
                    }
                }
                told = true;
            } catch (Ec2Exception e) {
                told = false; // the newest look counts
            }
        }
        if (!told) {
            throw failure;
        }
        return null;
    }
}
