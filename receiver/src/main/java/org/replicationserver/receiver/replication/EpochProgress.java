package org.replicationserver.receiver.replication;

/** The committed epoch and the open one. Event loop only. */
final class EpochProgress {
    private long committedEpoch;

    /** Of the last commit that had every assigned disk. */
    private long markMillis;

    private boolean open;
    private boolean commitWaiting;

    EpochProgress(long committedEpoch, long markMillis) {
        this.committedEpoch = committedEpoch;
        this.markMillis = markMillis;
    }

    /** A session opens or ends, and what was open with it. */
    void cut() {
        open = false;
        commitWaiting = false;
    }

    void opened() {
        open = true;
        commitWaiting = false;
    }

    void commitWaits(boolean waits) {
        commitWaiting = waits && open;
    }

    /** @param whole whether the commit had every assigned disk */
    void committed(long epoch, long newMarkMillis, boolean whole) {
        committedEpoch = epoch;
        markMillis = whole ? newMarkMillis : markMillis;
        cut();
    }

    boolean isOpen() {
        return open;
    }

    boolean isCommitWaiting() {
        return commitWaiting;
    }

    boolean hasCommitted() {
        return committedEpoch > 0;
    }

    long committedEpoch() {
        return committedEpoch;
    }

    /** The mark of the last commit that had every assigned disk, 0 if none had. */
    long markMillis() {
        return markMillis;
    }

    /** From that mark to now, by the agent's clock and this server's; 0 if that clock is ahead. */
    long sinceMarkMillis(Moment now) {
        return Math.max(0, now.wallMillis() - markMillis);
    }
}
