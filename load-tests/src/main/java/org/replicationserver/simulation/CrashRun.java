package org.replicationserver.simulation;

import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * One run of server and agent, on one thread, that stops at every point at which a crash could leave something else than at the one
 * before: between two steps of either, and at the begin and the end of each call of a device. Either it begins with volumes of which
 * nothing is known, or it recovers from a crash of another run.
 *
 * <p>What is ready first goes first: tasks of the event loop, then what the agent is sent, then storage, in the order of the scenario. So
 * whatever the server says too early is heard before it becomes true.
 */
final class CrashRun {
    static final String SOURCE = "s-1";
    static final int VOLUMES = 2;
    static final int SECTORS = 5;
    static final int SECTORS_CHANGED = 3;
    static final int SECTOR_BYTES = 512;
    static final int VOLUME_BYTES = SECTORS * SECTOR_BYTES;

    /** The disks have a tail that is none of the volume's. */
    private static final int DISK_BYTES = VOLUME_BYTES + SECTOR_BYTES;

    private static final CrashScenario RECOVERY =
            new CrashScenario(List.of(), List.of(), CrashScenario.StorageOrder.RECORDS_FIRST, CrashScenario.NONE_FAILS);

    private final Map<String, SimulatedDisk> disks;
    private final ReplicaModel.Site site;
    private final ReplicaModel model;
    private final InlineServer server;
    private final ScriptedAgent agent;
    private final Consumer<CrashRun> visitor;
    private final CrashScenario scenario;
    private final CrashStory story;
    private final int processNumber;

    /** By volume id, sectors that were written. */
    private final Map<String, BitSet> written = new HashMap<>();

    private boolean visiting;
    private int stepsDone;
    private boolean nextAtDeviceCall;
    private int deviceCalls;
    private boolean interleaving;
    private boolean over;

    /** @param visitor called at each crash point; changes nothing */
    CrashRun(CrashScenario scenario, Consumer<CrashRun> visitor, CrashStory story) {
        this.scenario = scenario;
        this.visitor = visitor;
        this.story = story;
        this.processNumber = 1;
        this.disks = new LinkedHashMap<>();
        LinkedHashMap<String, ReplicaVolume> volumes = new LinkedHashMap<>();
        for (int i = 0; i < VOLUMES; i++) {
            SimulatedDisk disk = new SimulatedDisk(volumeId(i), new byte[DISK_BYTES], new Dice(i));
            disks.put(disk.volumeId, disk);
            volumes.put(deviceName(i), new ReplicaVolume(disk, VOLUME_BYTES, SECTOR_BYTES));
        }
        this.site = new ReplicaModel.Site(SOURCE, new SimulatedRecords.Directory());
        this.model = new ReplicaModel(volumes, SECTOR_BYTES, this::mark, null);
        this.server = new InlineServer(assignment(), site.directory(), this);
        this.agent = new ScriptedAgent(this, "cd".repeat(16));
    }

    /** What comes after a crash of another run that left these disks. */
    private CrashRun(CrashRun crashed, List<SimulatedDisk> left, boolean sameAgent, Consumer<CrashRun> visitor) {
        this.scenario = RECOVERY;
        this.visitor = visitor;
        this.story = crashed.story.ofRecovery();
        this.processNumber = crashed.processNumber + 1;
        this.disks = new LinkedHashMap<>();
        left.forEach(disk -> disks.put(disk.volumeId, disk));
        this.site = crashed.site.copy();
        this.model = crashed.model.after(byDeviceName(left), this::mark);
        this.server = new InlineServer(assignment(), site.directory(), this);
        this.agent = new ScriptedAgent(this, crashed.agent, sameAgent);
    }

    static String deviceName(int volume) {
        return "/dev/sd" + (char) ('a' + volume);
    }

    private static String volumeId(int volume) {
        return "vol-" + volume;
    }

    private static Map<String, SimulatedDisk> byDeviceName(List<SimulatedDisk> disks) {
        Map<String, SimulatedDisk> found = new HashMap<>();
        for (int i = 0; i < VOLUMES; i++) {
            found.put(deviceName(i), disks.get(i));
        }
        return found;
    }

    private static SourceAssignment assignment() {
        List<VolumeAssignment> volumes = new ArrayList<>();
        for (int i = 0; i < VOLUMES; i++) {
            volumes.add(new VolumeAssignment(volumeId(i), deviceName(i), Path.of(volumeId(i)), VOLUME_BYTES, false));
        }
        return new SourceAssignment(SOURCE, volumes);
    }

    private List<byte[]> mark() {
        return agent.disks().stream().map(byte[]::clone).toList();
    }

    // --- what its parts ask

    void tell(Supplier<String> what) {
        story.tell(what);
    }

    ReplicaModel.Site site() {
        return site;
    }

    ReplicaModel model() {
        return model;
    }

    InlineServer server() {
        return server;
    }

    SimulatedDisk disk(String volumeId) {
        return Objects.requireNonNull(disks.get(volumeId), volumeId);
    }

    /** Counts the processes of the server, from 1. */
    int processNumber() {
        return processNumber;
    }

    private boolean recovers() {
        return processNumber > 1;
    }

    boolean isOver() {
        return over;
    }

    /** The server has said what it wants of an agent that remembers this. */
    void welcomed(Welcome welcome, Hello.@Nullable Remembered remembered) {
        for (Welcome.Volume volume : welcome.volumes()) {
            if (volume.action() == Welcome.Action.FAILED && recovers()) {
                throw model.found(new Violation("I12", volume + " was opened again"));
            }
            if (volume.action() == Welcome.Action.RESCAN
                    && remembered != null
                    && !volume.reason().equals("VOLUME_REOPENED")) {
                throw model.found(new Violation("I9", "a rescan that nothing asks for: " + volume));
            }
        }
    }

    /** A device is about to write or to force; says whether that is to fail. */
    boolean deviceCall(SimulatedDisk disk, boolean force) {
        crashPoint();
        int number = deviceCalls;
        deviceCalls += visiting ? 1 : 0;
        if (nextAtDeviceCall) {
            nextAtDeviceCall = false;
            doSteps();
        }
        boolean interleaved = scenario.order() == CrashScenario.StorageOrder.INTERLEAVED && !interleaving;
        if (interleaved && force && disk == disk(volumeId(0))) {
            interleaving = true;
            server.runBatch(volumeId(1));
            interleaving = false;
        }
        crashPoint();
        return visiting && number == scenario.failingCall();
    }

    void written(SimulatedDisk disk, long offsetBytes, long lengthBytes) {
        int first = (int) offsetBytes / SECTOR_BYTES;
        written.computeIfAbsent(disk.volumeId, id -> new BitSet()).set(first, first + (int) lengthBytes / SECTOR_BYTES);
    }

    void crashPoint() {
        model.requireNothingFound();
        if (!visiting || over) {
            return;
        }
        try {
            visitor.accept(this);
        } catch (RuntimeException | Error e) { // a writer would take it for a failure of its device
            throw model.found(Violation.of(e));
        }
    }

    // --- the run

    /** Does all steps of the scenario, after an initial sync; says how many calls of devices they took. */
    int play() {
        try {
            visiting = scenario.steps().isEmpty();
            sync();
            visiting = true;
            deviceCalls = 0;
            crashPoint();
            while (stepsDone < scenario.steps().size()) {
                nextAtDeviceCall = false;
                doSteps();
                work();
            }
            return deviceCalls;
        } finally {
            end();
        }
    }

    /** Up to the next pause. */
    private void doSteps() {
        CrashScenario.Pause pause = CrashScenario.Pause.NONE;
        while (pause == CrashScenario.Pause.NONE && stepsDone < scenario.steps().size()) {
            CrashScenario.Step step = scenario.steps().get(stepsDone);
            tell(() -> "the agent is to do " + step);
            agent.doStep(step);
            pause = scenario.pauseAfter(stepsDone++);
        }
        nextAtDeviceCall = pause == CrashScenario.Pause.DEVICE_CALL;
    }

    /** A new process of the server, which an operator helps with failed volumes, and a session that ends with a commit of all. */
    private void sync() {
        work();
        server.reopenFailed();
        work();
        agent.connect();
        work();
        agent.commit();
        work();
        if (model.commitCount() == 0 || !model.isReplicated(agent.disks())) {
            throw model.found(new Violation("I12", "not replicated though nothing is wrong any more"));
        }
        model.check("at the end");
    }

    /** Until nobody has anything to do. */
    private void work() {
        while (server.runLoopTask() || agent.takeFrame() || storage()) {
            crashPoint();
        }
    }

    private boolean storage() {
        return switch (scenario.order()) {
            case RECORDS_FIRST, INTERLEAVED ->
                server.runRecordCall() || server.runBatch(volumeId(0)) || server.runBatch(volumeId(1));
            case RECORDS_LAST -> server.runBatch(volumeId(1)) || server.runBatch(volumeId(0)) || server.runRecordCall();
        };
    }

    private void end() {
        over = true;
        server.bury();
    }

    // --- a crash at this point

    int unsyncedSectors() {
        return disks.values().stream().mapToInt(SimulatedDisk::unsyncedSectors).sum();
    }

    /** Disks after a loss of power that leaves just these of the unsynced sectors. */
    private List<SimulatedDisk> left(long kept) {
        List<SimulatedDisk> left = new ArrayList<>();
        int shift = 0;
        for (SimulatedDisk disk : disks.values()) {
            left.add(new SimulatedDisk(disk.volumeId, disk.imageWith(kept >>> shift), new Dice(0)));
            shift += disk.unsyncedSectors();
        }
        return left;
    }

    private static String inBits(long kept) {
        return Long.toBinaryString(kept);
    }

    /** Checks what is left, before anybody touches it. */
    void checkLeft(long kept, Recovery recovery) {
        List<SimulatedDisk> left = left(kept);
        model.after(byDeviceName(left), this::mark)
                .check("after a crash that left " + inBits(kept) + " of the unsynced sectors, last first");
        for (int volume = 0; volume < VOLUMES; volume++) {
            byte[] image = left.get(volume).stable();
            byte[] source = agent.disks().get(volume);
            BitSet mended = recovery.written.getOrDefault(volumeId(volume), new BitSet());
            for (int sector = mended.nextClearBit(0); sector < SECTORS; sector = mended.nextClearBit(sector + 1)) {
                int at = sector * SECTOR_BYTES;
                int end = at + SECTOR_BYTES;
                if (!Arrays.equals(image, at, end, source, at, end)) {
                    throw new Violation(
                            "I14",
                            "sector at " + at + " of " + volumeId(volume)
                                    + " is not the source's after a crash, and no recovery mends it");
                }
            }
        }
    }

    /** What a recovery did. */
    record Recovery(Map<String, BitSet> written) {}

    /**
     * A new process of the server, and the agent, or its next process, bring the volumes to what the source has.
     *
     * @param visitorOfRecovery called at each crash point of the recovery
     */
    Recovery recover(long kept, boolean sameAgent, Consumer<CrashRun> visitorOfRecovery) {
        CrashRun recovery = new CrashRun(this, left(kept), sameAgent, visitorOfRecovery);
        try {
            recovery.visiting = true;
            recovery.sync();
            return new Recovery(recovery.written);
        } catch (RuntimeException | Error e) {
            story.tellAfterCrash(
                    () -> "a crash leaves " + inBits(kept)
                            + " of the unsynced sectors, last first; a new process of the server" + " meets "
                            + (sameAgent ? "the agent as it was" : "a new process of the agent"),
                    recovery.story);
            throw e;
        } finally {
            recovery.end();
        }
    }

    /** Of everything that decides what a crash at this point may leave, and what comes of it. */
    byte[] digest() {
        MessageDigest digest = Hashes.newSha256();
        disks.values().forEach(disk -> disk.addTo(digest));
        site.addTo(digest);
        model.addTo(digest);
        agent.addTo(digest);
        return digest.digest();
    }

    @Override
    public String toString() {
        return recovers() ? "a recovery" : scenario.toString();
    }
}
