package org.replicationserver.simulation;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.replicationserver.agent.AgentOutcome;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.HoldAnswer;

/**
 * A source server with which nothing goes wrong, beside another one of the same server with which much does: it must not notice. What ends
 * the server's process it notices, of course, and what is wanted of itself: holds.
 */
final class Bystander {
    /**
     * From WELCOME or a commit to the next commit: the agent rests for up to 6 s in between, and a comparison may wait for 5 s, until it is
     * seen that the devices of those that run hang.
     */
    static final long COMMIT_NANOS_MAX = TimeUnit.SECONDS.toNanos(15);

    private static final long NONE = -1;

    private final String id;
    private final VirtualTime time;

    /** By volume id, as its server has said last, as long as that keeps its records. */
    private final Map<String, String> dataGens = new HashMap<>();

    /** Since when a commit is waited for; {@link #NONE} if none is. */
    private long sinceNanos = NONE;

    private int commits;

    /** Whether a session was opened at the server that has its volumes, and nothing has happened to that server since. */
    private boolean served;

    private boolean held;
    private boolean healing;

    Bystander(String id, VirtualTime time) {
        this.id = id;
        this.time = time;
    }

    private Violation noticed(String what) {
        return new Violation("I15", id + " notices what goes wrong with another source server: " + what);
    }

    // --- sessions and commits at the server that has its volumes

    void opened(Welcome welcome, Hello hello) {
        for (Welcome.Volume volume : welcome.volumes()) {
            String before = dataGens.put(volume.volumeId(), volume.dataGen());
            if (before != null && !before.equals(volume.dataGen())) {
                throw noticed("its content was given up: " + volume);
            }
            if (volume.action() != Welcome.Action.RESUME && isRemembered(volume, hello)) {
                throw noticed("it is to send again what it has sent: " + volume);
            }
        }
        served = true;
        await();
    }

    private static boolean isRemembered(Welcome.Volume volume, Hello hello) {
        Hello.RememberedDisk disk =
                hello.remembers() == null ? null : hello.remembers().disk(volume.deviceName());
        return disk != null && disk.dataGen().equals(volume.dataGen());
    }

    void committed() {
        look();
        commits++;
        await();
    }

    private void await() {
        sinceNanos = served && !held && !healing ? time.nanos() : NONE;
    }

    /** Looks whether a commit is overdue. */
    void look() {
        if (sinceNanos != NONE && time.nanos() - sinceNanos > COMMIT_NANOS_MAX) {
            throw noticed("no commit for " + TimeUnit.NANOSECONDS.toMillis(time.nanos() - sinceNanos) + " ms");
        }
    }

    int commits() {
        return commits;
    }

    // --- what its server tells

    void sessionEnded(String reason) {
        if (served && !healing) {
            throw noticed("a session has ended: " + reason);
        }
    }

    void volumeFailed(String volumeId) {
        if (served) {
            throw noticed(volumeId + " has failed");
        }
    }

    Violation agentEnded(AgentOutcome how) {
        return noticed("its agent gives up: " + how);
    }

    // --- holds

    /**
     * A hold is refused.
     *
     * @param another whether another hold of this source server was wanted or there
     */
    void notHeld(HoldAnswer.Cause cause, boolean another) {
        if (cause == HoldAnswer.Cause.ALREADY_HELD && !another) {
            throw noticed("a hold of it is refused because of another one, and it has none");
        }
    }

    void held() {
        held = true;
        await();
    }

    /** @param heldNanos for how long it was held when it was released */
    void released(boolean valid, long heldNanos, Duration timeToLive) {
        if (served && !valid && heldNanos <= timeToLive.toNanos()) {
            throw noticed("a hold has ended before its time");
        }
    }

    void holdEnded() {
        held = false;
        await();
    }

    // --- what it may notice

    /** The server's process is gone, or its volumes are about to go to another server. */
    void serverLost() {
        served = false;
        held = false;
        await();
    }

    /** Nothing is known any more of what was said of its volumes. */
    void recordsLost() {
        dataGens.clear();
    }

    /** Nothing goes wrong any more, and its agent will end. */
    void heal() {
        healing = true;
        await();
    }
}
