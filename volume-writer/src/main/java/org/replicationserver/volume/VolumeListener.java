package org.replicationserver.volume;

import java.util.List;

/**
 * Told what became of the writes of a volume. Called on the volume's writer thread and must not block there; only what
 * is submitted to a writer that has already ended is answered on the thread that submits.
 */
public interface VolumeListener {
    /**
     * A round is over: each of these writes has its outcome, and none will be reported again.
     *
     * @param writes in order of submission; the list is the writer's own and holds only during the call
     */
    void roundCompleted(Volume volume, List<BlockWrite> writes);

    /** The volume is failed for good. Told once, before the writes that the failure drops are reported. */
    void failed(Volume volume, VolumeFailure failure);
}
