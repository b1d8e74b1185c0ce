package org.replicationserver.agent;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.SourceStatus;

/** Tells the server what only the agent knows: the backlogs, and what it waits for. Nothing if that is not granted. Event loop only. */
final class StatusSender {
    /** Between two SOURCE_STATUS; it is looked at ten times a second. */
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final AgentSession session;
    private final AgentIo io;
    private final ControlLink control;
    private final List<SessionVolume> volumes;
    private final SessionTransfer transfer;
    private final WaitClocks waits;
    private long sentNanos;

    StatusSender(
            AgentSession session,
            AgentIo io,
            ControlLink control,
            List<SessionVolume> volumes,
            SessionTransfer transfer) {
        this.session = session;
        this.io = io;
        this.control = control;
        this.volumes = volumes;
        this.transfer = transfer;
        this.waits = new WaitClocks(io.nanoTime());
    }

    void send() {
        if (session.grants(Features.SOURCE_STATUS)) {
            sentNanos = io.nanoTime();
            observe();
            control.send(
                    FrameType.SOURCE_STATUS,
                    new SourceStatus(volumes.stream().map(this::status).toList(), waits.waits()));
        }
    }

    void sendIfDue(long nowNanos) {
        if (nowNanos - sentNanos >= PAUSE_NANOS) {
            send();
        }
    }

    /** Something may wait for something else from now on. */
    void observe() {
        if (session.grants(Features.SOURCE_STATUS)) {
            waits.observe(io.nanoTime(), transfer.waitsFor());
        }
    }

    private SourceStatus.Volume status(SessionVolume volume) {
        return new SourceStatus.Volume(
                volume.index, volume.disk.map.unacknowledgedBytes() + transfer.claimedBytes(volume));
    }
}
