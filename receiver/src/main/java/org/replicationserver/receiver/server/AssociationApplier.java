package org.replicationserver.receiver.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.control.AssignedDisk;
import org.replicationserver.receiver.control.Association;
import org.replicationserver.receiver.control.AssociationListener;
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
final class AssociationApplier implements AssociationListener {
    private static final Logger LOG = LoggerFactory.getLogger(AssociationApplier.class);

    private final AssignedSources assigned;
    private final VolumePaths paths;
    private final Sessions sessions;
    private final BandwidthSchedule configuredBandwidth;
    private BandwidthSchedule serverBandwidth;

    /** By source server id. */
    private final Map<String, String> refusals = new LinkedHashMap<>();

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
    public CompletionStage<Void> changed(Associations associations) {
        limitServer(associations.bandwidth() == null ? configuredBandwidth : associations.bandwidth());
        Map<String, AssignedSource> before = new LinkedHashMap<>();
        assigned.current().forEach(source -> before.put(source.assignment().sourceServerId(), source));
        refusals.clear();
        Ownership ownership = new Ownership();
        List<AssignedSource> after = new ArrayList<>();
        for (Association association : hereFirst(associations.associations(), before)) {
            String why = take(sourceOf(association), ownership, after);
            if (why != null) {
                refuse(association, why);
            }
        }
        refusals.keySet().stream()
                .flatMap(id -> Stream.ofNullable(before.get(id)))
                .forEach(former -> take(new Reading(former, null), ownership, after));
        return assigned.change(after);
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
            things.add("path " + volume.path());
        }
        return things;
    }

    /** Why what was last said of a source server could not be taken; null if it was. */
    @Nullable
    String refusalOf(String sourceServerId) {
        return refusals.get(sourceServerId);
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
            String text = disk.path() == null ? disk.volumeId() + ".img" : disk.path();
            Path path = paths.resolve(text);
            if (path == null) {
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

    private void refuse(Association association, String why) {
        refusals.put(association.sourceServerId(), why);
        LOG.atError()
                .addKeyValue("source", association.sourceServerId())
                .addKeyValue("cause", why)
                .log("an association is not taken");
    }
}
