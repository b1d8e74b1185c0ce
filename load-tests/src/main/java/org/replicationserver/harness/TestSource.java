package org.replicationserver.harness;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;

/** A source server as both sides know it: its agent's key and the volumes that are assigned to its disks. */
public record TestSource(AgentKey key, List<VolumeAssignment> volumes, List<String> pins, BandwidthSchedule bandwidth) {
    /** Without a limit of its bandwidth. */
    public TestSource(AgentKey key, List<VolumeAssignment> volumes, List<String> pins) {
        this(key, volumes, pins, BandwidthSchedule.UNLIMITED);
    }

    /** With image files, one for each size; its disks are {@code /dev/disk0} and so on. */
    public static TestSource of(Path directory, String sourceServerId, long... sizesBytes)
            throws CertificateStoreException {
        AgentKey key = Identities.agent(directory, sourceServerId);
        List<VolumeAssignment> volumes = new ArrayList<>();
        for (int i = 0; i < sizesBytes.length; i++) {
            Path image = ServerProcess.imageDirectory(directory).resolve(sourceServerId + "-" + i + ".img");
            volumes.add(new VolumeAssignment(
                    "vol-" + sourceServerId + "-" + i, "/dev/disk" + i, image, sizesBytes[i], false));
        }
        return new TestSource(key, List.copyOf(volumes), List.of(key.pin()));
    }

    /** The same volumes, opened by one more key. */
    public TestSource withKey(AgentKey another) {
        List<String> more = new ArrayList<>(pins);
        more.add(another.pin());
        return new TestSource(key, volumes, List.copyOf(more), bandwidth);
    }

    /** The same with a limit of its bandwidth. */
    public TestSource throttled(int mbps) {
        return new TestSource(key, volumes, pins, BandwidthSchedule.always(mbps));
    }

    /** The same with a first volume on another path. */
    public TestSource onDevice(Path device) {
        VolumeAssignment first = volumes.getFirst();
        VolumeAssignment moved =
                new VolumeAssignment(first.volumeId(), first.deviceName(), device, first.sizeBytes(), first.fresh());
        List<VolumeAssignment> all = new ArrayList<>(volumes);
        all.set(0, moved);
        return new TestSource(key, List.copyOf(all), pins, bandwidth);
    }

    public String sourceServerId() {
        return key.sourceServerId();
    }

    public VolumeAssignment volume(int index) {
        return volumes.get(index);
    }

    public AssignedSource assigned() {
        return new AssignedSource(
                new SourceAssignment(sourceServerId(), volumes), pins, bandwidth, DesiredState.STARTED, null);
    }

    /** Of a volume that has one. */
    public Path path(int index) {
        return Objects.requireNonNull(volume(index).path());
    }

    public List<Hello.Disk> disks() {
        return volumes.stream()
                .map(volume -> new Hello.Disk(volume.deviceName(), volume.sizeBytes(), 512))
                .toList();
    }
}
