package org.replicationserver.receiver.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.control.AssignedDisk;
import org.replicationserver.receiver.control.Association;
import org.replicationserver.receiver.control.AssociationTaker;
import org.replicationserver.receiver.control.Associations;
import org.replicationserver.receiver.control.Ownership;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes what the control plane says the assignment of this server. Event loop only.
 *
 * <p>What cannot be is told and takes nothing away: a source server keeps what it had, unless that is another's by now, and none has to
 * go because others came. No volume, no path and no pin is ever assigned to two source servers.
 */
final class AssociationApplier implements AssociationTaker {
    private static final Logger LOG = LoggerFactory.getLogger(AssociationApplier.class);

    private final AssignedSources assigned;
    private final VolumePaths paths;
    private final Sessions sessions;
    private final BandwidthSchedule configuredBandwidth;
    private BandwidthSchedule serverBandwidth;

    private Taken taken = new Taken(Associations.NONE, Map.of());
    private List<NotTaken> notTaken = List.of();

    /**
     * An association that was said and is not taken.
     *
     * @param pins of its agents, whom nobody knows unless something else holds
     */
    record NotTaken(String sourceServerId, String cause, Set<String> pins) {}

    /** An association as it can be assigned, or why it cannot. */
    private record Reading(
            @Nullable AssignedSource source, @Nullable String mistake) {}

    /** @param configuredBandwidth of the whole server, which holds where the control plane says nothing of it */
    AssociationApplier(
            AssignedSources assigned, VolumePaths paths, Sessions sessions, BandwidthSchedule configuredBandwidth) {
        this.assigned = assigned;
        this.paths = paths;
        this.sessions = sessions;
        this.configuredBandwidth = configuredBandwidth;
        this.serverBandwidth = configuredBandwidth;
    }

    @Override
    public Taken take(Associations associations) {
        limitServer(associations.bandwidth() == null ? configuredBandwidth : associations.bandwidth());
        Map<String, AssignedSource> before = new LinkedHashMap<>();
        assigned.current().forEach(source -> before.put(source.assignment().sourceServerId(), source));
        Map<String, String> refusals = new LinkedHashMap<>();
        List<NotTaken> left = new ArrayList<>();
        Ownership ownership = new Ownership();
        List<AssignedSource> after = new ArrayList<>();
        List<Association> now = new ArrayList<>();
        for (Association association : hereFirst(associations.associations(), before)) {
            String why = take(sourceOf(association), ownership, after);
            if (why == null) {
                now.add(association);
            } else {
                refusals.put(association.sourceServerId(), why);
                left.add(notTaken(association, why));
            }
        }
        for (String refused : refusals.keySet()) {
            AssignedSource had = before.get(refused);
            Association former = taken.associations().of(refused);
            if (had != null && take(new Reading(had, null), ownership, after) == null && former != null) {
                now.add(former);
            }
        }
        tell(refusals);
        notTaken = List.copyOf(left);
        taken = new Taken(new Associations(now, associations.bandwidth()), refusals);
        assigned.change(after);
        return taken;
    }

    private static NotTaken notTaken(Association association, String why) {
        return new NotTaken(
                association.sourceServerId(),
                why,
                association.agentPins().stream().map(Pin::toString).collect(Collectors.toSet()));
    }

    /** What was said last and is not taken. */
    List<NotTaken> notTaken() {
        return notTaken;
    }

    /** Whether a refused handshake was that of an agent whose association is not taken. */
    boolean isOfNotTaken(String refusal) {
        return notTaken.stream().flatMap(one -> one.pins().stream()).anyMatch(refusal::contains);
    }

    /** Of what is said again and again, the first time. */
    private void tell(Map<String, String> refusals) {
        refusals.forEach((id, why) -> {
            if (!why.equals(taken.refusals().get(id))) {
                LOG.atError()
                        .addKeyValue("source", id)
                        .addKeyValue("cause", why)
                        .log("an association is not taken");
            }
        });
    }

    private static List<Association> hereFirst(List<Association> associations, Map<String, AssignedSource> before) {
        List<Association> inOrder = new ArrayList<>(associations);
        inOrder.sort(Comparator.comparing(association -> !before.containsKey(association.sourceServerId())));
        return inOrder;
    }

    /** Null if it is taken, else why it is not. */
    private @Nullable String take(Reading reading, Ownership ownership, List<AssignedSource> after) {
        AssignedSource source = reading.source();
        if (source == null) {
            return reading.mistake();
        }
        int sourceServersMax = sessions.sourceServersMax();
        if (after.size() >= sourceServersMax) {
            return "the memory does for " + sourceServersMax + " source servers; raise memory.budget-bytes";
        }
        String objection = ownership.take(source.assignment().sourceServerId(), thingsOf(source));
        if (objection == null) {
            after.add(source);
        }
        return objection;
    }

    private static List<String> thingsOf(AssignedSource source) {
        List<String> things = new ArrayList<>();
        source.agentPins().forEach(pin -> things.add("pin " + pin));
        for (VolumeAssignment volume : source.assignment().volumes()) {
            things.add("volume " + volume.volumeId());
            if (volume.path() != null) {
                things.add("path " + volume.path());
            }
        }
        return things;
    }

    /** What was set by hand meanwhile stays as long as the control plane says the same. */
    private void limitServer(BandwidthSchedule bandwidth) {
        if (!bandwidth.equals(serverBandwidth)) {
            serverBandwidth = bandwidth;
            sessions.setServerBandwidth(bandwidth);
        }
    }

    private Reading sourceOf(Association association) {
        List<VolumeAssignment> volumes = new ArrayList<>();
        for (AssignedDisk disk : association.disks()) {
            if (disk.path() == null && paths.needsPath(disk.volumeId())) {
                return new Reading(
                        null,
                        "volume " + disk.volumeId() + " has no path; allowed: " + VolumePaths.ALLOWED_WITHOUT_PATH);
            }
            Path path = disk.path() == null ? paths.defaultOf(disk.volumeId()) : paths.resolve(disk.path());
            if (path == null && disk.path() != null) {
                return new Reading(null, "volume " + disk.volumeId() + " has another path than " + VolumePaths.ALLOWED);
            }
            volumes.add(new VolumeAssignment(disk.volumeId(), disk.deviceName(), path, disk.sizeBytes(), disk.fresh()));
        }
        AssignedSource source = new AssignedSource(
                new SourceAssignment(association.sourceServerId(), volumes),
                association.agentPins().stream().map(Pin::toString).toList(),
                association.bandwidth() == null ? BandwidthSchedule.UNLIMITED : association.bandwidth(),
                association.desiredState(),
                association.record() == null ? null : ReportedRecord.toSourceRecord(association.record()));
        return new Reading(source, null);
    }
}
