package org.replicationserver.receiver.session;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;

/** What the writers of a source server's volumes did in the last minute, by their own clocks and counters. Event loop only. */
final class VolumeActivity {
    private static final long SAMPLE_NANOS = 5_000_000_000L;

    /** So that the oldest is a minute old. */
    private static final int SAMPLES_MAX = 13;

    private record Sample(long nanos, long busyNanos, long writtenBytes) {
        static Sample of(Volume volume, long nowNanos) {
            return new Sample(nowNanos, volume.deviceBusyNanos(), volume.writtenBytes());
        }
    }

    /** The samples of a volume since it was opened, oldest first. */
    private record Seen(Volume volume, ArrayDeque<Sample> samples) {}

    private final SessionClock clock;
    private final Map<String, Seen> seen = new HashMap<>();
    private long lookedNanos;
    private boolean looked;

    VolumeActivity(SessionClock clock) {
        this.clock = clock;
    }

    /** Takes a sample if it is time; to be called a few times a second. */
    void look(List<VolumeAssignment> assigned, VolumeHost host) {
        long now = clock.nanos();
        if (looked && now - lookedNanos < SAMPLE_NANOS) {
            return;
        }
        looked = true;
        lookedNanos = now;
        seen.keySet()
                .retainAll(assigned.stream().map(VolumeAssignment::volumeId).toList());
        for (VolumeAssignment one : assigned) {
            if (host.find(one.volumeId()) instanceof Availability.Open open) {
                sample(one.volumeId(), open.volume(), now);
            } else {
                seen.remove(one.volumeId());
            }
        }
    }

    @SuppressWarnings("ReferenceEquality") // a volume that was reopened is another one
    private void sample(String volumeId, Volume volume, long nowNanos) {
        Seen known = seen.get(volumeId);
        if (known == null || known.volume != volume) {
            known = new Seen(volume, new ArrayDeque<>());
            seen.put(volumeId, known);
        }
        known.samples.addLast(Sample.of(volume, nowNanos));
        if (known.samples.size() > SAMPLES_MAX) {
            known.samples.removeFirst();
        }
    }

    /** From the oldest sample until now, of each assigned volume. */
    List<TestResult.Volume> lately(List<VolumeAssignment> assigned) {
        List<TestResult.Volume> volumes = new ArrayList<>();
        for (VolumeAssignment one : assigned) {
            volumes.add(lately(one, seen.get(one.volumeId())));
        }
        return volumes;
    }

    private TestResult.Volume lately(VolumeAssignment assigned, @Nullable Seen known) {
        if (known == null) {
            return new TestResult.Volume(assigned.volumeId(), assigned.deviceName(), 0, 0, 0);
        }
        Sample oldest = known.samples.getFirst();
        Sample now = Sample.of(known.volume, clock.nanos());
        return new TestResult.Volume(
                assigned.volumeId(),
                assigned.deviceName(),
                (now.nanos - oldest.nanos) / 1_000_000,
                (now.busyNanos - oldest.busyNanos) / 1_000_000,
                now.writtenBytes - oldest.writtenBytes);
    }
}
