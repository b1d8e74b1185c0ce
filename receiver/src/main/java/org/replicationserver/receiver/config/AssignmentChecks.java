package org.replicationserver.receiver.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.VolumeText.Field;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * The rules of assignments, each source server by itself and all of them together. Confined to one thread; sources are handed in one
 * after the other, and what was taken before is refused.
 */
final class AssignmentChecks {
    private static final int DEVICE_NAME_CHARS_MAX = 128;
    private static final String SIZE_ALLOWED = "a multiple of " + ProtocolLimits.SECTOR_BYTES + " from "
            + ProtocolLimits.SECTOR_BYTES + " to " + ByteSize.format(ProtocolLimits.DISK_BYTES_MAX)
            + ", as plain bytes or in KiB, MiB, GiB, TiB, for example 8GiB";

    private final VolumePaths paths;
    private final Mistakes mistakes;
    private final Map<String, String> whereBySource = new HashMap<>();
    private final Map<Pin, String> sourceByPin = new HashMap<>();
    private final Map<String, String> whereByVolume = new HashMap<>();
    private final Map<Path, String> volumeByPath = new HashMap<>();

    AssignmentChecks(VolumePaths paths, Mistakes mistakes) {
        this.paths = paths;
        this.mistakes = mistakes;
    }

    /** The source server, with what of it is sound; null if it has no usable id. */
    @Nullable
    AssignedSource check(
            String where, @Nullable Field id, List<Field> pins, BandwidthText bandwidth, List<VolumeText> volumes) {
        String checkedId = sourceServerId(where, id);
        if (pins.isEmpty()) {
            mistakes.missing(where, AssignmentsFile.AGENT_PINS, "one pin or more, the current and the next");
        }
        if (volumes.size() > ProtocolLimits.DISKS_MAX) {
            mistakes.value(
                    where,
                    AssignmentsFile.VOLUMES,
                    volumes.size() + " volumes",
                    "at most " + ProtocolLimits.DISKS_MAX + " of a source server");
        }
        String owner = Objects.requireNonNullElse(checkedId, "another source server");
        List<String> checkedPins = pins.stream()
                .map(pin -> pin(owner, pin))
                .flatMap(Stream::ofNullable)
                .toList();
        BandwidthSchedule checkedBandwidth = new BandwidthChecks(mistakes).check(bandwidth);
        List<VolumeAssignment> checkedVolumes = volumes(volumes);
        return checkedId == null
                ? null
                : new AssignedSource(
                        new SourceAssignment(checkedId, checkedVolumes),
                        checkedPins,
                        checkedBandwidth,
                        DesiredState.STARTED,
                        null);
    }

    private @Nullable String sourceServerId(String where, @Nullable Field id) {
        if (id == null) {
            mistakes.missing(where, AssignmentsFile.SOURCE_SERVER_ID, IdForm.SOURCE_SERVER.allowed());
            return null;
        }
        if (!IdForm.SOURCE_SERVER.matches(id.text())) {
            mistakes.value(id.where(), AssignmentsFile.SOURCE_SERVER_ID, id.text(), IdForm.SOURCE_SERVER.allowed());
            return null;
        }
        String first = whereBySource.putIfAbsent(id.text(), id.where());
        if (first != null) {
            taken(id, AssignmentsFile.SOURCE_SERVER_ID, "one that is not taken, this one is by " + first);
            return null;
        }
        return id.text();
    }

    private @Nullable String pin(String sourceServerId, Field field) {
        Pin pin;
        try {
            pin = Pin.parse(field.text());
        } catch (IllegalArgumentException e) {
            // Not quoted: what was pasted here by mistake may be a key.
            mistakes.hiddenValue(
                    field.where(),
                    AssignmentsFile.AGENT_PINS,
                    field.text(),
                    "sha256:<64 lowercase hexadecimal digits>");
            return null;
        }
        String owner = sourceByPin.putIfAbsent(pin, sourceServerId);
        if (owner != null) {
            String allowed =
                    owner.equals(sourceServerId) ? "each pin once" : "a pin of its own, this one is of " + owner;
            taken(field, AssignmentsFile.AGENT_PINS, allowed);
            return null;
        }
        return pin.toString();
    }

    private List<VolumeAssignment> volumes(List<VolumeText> texts) {
        Map<String, String> volumeByDevice = new HashMap<>();
        List<VolumeAssignment> volumes = new ArrayList<>();
        for (VolumeText text : texts) {
            String id = volumeId(text);
            String label = Objects.requireNonNullElse(id, "another volume");
            String deviceName = deviceName(text, label, volumeByDevice);
            Place place = place(text, id, label);
            Long sizeBytes = sizeBytes(text);
            Boolean fresh = fresh(text);
            if (id != null && deviceName != null && place != null && sizeBytes != null && fresh != null) {
                volumes.add(new VolumeAssignment(id, deviceName, place.path(), sizeBytes, fresh));
            }
        }
        return volumes;
    }

    private @Nullable String volumeId(VolumeText text) {
        Field field = present(text, VolumeText.VOLUME_ID, text.volumeId(), IdForm.VOLUME.allowed());
        if (field == null) {
            return null;
        }
        if (!IdForm.VOLUME.matches(field.text())) {
            mistakes.value(field.where(), VolumeText.VOLUME_ID, field.text(), IdForm.VOLUME.allowed());
            return null;
        }
        String first = whereByVolume.putIfAbsent(field.text(), field.where());
        if (first != null) {
            taken(field, VolumeText.VOLUME_ID, "one that is not taken, this one is by " + first);
            return null;
        }
        return field.text();
    }

    private @Nullable String deviceName(VolumeText text, String volume, Map<String, String> volumeByDevice) {
        String allowed = "1 to " + DEVICE_NAME_CHARS_MAX + " characters, as the agent tells it";
        Field field = present(text, VolumeText.DEVICE_NAME, text.deviceName(), allowed);
        if (field == null) {
            return null;
        }
        if (field.text().isEmpty() || field.text().length() > DEVICE_NAME_CHARS_MAX) {
            mistakes.value(field.where(), VolumeText.DEVICE_NAME, field.text(), allowed);
            return null;
        }
        String first = volumeByDevice.putIfAbsent(field.text(), volume);
        if (first != null) {
            taken(field, VolumeText.DEVICE_NAME, "a disk without a volume, this one has " + first);
            return null;
        }
        return field.text();
    }

    /** @param path null where the device is found by its serial number */
    private record Place(@Nullable Path path) {}

    private @Nullable Place place(VolumeText text, @Nullable String volumeId, String volume) {
        Field field = text.path();
        if (field != null) {
            Path path = paths.resolve(field.text());
            if (path == null) {
                mistakes.value(field.where(), VolumeText.PATH, field.text(), VolumePaths.ALLOWED);
                return null;
            }
            return own(path, field, volume);
        }
        if (volumeId == null) {
            return null;
        }
        if (paths.needsPath(volumeId)) {
            mistakes.missing(text.where(), VolumeText.PATH, VolumePaths.ALLOWED_WITHOUT_PATH);
            return null;
        }
        Path path = paths.defaultOf(volumeId);
        return path == null
                ? new Place(null)
                : own(path, new Field(text.where(), paths.relative(path).toString()), volume);
    }

    private @Nullable Place own(Path path, Field field, String volume) {
        String first = volumeByPath.putIfAbsent(path, volume);
        if (first != null) {
            taken(field, VolumeText.PATH, "one that is not taken, this one is by " + first);
            return null;
        }
        return new Place(path);
    }

    private @Nullable Long sizeBytes(VolumeText text) {
        Field field = present(text, VolumeText.SIZE_BYTES, text.sizeBytes(), SIZE_ALLOWED);
        if (field == null) {
            return null;
        }
        try {
            long bytes = ByteSize.parse(field.text());
            if (bytes > 0 && bytes <= ProtocolLimits.DISK_BYTES_MAX && bytes % ProtocolLimits.SECTOR_BYTES == 0) {
                return bytes;
            }
        } catch (NumberFormatException | ArithmeticException e) {
            // falls through to the mistake
        }
        mistakes.value(field.where(), VolumeText.SIZE_BYTES, field.text(), SIZE_ALLOWED);
        return null;
    }

    private @Nullable Boolean fresh(VolumeText text) {
        Field field = text.fresh();
        if (field == null) {
            return false;
        }
        return switch (field.text()) {
            case "true" -> true;
            case "false" -> false;
            default -> {
                mistakes.value(field.where(), VolumeText.FRESH, field.text(), "true or false");
                yield null;
            }
        };
    }

    private @Nullable Field present(VolumeText text, String name, @Nullable Field field, String allowed) {
        if (field == null) {
            mistakes.missing(text.where(), name, allowed);
        }
        return field;
    }

    private void taken(Field field, String key, String allowed) {
        mistakes.value(field.where(), key, field.text(), allowed);
    }
}
