package org.replicationserver.receiver.session;

import java.util.concurrent.CompletionStage;
import org.replicationserver.volume.Volume;

/**
 * Opens, finds and closes the volumes of source servers. Event loop only; its stages complete on the event loop and never fail: what keeps
 * a volume from being opened is the reason why it is not available, and how a volume ended that was closed is told in the log.
 */
public interface VolumeHost {
    /** What there is of a volume: open, or not with the reason in words. */
    sealed interface Availability {
        record Open(Volume volume) implements Availability {}

        /**
         * It is not open.
         *
         * @param awaited whether its device has only not appeared yet
         */
        record Unavailable(String reason, boolean awaited) implements Availability {
            public Unavailable(String reason) {
                this(reason, false);
            }
        }
    }

    Availability find(String volumeId);

    /** Whether the volume is an image file that is not there; false also where nobody can say. */
    CompletionStage<Boolean> isMissingImage(VolumeAssignment assignment);

    /**
     * Opens a volume that is not open, on another thread; until then it is not available.
     *
     * @param untouched whether nothing is known to have been written to it, so that the assignment may be believed that it is fresh
     * @param make whether an image file that is missing is made; one that was written may be missing only because its file system is
     * @param heldBytes an image file that is smaller than assigned is extended if it has at least so many bytes; one that has fewer has lost
     *     something and is refused
     */
    CompletionStage<Availability> open(VolumeAssignment assignment, boolean untouched, boolean make, long heldBytes);

    /**
     * Closes a volume, if it is open, and opens it anew, on another thread; until then it is not available.
     *
     * @param make as for {@link #open}
     * @param heldBytes as for {@link #open}
     */
    CompletionStage<Availability> reopen(VolumeAssignment assignment, boolean make, long heldBytes);

    /** Closes a volume after what was submitted to it is on stable storage, or was dropped because it has failed; one that is not open is done at once. */
    CompletionStage<Void> close(String volumeId);
}
