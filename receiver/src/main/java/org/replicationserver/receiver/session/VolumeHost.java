package org.replicationserver.receiver.session;

import java.util.concurrent.CompletionStage;
import org.replicationserver.volume.Volume;

/** Finds the open volumes of a source server. Event loop only; its stages complete on the event loop. */
public interface VolumeHost {
    /** What there is of a volume: open, or not with the reason in words. */
    sealed interface Availability {
        record Open(Volume volume) implements Availability {}

        record Unavailable(String reason) implements Availability {}
    }

    Availability find(String volumeId);

    /** Closes a volume, if it is open, and opens it anew, on another thread; until then it is not available. */
    CompletionStage<Availability> reopen(VolumeAssignment assignment);
}
