package org.replicationserver.receiver.staging;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The EBS volumes that were seen by one look. Immutable.
 *
 * @param devices in the order of their names
 * @param contradictions by volume id, links that lead to a device with another serial number, in words
 * @param unready ids of volumes whose controller is there and has no namespace yet
 */
public record NvmeDevices(List<NvmeDevice> devices, Map<String, String> contradictions, List<String> unready) {
    /** None were seen. */
    public static final NvmeDevices NONE = new NvmeDevices(List.of(), Map.of(), List.of());

    private static final int NAMED_MAX = 30;

    public NvmeDevices {
        devices = List.copyOf(devices);
        contradictions = Map.copyOf(contradictions);
        unready = List.copyOf(unready);
    }

    /** What there is of a volume. */
    sealed interface Finding {
        record Found(NvmeDevice device) implements Finding {}

        /** It may come. */
        record Absent(String reason) implements Finding {}

        /** What is there must not be taken for it. */
        record Refused(String reason) implements Finding {}
    }

    Finding find(String volumeId) {
        List<NvmeDevice> own = devices.stream()
                .filter(device -> device.volumeId().equals(volumeId))
                .toList();
        String contradiction = contradictions.get(volumeId);
        if (contradiction != null) {
            return new Finding.Refused(contradiction);
        }
        if (own.size() > 1) {
            return new Finding.Refused("the serial number of " + volumeId + " is that of " + names(own)
                    + ", so nobody can tell which of them is the volume");
        }
        return own.isEmpty() ? new Finding.Absent(absent(volumeId)) : new Finding.Found(own.getFirst());
    }

    private String absent(String volumeId) {
        if (unready.contains(volumeId)) {
            return "its NVMe controller has appeared and no namespace of it yet";
        }
        String seen = devices.stream()
                .limit(NAMED_MAX)
                .map(device -> device.volumeId() + " (" + device.name() + ")")
                .collect(Collectors.joining(", "));
        String more = devices.size() > NAMED_MAX ? " and " + (devices.size() - NAMED_MAX) + " more" : "";
        return "no NVMe device of this instance has its serial number; EBS volumes seen: "
                + (seen.isEmpty() ? "none" : seen + more);
    }

    private static String names(List<NvmeDevice> devices) {
        return devices.stream().map(NvmeDevice::name).collect(Collectors.joining(" and of "));
    }
}
