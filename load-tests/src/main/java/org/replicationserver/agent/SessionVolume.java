package org.replicationserver.agent;

/** The volume of a disk in one session. Event loop only. */
final class SessionVolume {
    final ReplicatedDisk disk;
    final int index;
    final String volumeId;
    private boolean failed;

    SessionVolume(ReplicatedDisk disk, int index, String volumeId, boolean failed) {
        this.disk = disk;
        this.index = index;
        this.volumeId = volumeId;
        this.failed = failed;
    }

    boolean isFailed() {
        return failed;
    }

    void fail() {
        failed = true;
    }
}
