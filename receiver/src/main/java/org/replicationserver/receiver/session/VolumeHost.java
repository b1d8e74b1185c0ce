package org.replicationserver.receiver.session;

import java.util.concurrent.CompletionStage;
import org.replicationserver.volume.Volume;

/** Finds the open volumes of a source server. Event loop only; its stages complete on the event loop. */
public interface VolumeHost {
    /**
     * A volume that is open, and whether it is fresh: it read zero when it was assigned and the writer still knows what has been
     * written since.
     */
    record OpenVolume(Volume volume, boolean fresh) {}

    /** What there is of a volume: open, or not with the reason in words. */
    sealed interface Availability {
        record Open(OpenVolume volume) implements Availability {}

        record Unavailable(String reason) implements Availability {}
    }

    Availability find(String volumeId);

    /** Closes a volume, if it is open, and opens it anew; not fresh any more. */
    CompletionStage<Availability> reopen(VolumeAssignment assignment);
}
