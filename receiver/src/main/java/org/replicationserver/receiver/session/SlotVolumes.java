package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The volumes of one source server while its assignment changes: those that are not assigned any more are closed, those that came
 * are opened, one change after the other. Event loop only.
 *
 * <p>A volume is closed only when no session uses it and no write of an older one is under way, because whoever is told of the end
 * may give the device to another server.
 */
final class SlotVolumes {
    /** What the changes of volumes ask of their slot. */
    interface Owner {
        /** Done when no session is open. */
        CompletionStage<Void> whenNoSession();

        /** Done when no write of an ended session is queued or running on the volume. */
        CompletionStage<Void> whenSettled(String volumeId);

        /** The image file of a volume is about to be made, empty: nothing that is known of the volume holds. */
        CompletionStage<Void> forget(String volumeId);

        /** Whether a volume of this id may be written; one that has failed waits for an operator. */
        boolean mayOpen(String volumeId);

        /** Whether nothing is known to have been written to it. */
        boolean isUntouched(String volumeId);

        /** A volume was opened, or cannot be. */
        void opened(String volumeId, VolumeHost.Availability availability);
    }

    private final VolumeHost host;
    private final Owner owner;
    private CompletionStage<Void> changes = CompletableFuture.completedStage(null);
    private int underWay;

    SlotVolumes(VolumeHost host, Owner owner) {
        this.host = host;
        this.owner = owner;
    }

    /** Whether a change is not done, so that a session would miss a volume that is about to come. */
    boolean isChanging() {
        return underWay > 0;
    }

    /** Closes and opens what differs; done when every volume that came was opened or cannot be. */
    CompletionStage<Void> change(List<VolumeAssignment> from, List<VolumeAssignment> to) {
        List<VolumeAssignment> gone = without(from, to);
        List<VolumeAssignment> came = without(to, from);
        if (gone.isEmpty() && came.isEmpty()) {
            return changes;
        }
        underWay++;
        changes = changes.thenCompose(before -> all(gone, this::close))
                .thenCompose(closed -> all(came, this::open))
                .thenRun(() -> underWay--);
        return changes;
    }

    private static List<VolumeAssignment> without(List<VolumeAssignment> volumes, List<VolumeAssignment> others) {
        return volumes.stream()
                .filter(volume -> others.stream().noneMatch(volume::isSame))
                .toList();
    }

    private interface Step {
        CompletionStage<Void> on(VolumeAssignment volume);
    }

    private static CompletionStage<Void> all(List<VolumeAssignment> volumes, Step step) {
        List<CompletableFuture<Void>> steps = new ArrayList<>();
        volumes.forEach(volume -> steps.add(step.on(volume).toCompletableFuture()));
        return CompletableFuture.allOf(steps.toArray(CompletableFuture[]::new));
    }

    private CompletionStage<Void> close(VolumeAssignment volume) {
        String id = volume.volumeId();
        return owner.whenNoSession().thenCompose(ended -> owner.whenSettled(id)).thenCompose(settled -> host.close(id));
    }

    private CompletionStage<Void> open(VolumeAssignment volume) {
        String id = volume.volumeId();
        if (!owner.mayOpen(id)) {
            return CompletableFuture.completedStage(null);
        }
        return host.isMissingImage(volume)
                .thenCompose(missing -> missing ? owner.forget(id) : CompletableFuture.completedStage(null))
                .thenCompose(known -> host.open(volume, owner.isUntouched(id)))
                .thenAccept(availability -> owner.opened(id, availability));
    }
}
