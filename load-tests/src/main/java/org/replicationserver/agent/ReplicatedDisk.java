package org.replicationserver.agent;

import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;

/** All that is known of a disk from session to session. Event loop only. */
final class ReplicatedDisk {
    final int number;
    final ReplicationPlan.Disk spec;
    final BlockLayout layout;
    final DirtyMap map;
    final BlockHashes hashes;
    final DiskCounters counters = new DiskCounters();

    /** Of the volume's content as of the last session, or null before the first. */
    private @Nullable String dataGen;

    /** The one under way, or null. */
    private @Nullable Verification verification;

    /** Why its volume takes no writes, or null. */
    private @Nullable String failure;

    /** When it is offered to the server again, if it has a failure. */
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

    /** The volume takes writes and has this content history. */
    void healthy(String newDataGen) {
        dataGen = newDataGen;
        failure = null;
    }

    /** The volume takes no writes; until the time is there the disk is left out of sessions. */
    void failed(String why, long newOfferAgainNanos) {
        failure = why;
        offerAgainNanos = newOfferAgainNanos;
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

    boolean isFailed() {
        return failure != null;
    }

    /** Whether a HELLO of now names it. */
    boolean isOffered(long nowNanos) {
        return failure == null || nowNanos - offerAgainNanos >= 0;
    }

    /** Its volume may take writes again. */
    void offerAgain(long nowNanos) {
        offerAgainNanos = nowNanos;
    }

    @Nullable
    String failure() {
        return failure;
    }
}
