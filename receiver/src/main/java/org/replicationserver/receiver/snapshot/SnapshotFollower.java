package org.replicationserver.receiver.snapshot;

import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.DelayQueue;
import java.util.concurrent.Delayed;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.snapshot.Ec2Snapshots.Made;
import org.replicationserver.receiver.snapshot.SnapshotGroup.VolumeSnapshot;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Follows registered groups until EC2 has completed their snapshots, over restarts, and tells how it stands with the groups of each source
 * server. On the virtual thread {@code snapshot-follower}, but for {@link #made} and {@link #failed}.
 */
public final class SnapshotFollower implements AutoCloseable {
    /** Times of {@code snapshot.completion-interval-seconds}, up to which the time between two questions doubles. */
    static final int INTERVALS_MAX = 20;

    /** Beyond it a group is given up. */
    static final Duration FOLLOWED_MAX = Duration.ofDays(3);

    /** EC2 tells of a new snapshot within seconds; one that is missing for longer was deleted. */
    static final Duration MISSING_MAX = Duration.ofMinutes(10);

    private static final Logger LOG = LoggerFactory.getLogger(SnapshotFollower.class);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);

    private final Duration interval;
    private final Ec2Snapshots ec2;
    private final SnapshotStore store;
    private final SnapshotEvents events;
    private final Clock clock;
    private final DelayQueue<Look> looks = new DelayQueue<>();
    private volatile @Nullable Thread thread;

    /** A question that is due at some time; by {@link System#nanoTime}. */
    private record Look(SnapshotGroup group, Duration interval, long atNanos, boolean failed) implements Delayed {
        @Override
        public long getDelay(TimeUnit unit) {
            return unit.convert(atNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
        }

        @Override
        public int compareTo(Delayed other) {
            return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
        }

        Look next(Duration max, boolean nowFailed) {
            Duration doubled = interval.multipliedBy(2);
            Duration pause = doubled.compareTo(max) < 0 ? doubled : max;
            return new Look(group, pause, System.nanoTime() + pause.toNanos(), nowFailed);
        }
    }

    /** @param interval of the first questions about a group */
    public SnapshotFollower(
            Duration interval, Ec2Snapshots ec2, SnapshotStore store, SnapshotEvents events, Clock clock) {
        this.interval = interval;
        this.ec2 = ec2;
        this.store = store;
        this.events = events;
        this.clock = clock;
    }

    /** To be called once. */
    public void start() {
        thread = Thread.ofVirtual().name("snapshot-follower").start(this::run);
    }

    // --- any thread

    /** Follows a registered group. */
    void follow(SnapshotGroup group) {
        looks.add(new Look(group, interval, System.nanoTime() + interval.toNanos(), false));
    }

    /** Tells of a group whose process ended in the middle, with what EC2 has of it. */
    void followLeftOver(SnapshotGroup group) {
        store.interrupted(group, cutShort(group, "", List.of()));
        looks.add(new Look(group, interval, System.nanoTime(), false));
    }

    /** A group was made. */
    void made(String sourceServerId) {
        events.standing(sourceServerId, store.made(sourceServerId));
    }

    /** A group failed. */
    void failed(String sourceServerId, SnapshotResult result) {
        events.standing(sourceServerId, store.troubled(sourceServerId, result, clock.millis()));
    }

    // --- snapshot-follower

    private void run() {
        try {
            while (true) {
                Look look = looks.take();
                try {
                    look(look);
                } catch (RuntimeException e) {
                    LOG.atError()
                            .setCause(e)
                            .addKeyValue("group", look.group().groupId())
                            .log("follower failed, it goes on");
                    again(look, true);
                }
            }
        } catch (InterruptedException e) {
            LOG.atDebug().log("follower ends");
        }
    }

    private void again(Look look, boolean failed) {
        looks.add(look.next(interval.multipliedBy(INTERVALS_MAX), failed));
    }

    private void look(Look look) throws InterruptedException {
        SnapshotGroup group = look.group();
        List<Made> found;
        try {
            found = ec2.ofGroup(group.groupId(), VolumeRequest.REQUEST_TIMEOUT);
        } catch (Ec2Exception e) {
            LOG.atLevel(look.failed() ? Level.DEBUG : Level.WARN)
                    .addKeyValue("group", group.groupId())
                    .addKeyValue("cause", e.getMessage())
                    .log("EC2 does not tell how far a snapshot group is, it is asked again");
            if (isOld(group)) {
                giveUp(group, e);
            } else {
                again(look, true);
            }
            return;
        }
        if (group.phase() == SnapshotGroup.Phase.BEGUN) {
            tellLeftOver(group, cutShort(group, "", found));
        } else {
            judge(look, found);
        }
    }

    /** EC2 could not be asked for so long that the group is not followed any more; what has become of it nobody knows. */
    private void giveUp(SnapshotGroup group, Ec2Exception failure) {
        String silence = "; for " + FOLLOWED_MAX.toHours() + " h EC2 was asked in vain what became of it: "
                + failure.getMessage();
        if (group.phase() == SnapshotGroup.Phase.BEGUN) {
            tellLeftOver(group, cutShort(group, silence, List.of()));
        } else {
            end(
                    group,
                    "is not known to be complete" + silence,
                    failure.toSnapshotException().nextAction());
        }
    }

    private boolean isOld(SnapshotGroup group) {
        return clock.millis() - group.begunMillis() > FOLLOWED_MAX.toMillis();
    }

    private void tellLeftOver(SnapshotGroup group, SnapshotResult result) {
        LOG.atWarn()
                .addKeyValue("source", group.sourceServerId())
                .addKeyValue("group", group.groupId())
                .addKeyValue("snapshots", result.snapshotIds())
                .log("snapshot group was cut short, its snapshots belong to nothing");
        store.failed(group, group.triggers(), result);
        events.ended(group.sourceServerId(), result.outcome());
        failed(group.sourceServerId(), result);
    }

    private static SnapshotResult cutShort(SnapshotGroup group, String more, List<Made> found) {
        SnapshotException why = new SnapshotException(
                SnapshotOutcome.INTERRUPTED,
                "snapshot group " + group.groupId() + " was cut short by the end of this server's process" + more,
                "Nothing; another group is made when one is asked for.");
        return SnapshotResult.failed(
                group.groupId(), why, found.stream().map(Made::snapshotId).toList());
    }

    private void judge(Look look, List<Made> found) {
        SnapshotGroup group = look.group();
        Map<String, Made> byId = new HashMap<>();
        found.forEach(made -> byId.put(made.snapshotId(), made));
        tellSurplus(group, byId.keySet());
        long ageMillis = clock.millis() - group.begunMillis();
        boolean complete = true;
        for (VolumeSnapshot snapshot : group.snapshots()) {
            Made made = byId.get(snapshot.snapshotId());
            boolean isMissing = made == null && ageMillis > MISSING_MAX.toMillis();
            if (isMissing || (made != null && made.state() == Ec2Snapshots.State.ERROR)) {
                end(group, snapshot, isMissing || made == null ? "is not known to EC2 any more" : inError(made));
                return;
            }
            complete &= made != null && made.state() == Ec2Snapshots.State.COMPLETED;
        }
        if (complete) {
            complete(group);
        } else if (isOld(group)) {
            end(group, group.snapshots().getFirst(), "is not complete after " + FOLLOWED_MAX.toHours() + " h");
        } else {
            again(look, false);
        }
    }

    private void complete(SnapshotGroup group) {
        LOG.atInfo()
                .addKeyValue("source", group.sourceServerId())
                .addKeyValue("group", group.groupId())
                .log("snapshot group is complete");
        events.standing(group.sourceServerId(), store.completed(group));
        store.remove(group);
    }

    private static String inError(Made made) {
        return "is in error: " + (made.message().isEmpty() ? "EC2 does not say why" : made.message());
    }

    private void end(SnapshotGroup group, VolumeSnapshot snapshot, String why) {
        end(
                group,
                "must not be launched: snapshot " + snapshot.snapshotId() + " of volume " + snapshot.volumeId() + " "
                        + why,
                "Look at the snapshot in EC2, and at the key that its volume is encrypted with; then ask for another group.");
    }

    private void end(SnapshotGroup group, String why, String nextAction) {
        SnapshotException failure = new SnapshotException(
                SnapshotOutcome.SNAPSHOT_ERROR, "registered group " + group.groupId() + " " + why, nextAction);
        SnapshotResult result = SnapshotResult.failed(group.groupId(), failure, List.of());
        LOG.atWarn()
                .addKeyValue("source", group.sourceServerId())
                .addKeyValue("group", group.groupId())
                .addKeyValue("cause", failure.sentence())
                .log("snapshot group is not complete and will not be");
        store.remove(group);
        events.ended(group.sourceServerId(), result.outcome());
        failed(group.sourceServerId(), result);
    }

    /** There is one only if EC2 did not tell of a snapshot for longer than was waited. */
    private static void tellSurplus(SnapshotGroup group, Set<String> found) {
        Set<String> surplus = new HashSet<>(found);
        group.snapshotIds().forEach(surplus::remove);
        if (!surplus.isEmpty()) {
            LOG.atWarn()
                    .addKeyValue("group", group.groupId())
                    .addKeyValue("snapshots", surplus)
                    .log("EC2 has made a snapshot twice, these belong to nothing");
        }
    }

    @Override
    public void close() {
        Thread running = thread;
        if (running == null) {
            return;
        }
        running.interrupt();
        try {
            running.join(STOP_TIMEOUT);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
