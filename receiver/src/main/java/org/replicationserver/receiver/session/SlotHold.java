package org.replicationserver.receiver.session;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.HoldAnswer.Cause;
import org.replicationserver.receiver.session.HoldRequest.Origin;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;

/**
 * Holds the volumes of one source server at a commit, so that snapshots and copies of them are of one moment. Event loop only.
 *
 * <p>AWAITING (a commit is waited for) → SETTLING (the volumes' writers come to rest) → HELD → released or expired.
 *
 * <p>Blocks are written in an open epoch only, so volumes stand still as long as none opens: from SETTLING on the answer to the commit
 * and that to EPOCH_OPEN wait. While the first waits, an agent has let its source go, so that nothing stands still there. Nothing of
 * this is on the walk of a write.
 *
 * <p>Invariant: between the commit and the end of the hold no write is submitted to any of the volumes, and none is closed; that it was
 * so is looked at before HELD and again at the release, by the writers' own counts, and a hold of which it was not so is not VALID.
 */
final class SlotHold {
    private static final String TIME_IS_OVER = "its time is over";
    private static final String NO_VOLUME = "no volume is assigned to this source server";

    private enum Phase {
        AWAITING,
        SETTLING,
        HELD
    }

    /** What the volumes are, as long as no epoch was opened since. */
    private record Committed(SourceRecord.Commit commit, List<StillVolume> volumes) {
        @Nullable
        StillVolume volume(String volumeId) {
            return volumes.stream()
                    .filter(still -> still.volume.id().value().equals(volumeId))
                    .findFirst()
                    .orElse(null);
        }
    }

    /** A volume as it was at the commit: the writer that had it, and how many writes that had been given by then. */
    private record StillVolume(Volume volume, long submittedWrites) {
        static StillVolume of(Volume volume) {
            return new StillVolume(volume, volume.submittedWrites());
        }

        boolean isUntouched(Availability now) {
            return now instanceof Availability.Open open
                    && open.volume().equals(volume) // one that was opened again is another, whoever had it meanwhile
                    && volume.failure() == null
                    && volume.submittedWrites() == submittedWrites;
        }
    }

    private record HeldVolume(VolumeAssignment assignment, StillVolume still) {}

    private static final class Hold {
        final HoldRequest request;
        final HoldToken token;
        final CompletableFuture<HoldAnswer> answer = new CompletableFuture<>();
        Phase phase = Phase.AWAITING;

        /** Since when it is in its phase. */
        long phaseNanos;

        long epoch;
        List<HeldVolume> volumes = List.of();

        /** Once it is HELD. */
        @Nullable
        StandingHold standing;

        Hold(HoldRequest request, HoldToken token, long nowNanos) {
            this.request = request;
            this.token = token;
            this.phaseNanos = nowNanos;
        }

        void enter(Phase next, long nowNanos) {
            phase = next;
            phaseNanos = nowNanos;
        }

        /** Who asked does not want it any more. */
        boolean isWithdrawn() {
            return phase != Phase.HELD && answer.isDone();
        }

        String inWords() {
            StandingHold held = standing;
            String whose = request.origin() == Origin.BY_HAND ? "by hand" : "for a snapshot group";
            return held == null
                    ? "one is wanted " + whose + " already, and not held yet"
                    : "it is held at epoch " + held.epoch() + " until " + Instant.ofEpochMilli(held.untilMillis())
                            + ", " + whose;
        }
    }

    private final SourceSlot slot;
    private final SessionContext context;
    private @Nullable Committed committed;
    private @Nullable Hold hold;

    /** Of the session: the answer to a commit, or to EPOCH_OPEN, which waits for the end of the hold. */
    private final List<Runnable> waiting = new ArrayList<>();

    private long waitingSinceNanos;

    /** Something of the session waits for the end of a hold. */
    final RunningTime delaying;

    SlotHold(SourceSlot slot) {
        this.slot = slot;
        this.context = slot.context;
        this.delaying = new RunningTime(context.clock());
    }

    // --- who wants a hold

    /** Asks for a hold; the answer comes when the volumes stand still, or will not. Who cancels it until then withdraws the wish. */
    CompletableFuture<HoldAnswer> begin(HoldRequest request, @Nullable String closedBecause) {
        if (closedBecause != null) {
            return notHeld(Cause.SHUTDOWN, closedBecause);
        }
        if (hold != null) {
            return notHeld(Cause.ALREADY_HELD, "there is one hold of a source server at a time, and " + hold.inWords());
        }
        if (slot.volumes.assignment().volumes().isEmpty()) {
            return notHeld(Cause.NOT_ASSIGNED, NO_VOLUME);
        }
        byte[] random = new byte[16];
        context.random().nextBytes(random);
        HoldToken token = new HoldToken(slot.sourceServerId, HexFormat.of().formatHex(random));
        Hold begun = new Hold(request, token, context.clock().nanos());
        hold = begun;
        Committed last = committed;
        if (last != null && !slot.hasSession()) {
            settle(begun, last);
        } else {
            slot.requestCommit();
        }
        return begun.answer;
    }

    private static CompletableFuture<HoldAnswer> notHeld(Cause cause, String text) {
        return CompletableFuture.completedFuture(new HoldAnswer.NotHeld(cause, text));
    }

    /** Ends a hold; says what it was worth. A token that is not that of the present hold is of one that has ended. */
    HoldEnd release(HoldToken token) {
        Hold held = hold;
        StandingHold standing = held == null ? null : held.standing;
        if (held == null || standing == null || !held.token.equals(token)) {
            return HoldEnd.EXPIRED;
        }
        String spoiledBy = spoiledBy(held);
        end(held);
        context.events().holdEnded(slot.sourceServerId, standing, spoiledBy);
        return spoiledBy == null ? HoldEnd.VALID : HoldEnd.EXPIRED;
    }

    /** The present hold; null unless the volumes are held. */
    @Nullable
    StandingHold standing() {
        return hold == null ? null : hold.standing;
    }

    /** Why what was made of the volumes since the begin of the hold is of no use, in words; null if it is good. */
    private @Nullable String spoiledBy(Hold held) {
        if (isOver(held, held.request.timeToLive().toNanos())) {
            return TIME_IS_OVER;
        }
        return held.volumes.stream()
                .filter(one -> !one.still.isUntouched(slot.volumes.find(one.assignment)))
                .findFirst()
                .map(one -> "volume " + one.assignment.volumeId()
                        + " has failed, or was closed, opened anew, as with another size, or written")
                .orElse(null);
    }

    private boolean isOver(Hold one, long nanos) {
        return context.clock().nanos() - one.phaseNanos > nanos;
    }

    // --- the walk to HELD

    /** Whether a session that opens now is to be asked for a commit. */
    boolean awaitsCommit() {
        return hold != null && hold.phase == Phase.AWAITING;
    }

    /** A commit is stored; the volumes are those of its session. */
    void committed(SourceRecord.Commit commit, List<Volume> volumes) {
        Committed reached =
                new Committed(commit, volumes.stream().map(StillVolume::of).toList());
        committed = reached;
        Hold awaiting = hold;
        if (awaiting != null && awaiting.phase == Phase.AWAITING) {
            settle(awaiting, reached);
        }
    }

    private void settle(Hold one, Committed at) {
        if (at.commit.fuzzy()) {
            refuse(
                    one,
                    Cause.FUZZY,
                    "epoch " + at.commit.epoch() + " is fuzzy, not the source at one moment; its agent needs a mark of"
                            + " its disks, or disks that nobody writes to");
            return;
        }
        if (slot.volumes.assignment().volumes().isEmpty()) {
            refuse(one, Cause.NOT_ASSIGNED, NO_VOLUME); // they were taken away meanwhile
            return;
        }
        one.enter(Phase.SETTLING, context.clock().nanos());
        one.epoch = at.commit.epoch();
        List<CompletableFuture<Void>> settled = new ArrayList<>();
        for (VolumeAssignment volume : slot.volumes.assignment().volumes()) {
            StillVolume still = at.volume(volume.volumeId());
            if (still == null) {
                refuse(one, Cause.VOLUME_NOT_SERVED, notIn(volume, at));
                return;
            }
            if (!still.isUntouched(slot.volumes.find(volume))) {
                refuse(one, Cause.VOLUME_NOT_SERVED, changed(volume, at));
                return;
            }
            CompletableFuture<Void> done = new CompletableFuture<>();
            settled.add(done);
            // A fence of an owner without writes: it comes after what the writer does now, and after a force of that.
            still.volume.fence(one, () -> context.eventLoop().execute(() -> done.complete(null)));
        }
        context.tellFault(
                slot.sourceServerId,
                CompletableFuture.allOf(settled.toArray(CompletableFuture[]::new))
                        .thenRun(() -> settled(one, at)));
    }

    private static String notIn(VolumeAssignment volume, Committed at) {
        return "volume " + volume.volumeId() + " was not in epoch " + at.commit.epoch()
                + ", so it is not of the same moment as the others";
    }

    private static String changed(VolumeAssignment volume, Committed at) {
        return "volume " + volume.volumeId() + " is not what it was at the commit of epoch " + at.commit.epoch()
                + ": it has failed, or was closed or written since";
    }

    private void settled(Hold one, Committed at) {
        if (hold != one || one.phase != Phase.SETTLING) {
            return; // it took too long, or the server is about to stop
        }
        if (one.isWithdrawn()) {
            withdraw(one);
            return;
        }
        List<HeldVolume> volumes = new ArrayList<>();
        for (VolumeAssignment assigned : slot.volumes.assignment().volumes()) {
            StillVolume still = at.volume(assigned.volumeId());
            if (still == null || !still.isUntouched(slot.volumes.find(assigned))) {
                refuse(one, Cause.VOLUME_NOT_SERVED, changed(assigned, at));
                return;
            }
            Volume volume = still.volume;
            if (volume.queuedWrites() != 0) {
                refuse(
                        one,
                        Cause.NOT_SETTLED,
                        volume.queuedWrites() + " writes of volume " + assigned.volumeId()
                                + " are under way after its commit");
                return;
            }
            volumes.add(new HeldVolume(assigned, still));
        }
        one.volumes = volumes;
        one.enter(Phase.HELD, context.clock().nanos());
        StandingHold standing = new StandingHold(
                one.request.origin(),
                one.epoch,
                context.clock().millis() + one.request.timeToLive().toMillis());
        one.standing = standing;
        context.events().held(slot.sourceServerId, standing);
        one.answer.complete(new HoldAnswer.Held(
                one.token,
                standing,
                at.commit.markTimeMillis(),
                volumes.stream().map(HeldVolume::assignment).toList()));
    }

    private void refuse(Hold one, Cause cause, String text) {
        end(one);
        context.events().notHeld(slot.sourceServerId, text);
        one.answer.complete(new HoldAnswer.NotHeld(cause, text));
    }

    private void withdraw(Hold one) {
        end(one);
        context.events().notHeld(slot.sourceServerId, "who asked for a hold has gone");
    }

    /** Looks at the deadlines. */
    void tick() {
        Hold one = hold;
        if (one == null) {
            return;
        }
        if (one.isWithdrawn()) {
            withdraw(one);
            return;
        }
        switch (one.phase) {
            case AWAITING -> {
                if (isOver(one, one.request.commitTimeout().toNanos())) {
                    commitTimeout(one);
                }
            }
            case SETTLING -> {
                if (isOver(one, one.request.timeToLive().toNanos())) {
                    refuse(
                            one,
                            Cause.NOT_SETTLED,
                            "a volume's writer did not come to rest within "
                                    + one.request.timeToLive().toSeconds() + " s");
                }
            }
            case HELD -> {
                String spoiledBy = spoiledBy(one);
                if (spoiledBy != null) {
                    expire(one, spoiledBy);
                }
            }
        }
    }

    private void expire(Hold one, String spoiledBy) {
        end(one);
        StandingHold standing = one.standing;
        if (standing != null) {
            context.events().holdEnded(slot.sourceServerId, standing, spoiledBy);
        }
    }

    /** An agent that does not take requests may have nothing new; then the volumes are the last commit still. */
    private void commitTimeout(Hold one) {
        Committed last = committed;
        if (last != null) {
            settle(one, last);
            return;
        }
        String seconds = one.request.commitTimeout().toSeconds() + " s";
        refuse(
                one,
                Cause.COMMIT_TIMEOUT,
                slot.hasSession()
                        ? "no epoch was committed within " + seconds + "; the agent has not sent all of one yet"
                        : "no agent came to commit an epoch within " + seconds
                                + ", and since the last commit something may have been written");
    }

    /** The volumes are being taken away. */
    void leave(String because) {
        Hold one = hold;
        if (one != null && one.phase == Phase.HELD) {
            expire(one, because);
        }
        close(because);
    }

    /** Nobody waits for a commit any more. */
    void close(String because) {
        Hold one = hold;
        if (one != null && one.phase != Phase.HELD) {
            refuse(one, Cause.SHUTDOWN, because);
        }
    }

    private void end(Hold one) {
        if (hold != one) {
            return;
        }
        hold = null;
        List<Runnable> released = List.copyOf(waiting);
        forgetWaiting();
        released.forEach(Runnable::run);
    }

    // --- what waits for the end of a hold

    private boolean isClosed() {
        return hold != null && hold.phase != Phase.AWAITING;
    }

    /** Runs what tells the agent of a commit: at once, or when the hold ends. */
    void whenNotHeld(Runnable answer) {
        if (isClosed()) {
            await(answer);
        } else {
            answer.run();
        }
    }

    /** Runs what opens an epoch, at once, or when the hold ends; from then on the volumes are not the last commit any more. */
    void whenEpochMayOpen(Runnable opening) {
        whenNotHeld(() -> {
            committed = null;
            opening.run();
        });
    }

    private void await(Runnable task) {
        if (waiting.isEmpty()) {
            waitingSinceNanos = context.clock().nanos();
            delaying.begin();
        }
        waiting.add(task);
    }

    /** How long something of the session has waited for the end of a hold, 0 if nothing does. */
    long waitingNanos(long nowNanos) {
        return waiting.isEmpty() ? 0 : nowNanos - waitingSinceNanos;
    }

    /** The session has ended: nothing of it waits any more. */
    void forgetWaiting() {
        if (!waiting.isEmpty()) {
            waiting.clear();
            delaying.end();
        }
    }
}
