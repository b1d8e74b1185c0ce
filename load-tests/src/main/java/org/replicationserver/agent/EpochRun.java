package org.replicationserver.agent;

import org.replicationserver.receiver.protocol.EpochOpen;

/**
 * One attempt to bring an epoch to its commit, within one session. Event loop only.
 *
 * <p>MARKING (the source is being opened) → OPENING (EPOCH_OPEN sent) → SENDING → COMMITTING (fences and EPOCH_COMMIT sent) →
 * COMMITTED; from OPENING to UNMARKED (the source was let go during a hold) if there is a mark. It ends with its session wherever it is; the next session runs the epoch again with what is not acknowledged.
 */
final class EpochRun {
    enum State {
        MARKING,
        OPENING,
        UNMARKED,
        SENDING,
        COMMITTING,
        COMMITTED
    }

    final long epoch;
    private boolean fuzzy;
    private State state = State.MARKING;
    private long markTimeMillis;

    EpochRun(long epoch, boolean fuzzy) {
        this.epoch = epoch;
        this.fuzzy = fuzzy;
    }

    /** The mark could not be made: what is read is not the state of one moment. */
    void becomeFuzzy() {
        fuzzy = true;
    }

    EpochOpen open(long nowMillis, long estimatedBytes) {
        state = State.OPENING;
        markTimeMillis = nowMillis;
        return new EpochOpen(epoch, fuzzy, estimatedBytes);
    }

    void letGo() {
        state = State.UNMARKED;
    }

    void send() {
        state = State.SENDING;
    }

    void commit() {
        state = State.COMMITTING;
    }

    void committed() {
        state = State.COMMITTED;
    }

    boolean is(State asked) {
        return state == asked;
    }

    boolean isFuzzy() {
        return fuzzy;
    }

    long markTimeMillis() {
        return markTimeMillis;
    }
}
