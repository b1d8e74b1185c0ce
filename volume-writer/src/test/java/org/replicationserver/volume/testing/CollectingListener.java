package org.replicationserver.volume.testing;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.replicationserver.volume.BlockWrite;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeListener;

/** Remembers what it was told, in order. Told by the writer thread, asked by the test's. */
public final class CollectingListener implements VolumeListener {
    private final List<List<BlockWrite>> rounds = new CopyOnWriteArrayList<>();
    private final List<VolumeFailure> failures = new CopyOnWriteArrayList<>();
    private final List<String> events = new CopyOnWriteArrayList<>();

    @Override
    public void roundCompleted(Volume volume, List<BlockWrite> writes) {
        rounds.add(List.copyOf(writes));
        for (BlockWrite write : writes) {
            events.add(write.outcome() + " " + write.offsetBytes());
        }
    }

    @Override
    public void failed(Volume volume, VolumeFailure failure) {
        failures.add(failure);
        events.add("failed " + failure.operation());
    }

    /** For a test's own marks between what was told. */
    public void mark(String event) {
        events.add(event);
    }

    public List<List<BlockWrite>> rounds() {
        return rounds;
    }

    public List<BlockWrite> reported() {
        return rounds.stream().flatMap(List::stream).toList();
    }

    public List<VolumeFailure> failures() {
        return failures;
    }

    /** Each as {@code DURABLE 4096}, with the offset of the write, or {@code failed force}. */
    public List<String> events() {
        return events;
    }
}
