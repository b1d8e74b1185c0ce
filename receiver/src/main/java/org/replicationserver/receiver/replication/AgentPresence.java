package org.replicationserver.receiver.replication;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.session.SessionEndCause;

/** Whether the agent is there, and what kept it away. Event loop only. */
final class AgentPresence {
    /** A handshake with a peer that may have been this agent. */
    record RefusedHandshake(HandshakeFault fault, String address, String reason, long nanos) {}

    /** A HELLO of this agent. */
    record RefusedHello(ErrorCode code, String address, String reason, long nanos) {}

    private final ReplicationSettings settings;
    private final Disconnects disconnects;

    private boolean open;
    private long generation;
    private long openedNanos;

    /** Whether there ever was a session, in this process or before. */
    private boolean hadSession;

    /** Since when there is none, or since when an agent is wanted. */
    private long awaySinceNanos;

    /** When a session opened or ended last, or since when an agent is wanted. */
    private long sinceMillis;

    private String endReason = "before this process of the server knew of it";

    /** Why the last session that was lost ended. */
    private String lostReason = "";

    private @Nullable RefusedHandshake refusedHandshake;
    private @Nullable RefusedHello refusedHello;

    /** For the size of a disk, without which a session may be open. */
    private @Nullable RefusedHello refusedSize;

    AgentPresence(ReplicationSettings settings, boolean hadSession, Moment now) {
        this.settings = settings;
        this.disconnects = new Disconnects(settings.unstableWindow());
        this.hadSession = hadSession;
        this.awaySinceNanos = now.nanos();
        this.sinceMillis = now.wallMillis();
    }

    /** From now on an agent is expected; why one was refused before says nothing any more. */
    void expected(Moment now) {
        if (!open) {
            awaySinceNanos = now.nanos();
            sinceMillis = now.wallMillis();
        }
        forgetRefusedHello();
    }

    /** What it was refused for does not hold any more. */
    void forgetRefusedHello() {
        refusedHello = null;
        refusedSize = null;
    }

    /** The agent's pin and this server's were accepted. */
    void accepted() {
        refusedHandshake = null;
    }

    /** Of an agent that is there it says nothing, also once that has gone. */
    void refused(RefusedHandshake refused) {
        refusedHandshake = open ? refusedHandshake : refused;
    }

    void refused(RefusedHello refused) {
        refusedHello = refused;
        refusedSize = refused.code() == ErrorCode.RANGE ? refused : refusedSize;
    }

    void opened(long newGeneration, Moment now) {
        open = true;
        generation = newGeneration;
        openedNanos = now.nanos();
        sinceMillis = now.wallMillis();
        hadSession = true;
        refusedHandshake = null;
        refusedHello = null;
    }

    /** False if that is not the session that is open. */
    boolean ended(long endedGeneration, SessionEndCause cause, String reason, Moment now) {
        if (!open || generation != endedGeneration) {
            return false;
        }
        open = false;
        awaySinceNanos = now.nanos();
        sinceMillis = now.wallMillis();
        endReason = reason;
        if (cause == SessionEndCause.LOST) {
            disconnects.lost(now);
            lostReason = reason;
        }
        return true;
    }

    boolean isOpen() {
        return open;
    }

    /** Since when there is a session or none; without one, at the earliest since an agent is wanted. */
    long sinceMillis() {
        return sinceMillis;
    }

    boolean hadSession() {
        return hadSession;
    }

    boolean isLost(Moment now) {
        return !open && hadSession && now.isAfter(awaySinceNanos, settings.disconnectedAfter());
    }

    /** Whether no session ever opened although there was time for it. */
    boolean isOverdue(Moment now) {
        return !open && !hadSession && now.isAfter(awaySinceNanos, settings.connectAfter());
    }

    boolean isUnstable(Moment now) {
        return disconnects.count(now) >= settings.unstableDisconnects();
    }

    int disconnects(Moment now) {
        return disconnects.count(now);
    }

    long openSeconds(Moment now) {
        return now.secondsSince(openedNanos);
    }

    boolean isOpenFor(Moment now, Duration duration) {
        return open && now.isAfter(openedNanos, duration);
    }

    long awaySeconds(Moment now) {
        return now.secondsSince(awaySinceNanos);
    }

    /** Why the last session ended. */
    String endReason() {
        return endReason;
    }

    /** Why the last session that was lost ended. */
    String lostReason() {
        return lostReason;
    }

    /** The newest refused handshake, unless the agent was let in since or it is too long ago. */
    @Nullable
    RefusedHandshake refusedHandshake(Moment now) {
        RefusedHandshake refused = refusedHandshake;
        return refused == null || open || now.isAfter(refused.nanos(), settings.refusalKept()) ? null : refused;
    }

    /** The newest refused HELLO, under the same conditions. */
    @Nullable
    RefusedHello refusedHello(Moment now) {
        RefusedHello refused = refusedHello;
        return refused == null || open || now.isAfter(refused.nanos(), settings.refusalKept()) ? null : refused;
    }

    /** The newest HELLO that was refused for the size of a disk, also if a session has been opened since. */
    @Nullable
    RefusedHello refusedSize(Moment now) {
        RefusedHello refused = refusedSize;
        return refused == null || now.isAfter(refused.nanos(), settings.refusalKept()) ? null : refused;
    }
}
