package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;

/** All that is known of a disk from session to session. Event loop only. */
final class ReplicatedDisk {
    final int number;

    // others after the disk's size has changed, which it does between sessions only
    ReplicationPlan.Disk spec;
    BlockLayout layout;
    DirtyMap map;
    BlockHashes hashes;

    final DiskCounters counters = new DiskCounters();

    /** Of the volume's content as of the last session, or null before the first. */
    private @Nullable String dataGen;

    /** The one under way, or null. */
    private @Nullable Verification verification;

    private @Nullable LeftOut leftOut;

    /** Why exactly, if it is left out. */
    private String why = "";

    /** Cycles may have gone by without it, or without a part of it. */
    private boolean behind;

    /** When it is offered to the server again, if it is left out. */
    private long offerAgainNanos;

    ReplicatedDisk(int number, ReplicationPlan.Disk spec) {
        this.number = number;
        this.spec = spec;
        this.layout = new BlockLayout(spec.sizeBytes());
        this.map = new DirtyMap(layout);
        this.hashes = new BlockHashes(layout);
    }

    Hello.Disk hello() {
        return new Hello.Disk(spec.deviceName(), spec.sizeBytes(), spec.blockSizeBytes());
    }

    Hello.@Nullable RememberedDisk remembered(long committedEpoch) {
        return dataGen == null ? null : new Hello.RememberedDisk(spec.deviceName(), dataGen, committedEpoch);
    }

    boolean isContent(String newDataGen) {
        return newDataGen.equals(dataGen);
    }

    /** The disk has another size now: what is new of it is dirty, the rest is as it was. No session is open. */
    void resize(DiskLook look) {
        spec = new ReplicationPlan.Disk(spec.deviceName(), look.sizeBytes(), look.blockSizeBytes());
        layout = new BlockLayout(look.sizeBytes());
        map = map.resized(layout);
        hashes = hashes.resized(layout);
        verification = null;
        behind = true;
    }

    /** Whether cycles may have gone by without it, or without a part of it. */
    boolean isBehind() {
        return behind;
    }

    /** The volume takes writes and has this content history. */
    void healthy(String newDataGen) {
        dataGen = newDataGen;
        leftOut = null;
        behind = false;
    }

    /** Until the time is there, or a look finds it readable, it is in no session. */
    void leaveOut(LeftOut reason, String newWhy, long newOfferAgainNanos) {
        leftOut = reason;
        behind = true;
        why = newWhy;
        offerAgainNanos = newOfferAgainNanos;
    }

    /** A look finds that it can be read; what else speaks against it stays. */
    void readable() {
        if (!isReadable()) {
            leftOut = null;
        }
    }

    void beginVerification() {
        verification = new Verification(this);
    }

    void endVerification() {
        verification = null;
    }

    @Nullable
    Verification verification() {
        return verification;
    }

    @Nullable
    LeftOut leftOut() {
        return leftOut;
    }

    boolean isLeftOut() {
        return leftOut != null;
    }

    /** Whether it is left out for this reason, in these words. */
    boolean isLeftOut(LeftOut reason, String because) {
        return leftOut == reason && why.equals(because);
    }

    boolean isRefused() {
        return leftOut == LeftOut.NOT_ASSIGNED || leftOut == LeftOut.OTHER_SIZE;
    }

    /** Whether there is something to read, as far as is known. */
    boolean isReadable() {
        return leftOut != LeftOut.NOT_READABLE && leftOut != LeftOut.SILENT;
    }

    /** Whether its last read failed, or there is nothing to read. */
    boolean isUnreadable() {
        return leftOut == LeftOut.READ_FAILED || leftOut == LeftOut.NOT_READABLE;
    }

    /** Whether a HELLO of now names it. */
    boolean isOffered(long nowNanos) {
        return leftOut == null || (isReadable() && nowNanos - offerAgainNanos >= 0);
    }

    /** Its volume may be another, or take writes again. */
    void offerAgain(long nowNanos) {
        offerAgainNanos = nowNanos;
    }

    /** Why it is left out, in words, or null. */
    @Nullable
    String failure() {
        return leftOut == null ? null : leftOut.words + ": " + why;
    }

    AgentReport.Disk report() {
        return new AgentReport.Disk(
                spec.deviceName(),
                spec.sizeBytes(),
                map.settledBytes(),
                counters.dataBytesSent + counters.zeroBytesSent,
                counters.dataBytesSent,
                counters.payloadBytesSent,
                counters.durableBytes,
                map.hasUnknown(),
                counters.comparedBytes,
                counters.equalBytes,
                counters.differingBytes,
                failure());
    }
}
