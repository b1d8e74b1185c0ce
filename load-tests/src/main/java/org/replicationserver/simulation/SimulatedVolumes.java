package org.replicationserver.simulation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.volume.VolumeListener;
import org.replicationserver.volume.VolumeWriterOptions;

/** The volumes that one process has open. */
final class SimulatedVolumes implements VolumeHost {
    private static final long OPEN_NANOS = 1_000_000;
    private static final long REGION_BYTES = VolumeWriterOptions.REGION_BYTES_MIN;

    private final Map<String, SimulatedDisk> disks;
    private final SimulatedServer server;
    private final SimulatedProcess process;
    private final VolumeListener rounds;
    private final Dice dice;
    private final Map<String, Availability> availability = new HashMap<>();
    private final Map<String, SimulatedVolume> open = new HashMap<>();
    private final List<SimulatedVolume> all = new ArrayList<>();
    private final long forceBytesMax;

    SimulatedVolumes(
            Map<String, SimulatedDisk> disks,
            SimulatedServer server,
            SimulatedProcess process,
            VolumeListener rounds,
            Dice dice) {
        this.disks = disks;
        this.server = server;
        this.process = process;
        this.rounds = rounds;
        this.dice = dice;
        this.forceBytesMax = dice.percent(50) ? 256 * 1024 : VolumeWriterOptions.FORCE_BYTES_MAX_DEFAULT;
    }

    @Override
    public Availability find(String volumeId) {
        return availability.getOrDefault(volumeId, new Availability.Unavailable("not assigned"));
    }

    @Override
    public CompletionStage<Boolean> isMissingImage(VolumeAssignment assignment) {
        CompletableFuture<Boolean> answer = new CompletableFuture<>();
        process.later(dice.skewed(OPEN_NANOS), () -> answer.complete(false));
        return answer;
    }

    @Override
    public CompletionStage<Availability> open(
            VolumeAssignment assignment, boolean untouched, boolean make, long heldBytes) {
        return openAnew(assignment, assignment.fresh() && untouched);
    }

    @Override
    public CompletionStage<Availability> reopen(VolumeAssignment assignment, boolean make, long heldBytes) {
        return openAnew(assignment, false);
    }

    private CompletionStage<Availability> openAnew(VolumeAssignment assignment, boolean fresh) {
        String id = assignment.volumeId();
        availability.put(id, new Availability.Unavailable("it is being opened"));
        CompletableFuture<Availability> opened = new CompletableFuture<>();
        stop(id).whenComplete((done, failure) -> process.later(dice.skewed(OPEN_NANOS), () -> {
            Availability found = openNow(assignment, fresh);
            availability.put(id, found);
            opened.complete(found);
        }));
        return opened;
    }

    private Availability openNow(VolumeAssignment assignment, boolean fresh) {
        SimulatedDisk disk = disks.get(assignment.volumeId());
        if (disk == null) {
            throw new IllegalStateException("no such disk: " + assignment);
        }
        if (server.isDetached()) {
            return new Availability.Unavailable("open failed: no such device");
        }
        if (dice.percent(server.faults(assignment.volumeId()).openErrors())) {
            return new Availability.Unavailable("open failed: simulated", dice.percent(50));
        }
        VolumeWriterOptions options = new VolumeWriterOptions(fresh, REGION_BYTES, forceBytesMax);
        SimulatedVolume volume =
                new SimulatedVolume(disk, assignment.sizeBytes(), options, rounds, server, process, dice.fork());
        if (open.put(assignment.volumeId(), volume) != null) {
            throw new Violation("I6", "a disk is open twice: " + assignment.volumeId());
        }
        all.add(volume);
        return new Availability.Open(volume);
    }

    private CompletionStage<Void> stop(String volumeId) {
        SimulatedVolume volume = open.get(volumeId);
        return volume == null
                ? CompletableFuture.completedStage(null)
                : volume.stop().whenComplete((stopped, failure) -> open.remove(volumeId, volume));
    }

    @Override
    public CompletionStage<Void> close(String volumeId) {
        availability.put(volumeId, new Availability.Unavailable("it is being closed"));
        CompletableFuture<Void> closed = new CompletableFuture<>();
        stop(volumeId)
                .whenComplete((stopped, failure) -> process.execute(() -> {
                    availability.remove(volumeId);
                    closed.complete(null);
                }));
        return closed;
    }

    /** The process is gone. */
    void bury() {
        all.forEach(SimulatedVolume::bury);
    }
}
