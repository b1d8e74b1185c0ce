package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Which source server has a volume, one at a time: a volume that goes from one source server of this server to another is opened for that
 * only when it was closed for the former. Held are its id and its path. Event loop only.
 *
 * <p>Source servers that wait for each other cannot form a circle: a volume is assigned to one of them at most, each takes its
 * assignments over in their order, and closes what has an id or a path before it opens it; so an opening waits only for closings that
 * were wanted no later.
 */
final class VolumeHolders {
    /** @param waiting in the order in which they came, which stages of one future would not keep */
    private record Hold(String sourceServerId, List<CompletableFuture<Void>> waiting) {}

    private final Map<Object, Hold> holds = new HashMap<>();

    /** Done when the volume is this source server's, until it is released; who wants it first has it first. */
    CompletionStage<Void> take(String sourceServerId, VolumeAssignment volume) {
        Hold former = ofAnother(sourceServerId, volume);
        if (former != null) {
            CompletableFuture<Void> turn = new CompletableFuture<>();
            former.waiting.add(turn);
            return turn.thenCompose(released -> take(sourceServerId, volume));
        }
        Hold hold = new Hold(sourceServerId, new ArrayList<>());
        keys(volume).forEach(key -> holds.putIfAbsent(key, hold));
        return CompletableFuture.completedStage(null);
    }

    private @Nullable Hold ofAnother(String sourceServerId, VolumeAssignment volume) {
        for (Object key : keys(volume)) {
            Hold hold = holds.get(key);
            if (hold != null && !hold.sourceServerId.equals(sourceServerId)) {
                return hold;
            }
        }
        return null;
    }

    boolean isHeldBy(String sourceServerId, VolumeAssignment volume) {
        return sourceServerId.equals(holderOf(volume.volumeId()));
    }

    /** Who has a volume, whether it is still assigned to it or not; null if nobody has. */
    @Nullable
    String holderOf(String volumeId) {
        Hold hold = holds.get(volumeId);
        return hold == null ? null : hold.sourceServerId;
    }

    /** Lets whoever waits have it; nothing for a volume that is not this source server's. */
    void release(String sourceServerId, VolumeAssignment volume) {
        Set<Hold> released = new HashSet<>();
        for (Object key : keys(volume)) {
            Hold hold = holds.get(key);
            if (hold != null && hold.sourceServerId.equals(sourceServerId)) {
                holds.remove(key);
                released.add(hold);
            }
        }
        released.forEach(hold -> hold.waiting.forEach(turn -> turn.complete(null)));
    }

    /** Whether only one of the two can be open. */
    static boolean exclude(VolumeAssignment one, VolumeAssignment other) {
        return !Collections.disjoint(keys(one), keys(other));
    }

    private static List<Object> keys(VolumeAssignment volume) {
        return volume.path() == null ? List.of(volume.volumeId()) : List.of(volume.volumeId(), volume.path());
    }
}
