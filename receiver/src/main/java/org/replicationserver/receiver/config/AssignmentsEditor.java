package org.replicationserver.receiver.config;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.VolumeText.Field;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.VolumeAssignment;

/** Adds one source server to a list of assignments, or changes it there. Pure. */
final class AssignmentsEditor {
    private static final String EARLIER = "an earlier assignment";

    private final List<AssignedSource> current;
    private final VolumePaths paths;

    AssignmentsEditor(List<AssignedSource> current, VolumePaths paths) {
        this.current = List.copyOf(current);
        this.paths = paths;
    }

    /**
     * The list with the change.
     *
     * @param pins replace those that the source server has, unless there are none here
     * @param volumes are added to those that it has; one with the id of another replaces that
     * @param removed ids of volumes that it has no more; each must be one of its
     */
    List<AssignedSource> assign(Field sourceServerId, List<Field> pins, List<VolumeText> volumes, List<Field> removed)
            throws ConfigException {
        Mistakes mistakes = new Mistakes();
        AssignmentChecks checks = new AssignmentChecks(paths, mistakes);
        AssignedSource before = null;
        List<AssignedSource> changed = new ArrayList<>();
        int position = current.size();
        for (AssignedSource source : current) {
            if (source.assignment().sourceServerId().equals(sourceServerId.text())) {
                before = source;
                position = changed.size();
            } else {
                changed.add(source);
                checks.check(EARLIER, idOf(source), pinsOf(source), bandwidthOf(source), volumesOf(source, Set.of()));
            }
        }
        requireRemovable(removed, sourceServerId.text(), before, mistakes);
        Set<String> replaced = new HashSet<>(idsOf(volumes));
        removed.forEach(id -> replaced.add(id.text()));
        AssignedSource after = checks.check(
                sourceServerId.where(),
                sourceServerId,
                pins.isEmpty() ? pinsOf(before) : pins,
                bandwidthOf(before),
                Stream.concat(volumesOf(before, replaced).stream(), volumes.stream())
                        .toList());
        mistakes.throwIfAny();
        if (after != null) {
            changed.add(position, after);
        }
        return List.copyOf(changed);
    }

    private static void requireRemovable(
            List<Field> removed, String sourceServerId, @Nullable AssignedSource before, Mistakes mistakes) {
        List<String> known = before == null
                ? List.of()
                : before.assignment().volumes().stream()
                        .map(VolumeAssignment::volumeId)
                        .toList();
        for (Field id : removed) {
            if (!known.contains(id.text())) {
                mistakes.value(
                        id.where(), "volume", id.text(), "one of source server " + sourceServerId + ": " + known);
            }
        }
    }

    private static Field idOf(AssignedSource source) {
        return new Field(EARLIER, source.assignment().sourceServerId());
    }

    private static List<Field> pinsOf(@Nullable AssignedSource source) {
        return source == null
                ? List.of()
                : source.agentPins().stream()
                        .map(pin -> new Field(EARLIER, pin))
                        .toList();
    }

    private static BandwidthText bandwidthOf(@Nullable AssignedSource source) {
        return BandwidthText.of(EARLIER, source == null ? BandwidthSchedule.UNLIMITED : source.bandwidth());
    }

    private static List<VolumeText> volumesOf(@Nullable AssignedSource source, Set<String> exceptIds) {
        if (source == null) {
            return List.of();
        }
        List<VolumeText> texts = new ArrayList<>();
        for (VolumeAssignment volume : source.assignment().volumes()) {
            if (!exceptIds.contains(volume.volumeId())) {
                texts.add(VolumeText.of(EARLIER, volume));
            }
        }
        return texts;
    }

    private static Set<String> idsOf(List<VolumeText> volumes) {
        return volumes.stream()
                .map(VolumeText::volumeId)
                .flatMap(Stream::ofNullable)
                .map(Field::text)
                .collect(Collectors.toSet());
    }
}
