package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;

/**
 * The volumes that are assigned to one source server: they are opened, closed, opened anew after a failure, and fenced against sessions
 * that have ended. Event loop only.
 *
 * <p>While the assignment changes, those that are not assigned any more are closed, then those that came are opened. A closing, an
 * opening and a reopening wait only for earlier ones of the same id or path, of whichever change, so that a volume that stalls holds up no
 * other, and one that a fault has ended holds up none at all. A volume is closed only when no session uses it and no write of an older one
 * is under way, because whoever is told of the end may give the device to another server.
 *
 * <p>A volume that could not be opened is tried again by itself, as long as it has not failed: its device may come, its file system may be
 * mounted.
 */
final class SlotVolumes {
    /** What the volumes ask of their slot. */
    interface Owner {
        /** Done when no session is open. */
        CompletionStage<Void> whenNoSession();

        /** Asks the session, if one is open, to begin again. */
        void askToFinish(String reason);
    }

    private final SlotRecord record;
    private final SessionContext context;
    private final Owner owner;
    private SourceAssignment assignment;

    /** Done, and never with a fault, when no change is under way. */
    private CompletionStage<?> changes = CompletableFuture.completedStage(null);

    /** Closings, openings and reopenings that are not done, in the order in which they were wanted. */
    private final List<Step> steps = new ArrayList<>();

    private int changesUnderWay;

    /** Ids of volumes that an operator wishes to be reopened. */
    private final Set<String> reopening = new HashSet<>();

    private final OpenAttempts attempts = new OpenAttempts();

    /** Ids of volumes that are about to be closed. */
    private final Set<String> closing = new HashSet<>();

    private record Step(VolumeAssignment volume, CompletionStage<?> done) {}

    /**
     * What came of opening a volume.
     *
     * @param as with which it was opened
     */
    private record Opened(VolumeAssignment as, Availability availability) {}

    /** By volume id, as it was told last; nothing of one that is closed. */
    private final Map<String, Opened> told = new HashMap<>();

    /** The newest session that was opened, ended or not: the one whose writes may still be under way. */
    private @Nullable SourceSession newest;

    /** Of the fences against it; null until somebody asks for them. */
    private @Nullable CompletionStage<Void> fenced;

    /** Without volumes; {@link #assign} gives it some. */
    SlotVolumes(String sourceServerId, SlotRecord record, SessionContext context, Owner owner) {
        this.assignment = new SourceAssignment(sourceServerId, List.of());
        this.record = record;
        this.context = context;
        this.owner = owner;
    }

    SourceAssignment assignment() {
        return assignment;
    }

    // --- opening and closing

    /** Whether a change is not done, so that a session would miss a volume that is about to come. */
    boolean isChanging() {
        return changesUnderWay > 0;
    }

    /**
     * Closes and opens what differs; done when every volume that came was opened or cannot be, and all earlier changes are done. A fault in it
     * is its own: it fails no other change.
     */
    CompletionStage<Void> assign(SourceAssignment to) {
        List<VolumeAssignment> gone = without(assignment.volumes(), to.volumes());
        List<VolumeAssignment> came = without(to.volumes(), assignment.volumes());
        assignment = to;
        List<CompletionStage<?>> begun = new ArrayList<>(List.of(changes));
        if (gone.isEmpty() && came.isEmpty()) {
            return all(begun);
        }
        changesUnderWay++;
        gone.forEach(volume -> begun.add(step(volume, this::close)));
        came.forEach(volume -> begun.add(step(volume, this::open)));
        CompletionStage<Void> changed = all(begun).whenComplete((done, fault) -> changesUnderWay--);
        changes = settled(changed);
        return changed;
    }

    /** Does it as soon as what was wanted earlier with the same id or path is done. */
    private <T> CompletionStage<T> step(VolumeAssignment volume, Function<VolumeAssignment, CompletionStage<T>> what) {
        List<CompletionStage<?>> before = new ArrayList<>();
        steps.stream()
                .filter(step -> VolumeHolders.exclude(step.volume, volume))
                .forEach(step -> before.add(step.done));
        CompletionStage<T> done = settled(all(before)).thenCompose(free -> what.apply(volume));
        Step step = new Step(volume, done);
        steps.add(step);
        return done.whenComplete((result, fault) -> steps.remove(step));
    }

    private static List<VolumeAssignment> without(List<VolumeAssignment> volumes, List<VolumeAssignment> others) {
        return volumes.stream()
                .filter(volume -> others.stream().noneMatch(volume::isSame))
                .toList();
    }

    private static CompletionStage<Void> all(List<? extends CompletionStage<?>> stages) {
        return CompletableFuture.allOf(
                stages.stream().map(CompletionStage::toCompletableFuture).toArray(CompletableFuture[]::new));
    }

    /** Done with the other, whether that fails or not. */
    private static CompletionStage<?> settled(CompletionStage<?> other) {
        return other.handle((done, fault) -> true);
    }

    private CompletionStage<Void> close(VolumeAssignment volume) {
        String id = volume.volumeId();
        closing.add(id);
        return owner.whenNoSession()
                .thenCompose(ended -> attempts.whenEnded(id))
                .thenCompose(tried -> whenSettled(id))
                .thenCompose(settled -> closeSettled(volume))
                .whenComplete((closed, fault) -> closing.remove(id));
    }

    private CompletionStage<Void> closeSettled(VolumeAssignment volume) {
        String id = volume.volumeId();
        told.remove(id);
        attempts.retryNoMore(id);
        if (!isHeld(volume)) {
            return CompletableFuture.completedStage(null); // never opened; by now it may be another's
        }
        return context.volumes().close(id).thenRun(() -> {
            context.holders().release(assignment.sourceServerId(), volume);
            context.events().volumeClosed(assignment.sourceServerId(), id);
        });
    }

    private CompletionStage<Void> open(VolumeAssignment volume) {
        String id = volume.volumeId();
        String cause = record.failedCause(id);
        if (cause != null) {
            context.events().volumeLeftClosed(assignment.sourceServerId(), id, cause); // it waits for an operator
            return CompletableFuture.completedStage(null);
        }
        return context.holders()
                .take(assignment.sourceServerId(), volume)
                .thenCompose(taken -> isAssigned(volume) ? openTaken(volume) : CompletableFuture.completedStage(null));
    }

    /** Once taken, a volume that is not assigned any more is closed by the change that took it away. */
    private boolean isAssigned(VolumeAssignment volume) {
        VolumeAssignment assigned = assignment.volume(volume.volumeId());
        return assigned != null && assigned.isSame(volume);
    }

    private CompletionStage<Void> openTaken(VolumeAssignment volume) {
        String id = volume.volumeId();
        attempts.begin(id, context.clock().nanos());
        return context.volumes()
                .open(volume, record.isUntouched(id), record.mayMake(volume), record.heldBytes(id))
                .thenAccept(availability -> {
                    tellOpened(volume, availability);
                    if (availability instanceof Availability.Open) {
                        owner.askToFinish("VOLUME_REOPENED");
                    }
                })
                .whenComplete((told, fault) -> attempts.end(id));
    }

    /** Tries again what is due, unless it has failed or something else is done with it. */
    void tick(long nowNanos) {
        for (VolumeAssignment volume : assignment.volumes()) {
            String id = volume.volumeId();
            if (attempts.isDue(id, nowNanos)
                    && !reopening.contains(id)
                    && !closing.contains(id)
                    && record.failedCause(id) == null
                    && isHeld(volume)) {
                context.tellFault(assignment.sourceServerId(), openTaken(volume));
            }
        }
    }

    /** What is not open is tried again at the next tick. */
    void devicesChanged() {
        attempts.retryAllAt(context.clock().nanos());
    }

    private boolean isHeld(VolumeAssignment volume) {
        return context.holders().isHeldBy(assignment.sourceServerId(), volume);
    }

    /** What a session of this source server may use. */
    Availability find(VolumeAssignment volume) {
        Availability found = context.volumes().find(volume.volumeId());
        return found instanceof Availability.Open && !isHeld(volume)
                ? new Availability.Unavailable("another source server of this server has not released it yet")
                : found;
    }

    /** The volume if it is open as it is assigned, and not only as it was: one that is about to be opened anew is left out. */
    @Nullable
    Volume openAs(VolumeAssignment volume) {
        Opened last = told.get(volume.volumeId());
        return last != null && last.as.isSame(volume) && find(volume) instanceof Availability.Open open
                ? open.volume()
                : null;
    }

    /** Which volume is not open, and why, in words: the first one; null if all are open. */
    @Nullable
    String notOpen() {
        for (VolumeAssignment volume : assignment.volumes()) {
            String why = whyNotOpen(volume);
            if (why != null) {
                return "volume " + volume.volumeId() + " of disk " + volume.deviceName() + " is not open: " + why;
            }
        }
        return null;
    }

    /** One that has failed is not, though its writer is still there. */
    private @Nullable String whyNotOpen(VolumeAssignment volume) {
        String failed = record.failedCause(volume.volumeId());
        if (failed != null) {
            return failed;
        }
        return switch (find(volume)) {
            case Availability.Unavailable none -> none.reason();
            case Availability.Open open -> {
                VolumeFailure failure = open.volume().failure(); // the record learns of it later
                yield failure == null ? null : failure.summary();
            }
        };
    }

    /** Of what is found again and again, once. */
    private void tellOpened(VolumeAssignment volume, Availability availability) {
        String volumeId = volume.volumeId();
        String sourceServerId = assignment.sourceServerId();
        Opened before = told.put(volumeId, new Opened(volume, availability));
        boolean news = before == null || !availability.equals(before.availability);
        switch (availability) {
            case Availability.Open open -> {
                attempts.retryNoMore(volumeId);
                record.opened(volume, open.volume());
                context.events().volumeOpened(sourceServerId, volumeId);
            }
            case Availability.Unavailable none -> {
                attempts.retryAfter(volumeId, context.clock().nanos());
                if (news && none.awaited()) {
                    context.events().volumeAwaited(sourceServerId, volumeId, none.reason());
                } else if (news) {
                    context.events().volumeUnavailable(sourceServerId, volumeId, none.reason());
                }
            }
        }
    }

    /**
     * Opens a volume that has failed or could not be opened; the session begins again so that the agent learns of it. After a failure
     * nobody knows what the volume holds, so it gets a new data generation, and so does an image file that is gone and made anew.
     */
    CompletionStage<Availability> reopen(VolumeAssignment volume) {
        String id = volume.volumeId();
        if (isSound(volume)) {
            return CompletableFuture.completedStage(new Availability.Unavailable("it has not failed"));
        }
        if (!reopening.add(id)) {
            return CompletableFuture.completedStage(new Availability.Unavailable("it is being reopened"));
        }
        CompletionStage<Availability> reopened = step(
                        volume, turn -> attempts.whenEnded(id).thenCompose(tried -> reopenNow(volume)))
                .whenComplete((availability, fault) -> reopening.remove(id));
        context.tellFault(assignment.sourceServerId(), reopened);
        return reopened;
    }

    private boolean isSound(VolumeAssignment volume) {
        return record.failedCause(volume.volumeId()) == null && find(volume) instanceof Availability.Open;
    }

    private CompletionStage<Availability> reopenNow(VolumeAssignment volume) {
        if (isSound(volume)) {
            return CompletableFuture.completedStage(find(volume)); // by what was waited for
        }
        String id = volume.volumeId();
        return ifAssigned(
                volume,
                () -> context.volumes()
                        .isMissingImage(volume)
                        .thenCompose(missing -> ifAssigned(
                                volume,
                                () -> record.reopen(id, missing)
                                        .thenCompose(
                                                stored -> context.holders().take(assignment.sourceServerId(), volume))
                                        .thenCompose(
                                                taken -> ifAssigned(volume, () -> reopenTaken(volume, missing))))));
    }

    private CompletionStage<Availability> reopenTaken(VolumeAssignment volume, boolean make) {
        return context.volumes()
                .reopen(volume, make, record.heldBytes(volume.volumeId()))
                .thenApply(availability -> {
                    tellOpened(volume, availability);
                    owner.askToFinish("VOLUME_REOPENED");
                    return availability;
                });
    }

    private CompletionStage<Availability> ifAssigned(
            VolumeAssignment volume, Supplier<CompletionStage<Availability>> what) {
        return isAssigned(volume)
                ? what.get()
                : CompletableFuture.completedStage(new Availability.Unavailable("it is not assigned any more"));
    }

    // --- fencing

    void sessionOpened(SourceSession session) {
        newest = session;
        fenced = null;
    }

    /** Ends what is under way of the newest session; done when nothing of it is queued or running on any volume. */
    CompletionStage<Void> fence() {
        if (fenced == null) {
            fenced = all(assignment.volumes().stream()
                    .map(volume -> whenSettled(volume.volumeId()))
                    .toList());
        }
        return fenced;
    }

    /** Done when no write of an ended session is queued or running on the volume. */
    private CompletionStage<Void> whenSettled(String volumeId) {
        CompletableFuture<Void> settled = new CompletableFuture<>();
        if (newest != null && context.volumes().find(volumeId) instanceof Availability.Open open) {
            open.volume().fence(newest, () -> context.eventLoop().execute(() -> settled.complete(null)));
        } else {
            settled.complete(null);
        }
        return settled;
    }
}
