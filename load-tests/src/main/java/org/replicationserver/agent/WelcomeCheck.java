package org.replicationserver.agent;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;

/** Refuses a WELCOME that does not answer the HELLO that was sent. */
final class WelcomeCheck {
    private WelcomeCheck() {}

    static void check(Welcome welcome, int streams, List<ReplicatedDisk> disks, long lastGeneration)
            throws ProtocolException {
        if (welcome.version() != ProtocolLimits.VERSION) {
            throw new ProtocolException(ErrorCode.VERSION, "version=" + welcome.version() + " was not offered");
        }
        require(welcome.streams() <= streams, "streams=" + welcome.streams() + " is more than was wanted");
        require(welcome.generation() > lastGeneration, "generation=" + welcome.generation() + " is not newer");
        List<Welcome.Volume> volumes = welcome.volumes();
        require(volumes.size() == disks.size(), "volumes are not one for each disk");
        Set<Integer> indexes = new HashSet<>();
        for (int i = 0; i < volumes.size(); i++) {
            Welcome.Volume volume = volumes.get(i);
            ReplicationPlan.Disk disk = disks.get(i).spec;
            require(volume.deviceName().equals(disk.deviceName()), "volumes are not in the order of the disks");
            require(volume.sizeBytes() == disk.sizeBytes(), "sizeBytes of volume " + i + " is not the disk's");
            require(indexes.add(volume.index()), "two volumes have the same index");
        }
    }

    private static void require(boolean holds, String otherwise) throws ProtocolException {
        if (!holds) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "WELCOME: " + otherwise);
        }
    }
}
