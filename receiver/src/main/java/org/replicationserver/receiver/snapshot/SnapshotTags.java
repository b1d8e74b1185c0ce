package org.replicationserver.receiver.snapshot;

import java.util.LinkedHashMap;
import java.util.Map;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.session.VolumeAssignment;

/** The tags and the description that a snapshot is created with; README, "Tags". Stateless. */
final class SnapshotTags {
    /** Without it the role's policy allows no snapshot. */
    static final String MANAGED = "AWSApplicationMigrationServiceManaged";

    static final String GROUP = "ReplicationSnapshotGroupId";
    static final String SOURCE_SERVER = "ReplicationSourceServerId";
    static final String EPOCH = "ReplicationEpoch";
    static final String DEVICE = "ReplicationDeviceName";

    private static final String MANAGED_BY_DEFAULT = "mgn";
    private static final int DESCRIPTION_CHARS_MAX = 255;

    private SnapshotTags() {}

    /** @param wanted by the control plane */
    static Map<String, String> of(
            Map<String, String> wanted, String groupId, String sourceServerId, long epoch, VolumeAssignment volume) {
        Map<String, String> tags = new LinkedHashMap<>(wanted);
        tags.putIfAbsent(MANAGED, MANAGED_BY_DEFAULT);
        tags.put(GROUP, groupId);
        tags.put(SOURCE_SERVER, sourceServerId);
        tags.put(EPOCH, Long.toString(epoch));
        tags.put(DEVICE, volume.deviceName());
        return tags;
    }

    static String description(String groupId, String sourceServerId, long epoch, VolumeAssignment volume) {
        return PeerText.cut(
                "Replica of " + volume.deviceName() + " of " + sourceServerId + " at epoch " + epoch + ", " + groupId,
                DESCRIPTION_CHARS_MAX);
    }
}
