package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HeldMemory;
import org.replicationserver.receiver.session.PayloadMemory;
import org.replicationserver.receiver.session.RoundReports;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SessionSettings;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecords;
import org.replicationserver.receiver.session.SpeedTestRuntime;
import org.replicationserver.receiver.session.Transport;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.volume.VolumeId;
import org.replicationserver.volume.VolumeWriter;
import org.replicationserver.volume.VolumeWriterOptions;

/**
 * One process of the server, whose every step is taken by a {@link CrashRun}, on its thread: the shipped sessions and volume writers, with
 * a state directory whose changes are there whole or not at all. No time passes, and nothing is left to chance.
 */
final class InlineServer {
    private static final String PIN = "sha256:" + "0".repeat(64);

    private final SourceAssignment assignment;
    private final SimulatedRecords.Directory directory;
    private final CrashRun run;
    private final ArrayDeque<Runnable> loopTasks = new ArrayDeque<>();
    private final ArrayDeque<Runnable> recordCalls = new ArrayDeque<>();
    private final Map<String, VolumeWriter> open = new LinkedHashMap<>();
    private final List<VolumeWriter> all = new ArrayList<>();
    private final RoundReports reports = new RoundReports(loopTasks::add);
    private final Sessions sessions;

    InlineServer(SourceAssignment assignment, SimulatedRecords.Directory directory, CrashRun run) {
        this.assignment = assignment;
        this.directory = directory;
        this.run = run;
        this.sessions = new Sessions(
                settings(),
                new Clock(),
                new SessionEvents() {
                    @Override
                    public void programFault(String sourceServerId, Throwable fault) {
                        run.model().found(Violation.of(fault));
                    }
                },
                new Memory(),
                new Volumes(),
                new Records(),
                loopTasks::add,
                (delayNanos, task) -> () -> {},
                new Random(run.processNumber()),
                new SpeedTestRuntime(task -> {}, () -> 0));
        reports.to(sessions);
        sessions.assign(assignment, BandwidthSchedule.UNLIMITED, DesiredState.STARTED, null);
    }

    /** As shipped, but for the smallest regions. */
    private static SessionSettings settings() {
        SessionSettings shipped = SessionSettings.defaults();
        return new SessionSettings(
                ProtocolLimits.REGION_SHIFT_MIN,
                shipped.streamsMax(),
                shipped.memoryBudgetBytes(),
                shipped.firstFrameTimeout(),
                shipped.attachTimeout(),
                shipped.ackInterval(),
                shipped.progressAfter(),
                shipped.progressInterval(),
                shipped.pingAfter(),
                shipped.deadAfter(),
                shipped.drainTimeout(),
                shipped.reconnectAfter(),
                shipped.keyBytesMax(),
                shipped.controlFramesPerSecond(),
                shipped.controlFramesBurst(),
                shipped.pingsPerSecond(),
                shipped.pingsBurst());
    }

    AgentConnection accept(Transport transport) {
        return Objects.requireNonNull(sessions.accept(transport, assignment.sourceServerId(), PIN), "assigned");
    }

    /** An operator has every volume opened again that has failed. */
    void reopenFailed() {
        for (VolumeAssignment volume : assignment.volumes()) {
            VolumeWriter writer = open.get(volume.volumeId());
            if (writer == null || writer.failure() != null) {
                sessions.reopen(volume.volumeId());
            }
        }
    }

    void execute(Runnable task) {
        loopTasks.add(task);
    }

    // --- steps; each says whether there was something to do

    boolean runLoopTask() {
        return run(loopTasks);
    }

    boolean runRecordCall() {
        return run(recordCalls);
    }

    private static boolean run(ArrayDeque<Runnable> tasks) {
        Runnable next = tasks.poll();
        if (next != null) {
            next.run();
        }
        return next != null;
    }

    boolean runBatch(String volumeId) {
        VolumeWriter writer = open.get(volumeId);
        return writer != null && writer.runBatch();
    }

    /** The process is gone: what its writers hold is given back. */
    void bury() {
        for (VolumeWriter writer : all) {
            writer.stop();
            boolean more = true;
            while (more) {
                more = writer.runBatch();
            }
        }
    }

    private final class Volumes implements VolumeHost {
        @Override
        public Availability find(String volumeId) {
            VolumeWriter writer = open.get(volumeId);
            return writer == null ? new Availability.Unavailable("not open") : new Availability.Open(writer);
        }

        @Override
        public CompletionStage<Boolean> isMissingImage(VolumeAssignment volume) {
            return onLoop(false);
        }

        @Override
        public CompletionStage<Availability> open(
                VolumeAssignment volume, boolean untouched, boolean make, long heldBytes) {
            VolumeWriter writer = VolumeWriter.withoutThread(
                    new VolumeId(volume.volumeId()),
                    new InlineDevice(run.disk(volume.volumeId()), run),
                    volume.sizeBytes(),
                    VolumeWriterOptions.defaults(),
                    reports,
                    () -> 0);
            open.put(volume.volumeId(), writer);
            all.add(writer);
            return onLoop(new Availability.Open(writer));
        }

        @Override
        public CompletionStage<Availability> reopen(VolumeAssignment volume, boolean make, long heldBytes) {
            VolumeWriter former = open.remove(volume.volumeId());
            if (former != null) {
                former.stop();
            }
            return open(volume, false, make, heldBytes);
        }

        @Override
        public CompletionStage<Void> close(String volumeId) {
            throw new IllegalStateException("no volume is taken away here");
        }

        private <T> CompletionStage<T> onLoop(T answer) {
            CompletableFuture<T> stage = new CompletableFuture<>();
            loopTasks.add(() -> stage.complete(answer));
            return stage;
        }
    }

    private final class Records implements SourceRecords {
        @Override
        public CompletionStage<SourceRecord> load(String sourceServerId) {
            CompletableFuture<SourceRecord> loaded = new CompletableFuture<>();
            recordCalls.add(() -> {
                byte[] file = directory.file(sourceServerId);
                try {
                    SourceRecord record = file == null ? SourceRecord.initial() : SourceRecord.parse(file);
                    run.tell(() -> "the record is read: " + text(record));
                    loopTasks.add(() -> loaded.complete(record));
                } catch (ProtocolException e) {
                    throw run.model().found(new Violation("I7", "a record that cannot be read: " + e.getMessage()));
                }
            });
            return loaded;
        }

        @Override
        public CompletionStage<Void> store(String sourceServerId, SourceRecord record) {
            CompletableFuture<Void> stored = new CompletableFuture<>();
            byte[] file = record.toBytes();
            recordCalls.add(() -> {
                directory.put(sourceServerId, file);
                run.tell(() -> "the record is stored: " + text(record));
                loopTasks.add(() -> stored.complete(null));
            });
            return stored;
        }
    }

    private static String text(SourceRecord record) {
        return "generation " + record.generation() + ", written by " + record.writtenGeneration() + ", "
                + record.commit() + ", " + new TreeMap<>(record.volumes()).values();
    }

    private static final class Clock implements SessionClock {
        @Override
        public long nanos() {
            return 1;
        }

        @Override
        public long millis() {
            return VirtualTime.BEGIN_MILLIS;
        }
    }

    private static final class Memory implements PayloadMemory {
        @Override
        public void allocate(HeldMemory memory, int payloadBytes) {
            memory.hold(ByteBuffer.allocate(payloadBytes), payloadBytes);
        }

        @Override
        public void release(HeldMemory memory) {}
    }
}
