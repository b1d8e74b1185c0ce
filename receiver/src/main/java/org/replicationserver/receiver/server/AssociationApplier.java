package org.replicationserver.receiver.server;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.control.AssignedDisk;
import org.replicationserver.receiver.control.Association;
import org.replicationserver.receiver.control.AssociationListener;
import org.replicationserver.receiver.control.Associations;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes what the control plane says the assignment of this server. Event loop only.
 *
 * <p>What cannot be is told and takes nothing away: a source server keeps what it had.
 */
final class AssociationApplier implements AssociationListener {
    private static final Logger LOG = LoggerFactory.getLogger(AssociationApplier.class);

    private final AssignedSources assigned;
    private final VolumePaths paths;
    private final Sessions sessions;
    private final BandwidthSchedule configuredBandwidth;
    private BandwidthSchedule serverBandwidth;

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
        int sourceServersMax = sessions.sourceServersMax();
        Map<String, AssignedSource> before = new LinkedHashMap<>();
        assigned.current().forEach(source -> before.put(source.assignment().sourceServerId(), source));
        List<AssignedSource> after = new ArrayList<>();
        for (Association association : associations.associations()) {
            AssignedSource source = sourceOf(association);
            AssignedSource taken = source == null ? before.get(association.sourceServerId()) : source;
            if (taken != null && after.size() < sourceServersMax) {
                after.add(taken);
            } else if (taken != null) {
                refuse(
                        association,
                        "the memory does for " + sourceServersMax + " source servers; raise memory.budget-bytes");
            }
        }
        return assigned.change(after);
    }

    /** What was set by hand meanwhile stays as long as the control plane says the same. */
    private void limitServer(BandwidthSchedule bandwidth) {
        if (!bandwidth.equals(serverBandwidth)) {
            serverBandwidth = bandwidth;
            sessions.setServerBandwidth(bandwidth);
        }
    }

    private @Nullable AssignedSource sourceOf(Association association) {
        List<VolumeAssignment> volumes = new ArrayList<>();
        for (AssignedDisk disk : association.disks()) {
            String text = disk.path() == null ? disk.volumeId() + ".img" : disk.path();
            Path path = paths.resolve(text);
            if (path == null) {
                refuse(association, "volume " + disk.volumeId() + " has another path than " + VolumePaths.ALLOWED);
                return null;
            }
            volumes.add(new VolumeAssignment(disk.volumeId(), disk.deviceName(), path, disk.sizeBytes(), disk.fresh()));
        }
        return new AssignedSource(
                new SourceAssignment(association.sourceServerId(), volumes),
                association.agentPins().stream().map(Pin::toString).toList(),
                association.bandwidth() == null ? BandwidthSchedule.UNLIMITED : association.bandwidth(),
                association.desiredState(),
                association.record() == null ? null : ReportedRecord.toSourceRecord(association.record()));
    }

    private static void refuse(Association association, String why) {
        LOG.atError()
                .addKeyValue("source", association.sourceServerId())
                .addKeyValue("cause", why)
                .log("an association is not taken");
    }
}
