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

    /** Why its volume takes no writes, or null. */
    private @Nullable String failure;

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

    void failed(String why) {
        failure = why;
    }

    @Nullable
    String failure() {
        return failure;
    }
}
