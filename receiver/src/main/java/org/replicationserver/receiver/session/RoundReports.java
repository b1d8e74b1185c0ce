package org.replicationserver.receiver.session;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeListener;

/**
 * Moves what volume writers report to the event loop, and gives it to the sessions there. Writers need it before there are sessions,
 * which need the volumes.
 */
public final class RoundReports implements VolumeListener {
    private final Executor eventLoop;
    private @Nullable Sessions sessions;

    /** @param eventLoop runs a task on the thread that owns all sessions */
    public RoundReports(Executor eventLoop) {
        this.eventLoop = eventLoop;
    }

    /** To be called once, before any volume is opened. */
    public void to(Sessions newSessions) {
        sessions = newSessions;
    }

    // --- volume writer threads

    @Override
    public void roundCompleted(Volume volume, List<BlockWrite> writes) {
        List<BlockWrite> round = new ArrayList<>(writes);
        eventLoop.execute(() -> completed(round));
    }

    @Override
    public void failed(Volume volume, VolumeFailure failure) {
        eventLoop.execute(() -> {
            if (sessions != null) {
                sessions.volumeFailed(failure);
            }
        });
    }

    // --- event loop

    private static void completed(List<BlockWrite> round) {
        // A round is of one volume, so of one source server: nearly always of one session.
        SourceSession touched = null;
        for (BlockWrite write : round) {
            InboundBlock block = (InboundBlock) write;
            SourceSession session = block.session;
            if (session == null) {
                throw new IllegalStateException("reported twice: " + block);
            }
            if (touched != null && touched != session) {
                roundEnded(touched);
            }
            touched = session;
            completed(session, block);
        }
        if (touched != null) {
            roundEnded(touched);
        }
    }

    // A fault of this program ends the session that it is of, and keeps no other block of the round from coming back.

    private static void completed(SourceSession session, InboundBlock block) {
        try {
            session.completed(block);
        } catch (RuntimeException e) {
            session.control().faulted(e);
        }
    }

    private static void roundEnded(SourceSession session) {
        try {
            session.roundEnded();
        } catch (RuntimeException e) {
            session.control().faulted(e);
        }
    }
}
