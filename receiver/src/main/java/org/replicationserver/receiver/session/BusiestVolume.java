package org.replicationserver.receiver.session;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;

/**
 * Adds up the busy time of whichever volume of a source server was the busiest in each interval between two looks: the one that holds up
 * the others, where the sum over all would be more than the time there was. Event loop only.
 */
final class BusiestVolume {
    /** A volume as it was looked at last. */
    private record Seen(Volume volume, long deviceNanos, long expandNanos) {}

    private final Map<String, Seen> seen = new HashMap<>();
    private long deviceNanos;
    private long expandNanos;

    /** Takes in what has passed since the last look. */
    @SuppressWarnings("ReferenceEquality") // a volume that was reopened is another one
    void look(List<VolumeAssignment> volumes, VolumeHost host) {
        long busiestDevice = 0;
        long busiestExpand = 0;
        for (VolumeAssignment assigned : volumes) {
            if (host.find(assigned.volumeId()) instanceof Availability.Open open) {
                Volume volume = open.volume();
                Seen now = new Seen(volume, volume.deviceBusyNanos(), volume.expandBusyNanos());
                Seen before = seen.put(assigned.volumeId(), now);
                if (before != null && before.volume == volume) {
                    busiestDevice = Math.max(busiestDevice, now.deviceNanos - before.deviceNanos);
                    busiestExpand = Math.max(busiestExpand, now.expandNanos - before.expandNanos);
                }
            }
        }
        deviceNanos += busiestDevice;
        expandNanos += busiestExpand;
    }

    long deviceNanos() {
        return deviceNanos;
    }

    long expandNanos() {
        return expandNanos;
    }
}
