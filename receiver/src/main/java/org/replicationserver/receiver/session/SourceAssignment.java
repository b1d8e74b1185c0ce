package org.replicationserver.receiver.session;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** The volumes that are assigned to a source server. */
public record SourceAssignment(String sourceServerId, List<VolumeAssignment> volumes) {
    public SourceAssignment {
        volumes = List.copyOf(volumes);
    }

    /** The volume of a disk, or null if none is assigned. */
    public @Nullable VolumeAssignment volumeOf(String deviceName) {
        for (VolumeAssignment volume : volumes) {
            if (volume.deviceName().equals(deviceName)) {
                return volume;
            }
        }
        return null;
    }

    /** The volume of this id, or null if none is assigned. */
    @Nullable
    VolumeAssignment volume(String volumeId) {
        for (VolumeAssignment volume : volumes) {
            if (volume.volumeId().equals(volumeId)) {
                return volume;
            }
        }
        return null;
    }
}
