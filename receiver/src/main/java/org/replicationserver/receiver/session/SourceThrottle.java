package org.replicationserver.receiver.session;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The throttle of one source server: its data connections take turns at what its rate allows, and it takes turns with other source servers
 * at what the server's rate allows. Event loop only.
 *
 * <p>What a turn leaves unused, because there were no more bytes at hand, is kept for the next one, up to a turn: how the bytes happen to
 * be cut shall not count.
 */
public final class SourceThrottle {
    /** A data connection and what is left of its turn. */
    private static final class Member {
        final ThrottledStream stream;
        int leftBytes;
        boolean inTurn;
        boolean wantsMore;

        Member(ThrottledStream stream) {
            this.stream = stream;
        }
    }

    private final Throttle server;
    private final SessionClock clock;
    private final RunningTime paused;
    private final BandwidthLimit limit;

    /** Of its own limit. */
    final ByteBucket bucket;

    /** At most {@link Sessions#CONNECTIONS_PER_SOURCE_MAX}. */
    private final Map<ThrottledStream, Member> members = new LinkedHashMap<>();

    /** Those that have bytes, in order of their turn. */
    private final ArrayDeque<Member> waiting = new ArrayDeque<>();

    private boolean on;
    private boolean isPaused;
    private int leftBytes;

    /** Whose turn it is. */
    private @Nullable Member served;

    SourceThrottle(Throttle server, SessionClock clock, Consumer<HeldLimit> listener) {
        this.server = server;
        this.clock = clock;
        this.paused = new RunningTime(clock);
        this.limit = new BandwidthLimit(clock, listener);
        this.bucket = limit.bucket;
    }

    // --- from the listener

    /** A data connection is under the throttle from now on. */
    public void join(ThrottledStream stream) {
        if (members.isEmpty()) {
            server.sourceJoined(this);
        }
        members.put(stream, new Member(stream));
        if (on) {
            stream.throttled(true);
        }
    }

    /** A data connection has ended. */
    public void leave(ThrottledStream stream) {
        Member member = members.remove(stream);
        if (member == null) {
            return;
        }
        member.wantsMore = false;
        waiting.remove(member);
        pauseEndsIfNobodyWaits();
        if (members.isEmpty()) {
            server.sourceLeft(this);
        }
    }

    /** A stream has bytes and may pass them on; it gets its turn, perhaps at once. */
    public void wants(ThrottledStream stream) {
        Member member = members.get(stream);
        if (member == null || waiting.contains(member)) {
            return;
        }
        if (member.equals(served)) {
            member.wantsMore = true;
            return;
        }
        if (waiting.isEmpty()) {
            bucket.rested(clock.nanos());
        }
        waiting.addLast(member);
        server.hasWaiting(this);
        server.serve();
    }

    // --- from the sessions

    /** The assigned schedule; one that was there before changes nothing. */
    void assign(BandwidthSchedule schedule) {
        if (!limit.isAssigned(schedule)) {
            changed(limit.assign(schedule));
        }
    }

    /** Until another one is assigned. */
    void setSchedule(BandwidthSchedule schedule) {
        changed(limit.follow(schedule));
    }

    /** Looks at the schedule. */
    void look() {
        changed(limit.look());
    }

    private void changed(boolean changed) {
        if (changed) {
            limitChanged();
            server.serve();
        }
    }

    HeldLimit held() {
        return limit.held();
    }

    /** Time in which some stream had bytes and waited for the throttle only. */
    long pausedNanos() {
        return paused.nanos();
    }

    // --- from the server's throttle

    /** Its limit, or the server's, is there or not any more. */
    void limitChanged() {
        boolean newlyOn = limit.isOn() || server.isOn();
        if (newlyOn == on) {
            return;
        }
        on = newlyOn;
        if (!newlyOn) {
            waiting.clear();
            pauseEndsIfNobodyWaits();
        }
        for (Member member : List.copyOf(members.values())) {
            member.stream.throttled(newlyOn);
        }
    }

    boolean hasWaiting() {
        return !waiting.isEmpty();
    }

    /** Its turn: gives turns to the streams in their order, as far as its own rate allows; says how many bytes passed. */
    int serve(int turnBytes, long nowNanos) {
        leftBytes = Math.min(leftBytes, turnBytes) + turnBytes;
        int passedBytes = 0;
        while (leftBytes > 0 && hasWaiting() && bucket.isReady(nowNanos)) {
            int bytes = serveFirst(Math.min(turnBytes, bucket.turnBytes(1)));
            bucket.take(bytes);
            leftBytes -= bytes;
            passedBytes += bytes;
        }
        if (hasWaiting()) {
            leftBytes = 0; // its own rate, or its turn, is used up
        }
        pauseEndsIfNobodyWaits();
        return passedBytes;
    }

    private int serveFirst(int turnBytes) {
        Member member = waiting.removeFirst();
        if (!member.inTurn) {
            member.inTurn = true;
            member.leftBytes = Math.min(member.leftBytes, turnBytes) + turnBytes;
        }
        member.wantsMore = false;
        served = member;
        int bytes = member.stream.pass(Math.min(leftBytes, member.leftBytes));
        served = null;
        member.leftBytes -= bytes;
        boolean wantsMore = member.wantsMore && on;
        member.inTurn = wantsMore && member.leftBytes > 0;
        if (member.inTurn) {
            waiting.addFirst(member); // the source server's own turn is over sooner
        } else if (wantsMore) {
            waiting.addLast(member);
        }
        return bytes;
    }

    void pauseBegins() {
        if (!isPaused && hasWaiting()) {
            isPaused = true;
            paused.begin();
        }
    }

    private void pauseEndsIfNobodyWaits() {
        if (isPaused && waiting.isEmpty()) {
            isPaused = false;
            paused.end();
        }
    }
}
