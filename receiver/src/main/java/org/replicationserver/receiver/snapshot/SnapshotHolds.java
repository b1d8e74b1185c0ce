package org.replicationserver.receiver.snapshot;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.VolumeAssignment;

/** Holds the writes of source servers at a commit. Any thread; stages end on the event loop. */
public interface SnapshotHolds {
    /** The volumes of a source server as they are assigned now; null if it is not assigned. */
    CompletionStage<@Nullable List<VolumeAssignment>> volumes(String sourceServerId);

    /**
     * Asks the agent for a commit, waits for it, and holds what comes after it.
     *
     * @param commitTimeout what the commit may take
     * @param timeToLive after which the hold ends by itself
     */
    CompletionStage<Answer> hold(String sourceServerId, Duration commitTimeout, Duration timeToLive);

    /** What became of it. */
    sealed interface Answer {}

    /** Every volume is as the source was at the mark, on stable storage, and stays so until the hold ends. */
    non-sealed interface Held extends Answer {
        /** The committed epoch. */
        long epoch();

        /** The moment, by the agent's clock, that the epoch is of. */
        long markMillis();

        /** Which volumes are held. */
        List<VolumeAssignment> volumes();

        /** Ends the hold; whether it was there all the time. To be called once. */
        CompletionStage<Boolean> release();
    }

    /**
     * There is no hold.
     *
     * @param isShutdown because the server stops
     * @param text why, a part of a sentence
     */
    record NotHeld(boolean isShutdown, String text) implements Answer {}
}
