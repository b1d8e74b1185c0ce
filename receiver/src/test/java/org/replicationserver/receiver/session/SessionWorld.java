package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeId;
import org.replicationserver.volume.VolumeWriter;
import org.replicationserver.volume.VolumeWriterOptions;
import org.replicationserver.volume.testing.MemoryDevice;

/**
 * A server without sockets, threads or a disk: the shipped sessions and volume writers, moved step by step by a test. Nothing
 * happens but what the test asks for: {@link #write} moves a volume, {@link #storeRecords} the state directory.
 */
final class SessionWorld {
    static final String SOURCE = "s-1";
    static final String MISTAKE = "a mistake of a listener";
    static final String PIN = "sha256:" + "0".repeat(64);
    static final int KIB = 1024;
    static final int MIB = 1024 * KIB;
    static final int VOLUME_BYTES = 4 * MIB;
    static final int REGION_SHIFT = 20;
    static final int REGION = 1 << REGION_SHIFT;

    private static final SessionSettings DEFAULTS = SessionSettings.defaults();

    final List<String> told = new ArrayList<>();
    final List<SessionEndCause> causes = new ArrayList<>();
    final Map<String, SourceRecord> stored = new HashMap<>();

    /** Records of which it was told that they make a rescan needed. */
    final List<SourceRecord> needed = new ArrayList<>();

    final Map<String, VolumeWriter> writers = new LinkedHashMap<>();
    final Map<String, MemoryDevice> devices = new HashMap<>();
    final Sessions sessions;

    private final SessionSettings settings;
    private final ArrayDeque<Runnable> loop = new ArrayDeque<>();
    private final RoundReports reports = new RoundReports(loop::add);
    private final ArrayDeque<Runnable> stores = new ArrayDeque<>();
    final Map<String, VolumeHost.Availability> availability = new HashMap<>();
    private UnaryOperator<BlockDevice> wrap;
    private final ArrayDeque<Runnable> opens = new ArrayDeque<>();

    /** Volumes whose image file is not there. */
    final Set<String> missingImages = new HashSet<>();

    /** What waits for the background thread. */
    final ArrayDeque<Runnable> background = new ArrayDeque<>();

    long loopCpuNanos;

    /** Of volumes that cannot be opened, why. */
    final Map<String, VolumeHost.Availability> closed = new HashMap<>();

    private boolean holdStores;
    private boolean holdOpens;
    private long nanos = 1;
    long allocatedPayloads;

    /** Lines of {@link #told}; whoever tells or is told one of them makes a mistake, once. */
    final Set<String> mistakes = new HashSet<>();

    /** Whoever is told of an opened session, of a commit or of something refused makes a mistake. */
    boolean listenerFails;

    /** No more payload memory is to be had. */
    boolean outOfMemory;

    SessionWorld(int volumes) {
        this(volumes, settings(DEFAULTS.memoryBudgetBytes(), DEFAULTS.keyBytesMax()), UnaryOperator.identity());
    }

    SessionWorld(int volumes, SessionSettings settings, UnaryOperator<BlockDevice> wrap) {
        this.settings = settings;
        this.wrap = wrap;
        List<VolumeAssignment> assigned = new ArrayList<>();
        for (int i = 0; i < volumes; i++) {
            assigned.add(new VolumeAssignment("vol-" + i, "/dev/sd" + i, Path.of("vol-" + i), VOLUME_BYTES, false));
        }
        SourceAssignment other = new SourceAssignment(
                "s-2",
                List.of(new VolumeAssignment("vol-other", "/dev/sda", Path.of("vol-other"), VOLUME_BYTES, false)));
        this.sessions = sessions();
        reports.to(sessions);
        assign(new SourceAssignment(SOURCE, assigned), null);
        assign(other, null);
    }

    /** Changes what is assigned; the stage tells whether the change is done. */
    CompletableFuture<Void> assign(SourceAssignment assignment, @Nullable SourceRecord lastReported) {
        CompletableFuture<Void> done = sessions.assign(
                        assignment, BandwidthSchedule.UNLIMITED, DesiredState.STARTED, lastReported)
                .toCompletableFuture();
        settle();
        return done;
    }

    /** A world whose first device is wrapped when it is opened first; what is opened later is sound. */
    static SessionWorld withFirstDevice(int volumes, UnaryOperator<BlockDevice> wrap) {
        boolean[] wrapped = new boolean[1];
        return new SessionWorld(volumes, settings(DEFAULTS.memoryBudgetBytes(), DEFAULTS.keyBytesMax()), device -> {
            boolean first = !wrapped[0];
            wrapped[0] = true;
            return first ? wrap.apply(device) : device;
        });
    }

    /** The defaults with small regions, so that small volumes have several. */
    static SessionSettings settings(long memoryBudgetBytes, long keyBytesMax) {
        return new SessionSettings(
                REGION_SHIFT,
                DEFAULTS.streamsMax(),
                memoryBudgetBytes,
                DEFAULTS.firstFrameTimeout(),
                DEFAULTS.attachTimeout(),
                DEFAULTS.ackInterval(),
                DEFAULTS.progressAfter(),
                DEFAULTS.progressInterval(),
                DEFAULTS.pingAfter(),
                DEFAULTS.deadAfter(),
                DEFAULTS.drainTimeout(),
                DEFAULTS.reconnectAfter(),
                keyBytesMax,
                DEFAULTS.controlFramesPerSecond(),
                DEFAULTS.controlFramesBurst(),
                DEFAULTS.pingsPerSecond(),
                DEFAULTS.pingsBurst());
    }

    private Sessions sessions() {
        return new Sessions(
                settings,
                new SessionClock() {
                    @Override
                    public long nanos() {
                        return nanos;
                    }

                    @Override
                    public long millis() {
                        return wallMillis();
                    }
                },
                new Told(),
                new Memory(),
                new Host(),
                new Records(),
                loop::add,
                (delayNanos, task) -> () -> {}, // of the throttle, which has tests of its own
                new Random(1),
                new SpeedTestRuntime(background::add, () -> loopCpuNanos));
    }

    /** As a server does with an image file that is too small. */
    private VolumeHost.Availability open(VolumeAssignment assignment, long heldBytes) {
        String volumeId = assignment.volumeId();
        VolumeHost.Availability none = closed.get(volumeId);
        if (none != null) {
            availability.put(volumeId, none);
            return none;
        }
        int sizeBytes = (int) assignment.sizeBytes();
        MemoryDevice device = devices.computeIfAbsent(volumeId, id -> new MemoryDevice(sizeBytes));
        if (device.sizeBytes() < sizeBytes) {
            if (device.sizeBytes() < heldBytes) {
                VolumeHost.Availability tooSmall = new VolumeHost.Availability.Unavailable("smaller than assigned");
                availability.put(volumeId, tooSmall);
                return tooSmall;
            }
            MemoryDevice extended = new MemoryDevice(sizeBytes);
            System.arraycopy(device.bytes(), 0, extended.bytes(), 0, device.bytes().length);
            devices.put(volumeId, extended);
            device = extended;
        }
        BlockDevice wrapped = wrap.apply(device);
        VolumeWriter writer = VolumeWriter.withoutThread(
                new VolumeId(volumeId),
                wrapped,
                sizeBytes,
                VolumeWriterOptions.defaults().withFresh(wrapped.isKnownZero()),
                reports,
                () -> nanos);
        writers.put(volumeId, writer);
        VolumeHost.Availability open = new VolumeHost.Availability.Open(writer);
        availability.put(volumeId, open);
        return open;
    }

    /** Devices that are opened from now on are wrapped so. */
    void wrapNext(UnaryOperator<BlockDevice> next) {
        wrap = next;
    }

    /** A new connection of the agent of {@link #SOURCE}. */
    TestAgent connect() {
        return connect(SOURCE);
    }

    TestAgent connect(String sourceServerId) {
        TestAgent agent = new TestAgent(this);
        agent.open(sessions.accept(agent, sourceServerId, PIN));
        return agent;
    }

    /** One more source server without volumes. */
    void assignOneMore(String sourceServerId) {
        assign(new SourceAssignment(sourceServerId, List.of()), null);
    }

    /** Lets the background thread do all that it has, then settles. */
    void expand() {
        while (!background.isEmpty()) {
            background.remove().run();
        }
        settle();
    }

    /** Runs what waits for the event loop, and the stores unless they are held. */
    void settle() {
        boolean moved = true;
        while (moved) {
            moved = false;
            while (!loop.isEmpty()) {
                loop.remove().run();
                moved = true;
            }
            while (!holdStores && !stores.isEmpty()) {
                stores.remove().run();
                moved = true;
            }
            while (!holdOpens && !opens.isEmpty()) {
                opens.remove().run();
                moved = true;
            }
        }
    }

    /** Lets a volume's writer do all that it has, then settles. */
    void write(int volume) {
        VolumeWriter writer = writer(volume);
        while (writer.runBatch()) {
            settle();
        }
        settle();
    }

    void writeAll() {
        for (VolumeWriter writer : List.copyOf(writers.values())) {
            while (writer.runBatch()) {
                settle();
            }
        }
        settle();
    }

    VolumeWriter writer(int volume) {
        VolumeWriter writer = writers.get("vol-" + volume);
        if (writer == null) {
            throw new IllegalArgumentException("no volume " + volume);
        }
        return writer;
    }

    byte[] content(int volume) {
        MemoryDevice device = devices.get("vol-" + volume);
        if (device == null) {
            throw new IllegalArgumentException("no volume " + volume);
        }
        return device.bytes();
    }

    /** Devices do not answer when they are opened, until {@link #openDevices}. */
    void holdOpens() {
        holdOpens = true;
    }

    void openDevices() {
        holdOpens = false;
        settle();
    }

    void holdStores() {
        holdStores = true;
    }

    void storeRecords() {
        holdStores = false;
        settle();
    }

    /** A device takes its time. */
    void spend(long spentNanos) {
        nanos += spentNanos;
    }

    /** Lets time pass and the deadlines be looked at. */
    long wallMillis() {
        return 1_790_000_000_000L + nanos / 1_000_000;
    }

    void pass(long millis) {
        nanos += millis * 1_000_000;
        sessions.tick();
        settle();
    }

    SourceRecord record() {
        SourceRecord record = stored.get(SOURCE);
        if (record == null) {
            throw new IllegalStateException("nothing is stored");
        }
        return record;
    }

    private final class Records implements SourceRecords {
        @Override
        public CompletionStage<SourceRecord> load(String sourceServerId) {
            return CompletableFuture.supplyAsync(
                    () -> stored.getOrDefault(sourceServerId, SourceRecord.initial()), loop::add);
        }

        @Override
        public CompletionStage<Void> store(String sourceServerId, SourceRecord record) {
            CompletableFuture<Void> done = new CompletableFuture<>();
            stores.add(() -> {
                stored.put(sourceServerId, record);
                done.complete(null);
            });
            return done;
        }
    }

    private final class Host implements VolumeHost {
        @Override
        public Availability find(String volumeId) {
            Availability found = availability.get(volumeId);
            return found == null ? new Availability.Unavailable("not assigned") : found;
        }

        @Override
        public CompletionStage<Boolean> isMissingImage(VolumeAssignment assignment) {
            return CompletableFuture.completedStage(missingImages.remove(assignment.volumeId()));
        }

        @Override
        public CompletionStage<Availability> open(
                VolumeAssignment assignment, boolean untouched, boolean make, long heldBytes) {
            told.add(assignment.volumeId() + " held "
                    + (heldBytes == VolumeRecord.HELD_UNKNOWN ? "nobody knows what" : heldBytes));
            String line = "open " + assignment.volumeId() + (untouched ? " untouched" : "")
                    + (make ? "" : ", it must be there");
            return openLater(line, assignment, heldBytes);
        }

        @Override
        public CompletionStage<Void> close(String volumeId) {
            told.add("close " + volumeId);
            availability.remove(volumeId);
            VolumeWriter writer = writers.remove(volumeId);
            if (writer == null) {
                return CompletableFuture.completedStage(null);
            }
            CompletionStage<Void> stopped = writer.stop();
            while (writer.runBatch()) {
                settle();
            }
            return stopped.exceptionally(failure -> null);
        }

        @Override
        public CompletionStage<Availability> reopen(VolumeAssignment assignment, boolean make, long heldBytes) {
            return openLater(
                    "reopen " + assignment.volumeId() + (make ? ", it may be made" : ""), assignment, heldBytes);
        }

        private CompletionStage<Availability> openLater(String line, VolumeAssignment assignment, long heldBytes) {
            CompletableFuture<Availability> opened = new CompletableFuture<>();
            opens.add(() -> opened.complete(SessionWorld.this.open(assignment, heldBytes)));
            return opened.thenCombine(
                    CompletableFuture.runAsync(() -> tell(line), Runnable::run), (open, told) -> open);
        }
    }

    private final class Memory implements PayloadMemory {
        @Override
        public void allocate(HeldMemory memory, int payloadBytes) {
            if (outOfMemory) {
                throw new OutOfMemoryError("scripted");
            }
            allocatedPayloads++;
            memory.hold(ByteBuffer.allocateDirect(payloadBytes), "held");
        }

        @Override
        public void release(HeldMemory memory) {
            allocatedPayloads--;
        }
    }

    private void tell(String line) {
        told.add(line);
        if (mistakes.remove(line)) {
            throw new IllegalStateException(MISTAKE);
        }
    }

    private final class Told implements SessionEvents {
        private void failIfAsked() {
            if (listenerFails) {
                throw new IllegalStateException(MISTAKE);
            }
        }

        @Override
        public void programFault(String source, Throwable fault) {
            told.add("fault " + fault);
        }

        @Override
        public void volumeClosed(String source, String volumeId) {
            tell("closed " + volumeId);
        }

        @Override
        public void volumeBegunAnew(String source, String volumeId, String dataGen) {
            tell("begun anew " + volumeId);
        }

        @Override
        public void volumeReplaced(String source, String volumeId, String before, String now) {
            tell("replaced " + volumeId + ": " + before + ", " + now);
        }

        @Override
        public void sessionOpened(
                String source, long generation, String address, int streams, List<Welcome.Volume> volumes) {
            failIfAsked();
            told.add("opened " + generation);
        }

        @Override
        public void sessionEnded(String source, long generation, String reason, SessionEndCause cause) {
            told.add("ended " + generation);
            causes.add(cause);
        }

        @Override
        public void refused(String source, String address, ErrorBody error) {
            failIfAsked();
            told.add("refused " + error.name());
        }

        @Override
        public void connectionBroke(String source, String address, String cause) {
            told.add("broke " + cause);
        }

        @Override
        public void peerReportedError(String source, String address, int code) {
            told.add("peer error " + code);
        }

        @Override
        public void ignored(String source) {
            told.add("ignored");
        }

        @Override
        public void ignoredMembers(String source, int members) {
            told.add("ignored members " + members);
        }

        @Override
        public void frameDropped(String source) {
            told.add("dropped");
        }

        @Override
        public void goAwaySent(String source, String reason) {
            told.add("goaway " + reason);
        }

        @Override
        public void recordLost(String source, String cause) {
            told.add("record lost");
        }

        @Override
        public void readingPaused(String source) {
            told.add("paused");
        }

        @Override
        public void firstByteReceived(String source) {
            told.add("first byte");
        }

        @Override
        public void blocksDurable(String source, String volumeId, long bytes) {
            told.add("durable " + volumeId + " " + bytes);
        }

        @Override
        public void blocksCompared(String source, ComparedBlocks compared) {
            told.add((compared.verified() ? "verified " : "compared ") + compared.volumeId() + " " + compared.bytes()
                    + " of " + compared.blockBytes() + " differing " + compared.differingBytes() + " from "
                    + compared.firstDifferingBytes());
        }

        @Override
        public void epochOpened(String source, long epoch, long estimatedBytes) {
            told.add("epoch opened " + epoch);
        }

        @Override
        public void volumeOpened(String source, String volumeId) {
            tell("volume opened " + volumeId);
        }

        @Override
        public void volumeUnavailable(String source, String volumeId, String reason) {
            tell("volume unavailable " + volumeId);
        }

        @Override
        public void volumeAwaited(String source, String volumeId, String reason) {
            told.add("volume awaited " + volumeId + ": " + reason);
        }

        @Override
        public void agentsAccepted(String source) {
            told.add("agents accepted");
        }

        @Override
        public void dataReceived(int payloadBytes, int rawBytes) {}

        @Override
        public void zeroReceived(long zeroBytes) {}

        @Override
        public void acknowledged() {}

        @Override
        public void writerStored(String source, SourceRecord record) {
            told.add("writer " + record.writtenGeneration());
        }

        @Override
        public void rescanNeeded(String source, SourceRecord record) {
            needed.add(record);
        }

        @Override
        public void committed(String source, SourceRecord record) {
            failIfAsked();
            told.add("committed " + record.commit().epoch());
        }

        @Override
        public void held(String source, StandingHold hold) {
            told.add("held " + hold.epoch());
        }

        @Override
        public void holdEnded(String source, StandingHold hold, @Nullable String spoiledBy) {
            told.add("hold ended " + hold.epoch() + (spoiledBy == null ? " valid" : " expired"));
        }

        @Override
        public void volumeLeftClosed(String source, String volumeId, String cause) {
            told.add("left closed " + volumeId);
        }

        @Override
        public void sourceStatus(String source, List<VolumeBacklog> backlogs, SourceStatus.Waits waits) {
            String volumes = backlogs.stream()
                    .map(backlog -> backlog.volumeId() + "=" + backlog.backlogBytes())
                    .collect(Collectors.joining(" "));
            told.add("status " + volumes + " waits=" + waits.sourceMillis() + "," + waits.networkMillis() + ","
                    + waits.windowMillis());
        }

        @Override
        public void volumeFailed(String source, VolumeFailure failure) {
            told.add("volume failed " + failure.volumeId());
        }

        @Override
        public void bandwidthLimited(@Nullable String source, HeldLimit limit) {
            told.add("limit " + source + " " + limit.mbps() + " " + limit.origin());
        }

        @Override
        public void duplicateAgent(String source, RefusedAgent refused) {
            told.add("duplicate agent");
        }

        @Override
        public void speedTestEnded(String source, String reason, TestResult result) {
            told.add("speed test ended " + reason);
        }

        @Override
        public void repeatedCorruption(String source, int blocks) {
            told.add("repeated corruption");
        }
    }
}
