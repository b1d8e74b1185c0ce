package org.replicationserver.simulation;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord;

/**
 * What the volumes of a source server must hold, from nothing but what both sides have said on the wire. It is asked at each
 * acknowledgement, each commit, each hold, after each loss of power and at the end.
 */
final class ReplicaModel {
    /**
     * A DATA or ZERO frame that is not acknowledged.
     *
     * @param windowBytes what it takes of the window of its volume on its connection
     */
    private record Frame(
            long seq, ReplicaVolume volume, int firstBlock, List<ReplicaVolume.Version> versions, long windowBytes) {}

    /** What may be under way of a volume on a stream. */
    private static final class Window {
        private long sentBytes;
        private long limitBytes;
    }

    /** A commit that an agent asked for. */
    private record AskedCommit(long epoch, boolean fuzzy, List<byte[]> mark) {}

    /** A replication server over all its processes: what its state directory has of a source server, and what it has said to that. */
    static final class Site {
        private final String sourceServerId;
        private final SimulatedRecords.Directory directory;
        private final Map<Long, Session> sessions = new HashMap<>();
        private long generationMax;
        private boolean hasVolumes = true;

        /** Until the first WELCOME of a server that knows nothing of its own: what it goes by, perhaps nothing. */
        private @Nullable Given given;

        Site(String sourceServerId, SimulatedRecords.Directory directory) {
            this.sourceServerId = sourceServerId;
            this.directory = directory;
        }

        /** The same site, to go on with after a crash. */
        Site copy() {
            Site copy = new Site(sourceServerId, directory.copy());
            copy.generationMax = generationMax;
            return copy;
        }

        /** Everything that decides how it goes on after a crash. */
        void addTo(MessageDigest digest) {
            digest.update(Long.toString(generationMax).getBytes(StandardCharsets.US_ASCII));
            directory.addTo(digest);
        }

        SimulatedRecords.Directory directory() {
            return directory;
        }

        /** What is on stable storage of the source server, or null. */
        private @Nullable SourceRecord durable() {
            return directory.durable(sourceServerId);
        }

        /** It has no record of its own, but what was reported last: generations may begin anew from there, but for what agents remember. */
        void beginsWith(@Nullable SourceRecord record) {
            generationMax = record == null ? 0 : record.generation();
            given = new Given(record);
        }

        /** A process begins with what was reported last, unless the site has something newer of its own by now. */
        void starts(@Nullable SourceRecord lastReported) {
            SourceRecord own = durable();
            if (given != null
                    && lastReported != null
                    && (own == null || lastReported.generation() > own.generation())) {
                beginsWith(lastReported);
            }
        }

        /** Its volumes are another's from now on. */
        void losesVolumes() {
            hasVolumes = false;
        }
    }

    /** What a server goes by of a source server. */
    private record Given(@Nullable SourceRecord record) {
        /** Whether an agent that remembers this has nothing to send again. */
        boolean fits(String volumeId, Hello.@Nullable Remembered remembers, String deviceName) {
            Hello.RememberedDisk disk = remembers == null ? null : remembers.disk(deviceName);
            SourceRecord.VolumeRecord known =
                    record == null ? null : record.volumes().get(volumeId);
            return record != null
                    && remembers != null
                    && disk != null
                    && known != null
                    && known.dataGen().equals(disk.dataGen())
                    && hasNothingNewFor(remembers, deviceName);
        }

        /** Whether the agent knows of who wrote last, and of all that is committed but perhaps the newest. */
        boolean hasNothingNewFor(Hello.Remembered remembers, String deviceName) {
            Hello.RememberedDisk disk = remembers.disk(deviceName);
            return record != null
                    && disk != null
                    && remembers.generation() >= record.writtenGeneration()
                    && disk.committedEpoch() >= record.commit().previousEpoch();
        }
    }

    /** Of what differs in blocks of 64 KiB, what a rescan by comparison may send. */
    private static final int RESENT_PERCENT_MAX = 110;

    /** Reasons of a rescan that was wanted meanwhile. */
    private static final Set<String> WANTED_RESCANS = Set.of("VOLUME_REOPENED", "RESCAN_REQUESTED");

    private final Map<String, ReplicaVolume> volumes;
    private final Supplier<List<byte[]>> mark;
    private final int blockBytes;
    private final @Nullable Bystander bystander;
    private int sessionCount;
    private int takeoverCount;
    private int welcomeCount;

    /** Of all sites. */
    private final Set<Long> generations = new HashSet<>();

    private int commitCount;
    private int acknowledgedFrames;
    private int comparedBlocks;
    private int spoiledBlocks;
    private int foundBlocks;
    private long rescannedBytes;

    private @Nullable Violation first;

    /** By epoch, what was asked for last. */
    private final Map<Long, AskedCommit> asked = new HashMap<>();

    /**
     * @param volumes by device name, in the order of the source's disks
     * @param blockBytes of the blocks that agents send
     * @param mark the disks as the agent that is alive reads them
     * @param bystander the rules of a source server with which nothing goes wrong; null if something does
     */
    ReplicaModel(
            SequencedMap<String, ReplicaVolume> volumes,
            int blockBytes,
            Supplier<List<byte[]>> mark,
            @Nullable Bystander bystander) {
        this.bystander = bystander;
        this.blockBytes = blockBytes;
        this.volumes = volumes;
        this.mark = mark;
    }

    /**
     * What must hold after a crash, when all connections are gone.
     *
     * @param crashed by device name
     */
    ReplicaModel after(Map<String, SimulatedDisk> crashed, Supplier<List<byte[]>> markAfter) {
        LinkedHashMap<String, ReplicaVolume> left = new LinkedHashMap<>();
        volumes.forEach((name, volume) -> left.put(name, volume.after(of(crashed, name))));
        ReplicaModel model = new ReplicaModel(left, blockBytes, markAfter, null);
        model.sessionCount = sessionCount;
        model.asked.putAll(asked);
        return model;
    }

    private static SimulatedDisk of(Map<String, SimulatedDisk> disks, String deviceName) {
        return Objects.requireNonNull(disks.get(deviceName), deviceName);
    }

    /** Everything that decides what may be there. */
    void addTo(MessageDigest digest) {
        volumes.values().forEach(volume -> volume.addTo(digest));
    }

    /** Counts WELCOME of the servers that had the volumes then. */
    int welcomeCount() {
        return welcomeCount;
    }

    int sessionCount() {
        return sessionCount;
    }

    int commitCount() {
        return commitCount;
    }

    int acknowledgedFrames() {
        return acknowledgedFrames;
    }

    int comparedBlocks() {
        return comparedBlocks;
    }

    int spoiledBlocks() {
        return spoiledBlocks;
    }

    /** Spoiled blocks that a verification has found. */
    int foundBlocks() {
        return foundBlocks;
    }

    /** Bytes that rescans have found to differ and sent again, each within one session. */
    long rescannedBytes() {
        return rescannedBytes;
    }

    /** Some bit of some disk turns, unless the place is not at rest. */
    boolean spoil(Dice dice) {
        List<ReplicaVolume> all = List.copyOf(volumes.values());
        ReplicaVolume volume = all.get(dice.below(all.size()));
        boolean done = volume.spoil(
                dice.below(volume.blockCount()), dice.below(SimulatedSource.BLOCK_BYTES), dice.below(Byte.SIZE));
        spoiledBlocks += done ? 1 : 0;
        return done;
    }

    /** Keeps what was found: it is thrown in the middle of code that may catch it, or in a stage, where nobody sees it. */
    Violation found(Violation violation) {
        if (first == null) {
            first = violation;
        }
        return violation;
    }

    /** Applies a rule, and keeps what it throws. */
    void check(Runnable rule) {
        try {
            rule.run();
        } catch (Violation e) {
            throw found(e);
        }
    }

    /** Throws what was found first, if anything was. */
    void requireNothingFound() {
        if (first != null) {
            throw first;
        }
    }

    /** What an agent has said in HELLO, and what its server had on stable storage of the source server then. */
    record Greeting(Hello hello, @Nullable SourceRecord record) {
        /** Whether, by what is on stable storage now, the agent has nothing of a volume to send again, unless somebody wanted that meanwhile. */
        boolean resumes(Welcome.Volume volume, @Nullable SourceRecord now) {
            Hello.Remembered remembers = hello.remembers();
            if (record == null || now == null || remembers == null) {
                return false;
            }
            // Of a session in between the agent would know nothing.
            boolean next = now.generation() == Math.max(record.generation(), remembers.generation()) + 1;
            return next
                    && new Given(record).fits(volume.volumeId(), remembers, volume.deviceName())
                    && new Given(now).hasNothingNewFor(remembers, volume.deviceName())
                    && !isBehind(now, remembers, volume.deviceName());
        }

        /** An agent that was at another server meanwhile may know of a commit that this one does not. */
        private static boolean isBehind(SourceRecord now, Hello.Remembered remembers, String deviceName) {
            Hello.RememberedDisk disk = remembers.disk(deviceName);
            return disk != null && disk.committedEpoch() > now.commit().epoch();
        }
    }

    /** An agent says HELLO to a server. */
    Greeting greeted(Site site, Hello hello) {
        return new Greeting(hello, site.durable());
    }

    /** A server has sent WELCOME in answer to HELLO. */
    Session opened(Site site, Welcome welcome, Greeting greeting) {
        Hello hello = greeting.hello;
        long remembered = hello.remembers() == null ? 0 : hello.remembers().generation();
        if (welcome.generation() <= Math.max(site.generationMax, remembered)) {
            throw new Violation(
                    "I6",
                    "generation " + welcome.generation() + " is given out after " + site.generationMax
                            + ", to an agent that remembers " + remembered);
        }
        site.generationMax = welcome.generation();
        generations.add(welcome.generation());
        Given given = site.given;
        if (given != null) {
            site.given = null;
            welcome.volumes().forEach(volume -> checkTakenOver(given, volume, hello.remembers()));
        } else {
            SourceRecord now = site.durable();
            welcome.volumes().forEach(volume -> checkResumed(greeting, volume, now));
        }
        sessionCount++;
        Session session = new Session(site, sessionCount, welcome, hello.instance());
        site.sessions.put(welcome.generation(), session);
        if (site.hasVolumes) {
            welcomeCount++;
            volumes.values().forEach(volume -> volume.newestSession(session.number));
            if (bystander != null) {
                bystander.opened(welcome, hello);
            }
        }
        return session;
    }

    /** A server that goes by what another one, or its own former life, has reported: no rescan without need, none left out. */
    private void checkTakenOver(Given given, Welcome.Volume volume, Hello.@Nullable Remembered remembers) {
        boolean fits = given.fits(volume.volumeId(), remembers, volume.deviceName());
        if (fits && volume.action() == Welcome.Action.RESCAN && !WANTED_RESCANS.contains(volume.reason())) {
            throw new Violation("I9", "a rescan though the record was given: " + volume);
        }
        if (!fits && volume.action() == Welcome.Action.RESUME) {
            throw new Violation("I2", "no rescan though nothing is known of the volume: " + volume);
        }
        takeoverCount += volume.action() == Welcome.Action.RESUME ? 1 : 0;
    }

    /** A server that has kept its record. */
    private static void checkResumed(Greeting greeting, Welcome.Volume volume, @Nullable SourceRecord now) {
        if (volume.action() == Welcome.Action.RESCAN
                && !WANTED_RESCANS.contains(volume.reason())
                && greeting.resumes(volume, now)) {
            throw new Violation(
                    "I9",
                    "a rescan of an agent that remembers " + greeting.hello.remembers()
                            + ", which is what the record has: " + volume);
        }
    }

    /** Volumes that went on without a rescan at a server that had only what was reported. */
    int takeoverCount() {
        return takeoverCount;
    }

    /** The session that ATTACH names; null if it is another site's, which is for the server to refuse. */
    @Nullable
    Session session(Site site, long generation) {
        Session session = site.sessions.get(generation);
        if (session == null && !generations.contains(generation)) {
            throw new Violation("I11", "ATTACH to a session that was not opened: generation " + generation);
        }
        return session;
    }

    /** A volume's writer is about to write. */
    void aboutToWrite(SimulatedDisk disk, long offsetBytes, MemorySegment content) {
        volume(disk).aboutToWrite(offsetBytes, content.toArray(ValueLayout.JAVA_BYTE));
    }

    /** A volume's writer is about to make a range zero. */
    void aboutToZero(SimulatedDisk disk, long offsetBytes, long lengthBytes) {
        volume(disk).aboutToWrite(offsetBytes, new byte[(int) lengthBytes]);
    }

    /** A server cannot read what is there. */
    void readFailed(SimulatedDisk disk) {
        volume(disk).readFailed();
    }

    /** How often servers could not read what was there. */
    int failedReads() {
        return volumes.values().stream().mapToInt(ReplicaVolume::failedReads).sum();
    }

    private ReplicaVolume volume(SimulatedDisk disk) {
        return volumes.values().stream()
                .filter(volume -> volume.disk() == disk)
                .findFirst()
                .orElseThrow();
    }

    /** Looks at every block of every volume. */
    void check(String when) {
        volumes.values().forEach(volume -> volume.check(when));
    }

    /** Whether each volume holds its disk, on stable storage. */
    boolean isReplicated(List<byte[]> disks) {
        int disk = 0;
        for (ReplicaVolume volume : volumes.values()) {
            if (volume.difference(disks.get(disk++)) != null) {
                return false;
            }
        }
        return true;
    }

    /** All volumes stand still at a commit. */
    void held(long epoch) {
        check(() -> checkHeld(epoch));
    }

    private void checkHeld(long epoch) {
        AskedCommit commit = asked.get(epoch);
        if (commit == null || commit.fuzzy) {
            throw new Violation("I4", "held at epoch " + epoch + ", which is none that is consistent");
        }
        compare("I4", "held", commit, volumes);
        volumes.values().forEach(volume -> volume.setHeld(true));
        volumes.values().forEach(volume -> {
            if (!volume.disk().isSynced()) {
                throw new Violation("I4", "held while not everything is on stable storage: " + volume);
            }
        });
    }

    void holdEnded() {
        volumes.values().forEach(volume -> volume.setHeld(false));
    }

    /** Another device is in the place of a volume's. */
    void swapped(SimulatedDisk disk) {
        volume(disk).swapped();
    }

    private void compare(String invariant, String when, AskedCommit commit, Map<String, ReplicaVolume> of) {
        if (commit.mark.isEmpty()) {
            return; // nobody knows what it should be
        }
        int disk = 0;
        for (Map.Entry<String, ReplicaVolume> entry : volumes.entrySet()) {
            if (of.containsKey(entry.getKey())) {
                String difference = entry.getValue().differenceButSpoiled(commit.mark.get(disk));
                if (difference != null) {
                    throw new Violation(
                            invariant,
                            when + " at epoch " + commit.epoch + ", but not the source at its mark: " + difference);
                }
            }
            disk++;
        }
    }

    /**
     * An offer that is not answered.
     *
     * @param failedReads of its volume, when it was offered
     */
    private record Offered(HashOffer offer, int failedReads) {}

    /** A rescan by comparison, from WELCOME to the first commit of the session. */
    private static final class Rescan {
        private long differingBytes;
        private long sentBytes;
    }

    /** One session, as both sides have spoken of it. */
    final class Session {
        private final Site site;

        /** Of all sessions; generations may come again when records are lost. */
        private final int number;

        private final Map<Integer, ReplicaVolume> byIndex = new HashMap<>();
        private final Map<String, ReplicaVolume> served = new LinkedHashMap<>();
        private final Map<Integer, ArrayDeque<Frame>> unacknowledged = new HashMap<>();
        private final Map<Integer, Long> durableSeqs = new HashMap<>();

        /** By stream. */
        private final Map<Integer, Attached> granted = new HashMap<>();

        /** By stream. */
        private final Map<Integer, Integer> unackedFrames = new HashMap<>();

        private final Map<Integer, Window> windows = new HashMap<>();
        private boolean leaving;
        private final Map<Long, Boolean> fuzzy = new HashMap<>();
        private final String agent;

        /** By volume, what is offered and not answered. */
        private final Map<Integer, Offered> offers = new HashMap<>();

        /** By volume, blocks that were found equal in the epoch that is open. */
        private final Map<ReplicaVolume, BitSet> equal = new HashMap<>();

        /** Of volumes that are compared with nothing known of them. */
        private final Map<ReplicaVolume, Rescan> rescans = new LinkedHashMap<>();

        private Session(Site site, int number, Welcome welcome, String agent) {
            this.site = site;
            this.number = number;
            this.agent = agent;
            boolean compares = welcome.features().contains(Features.HASH_OFFER);
            for (Welcome.Volume volume : welcome.volumes()) {
                ReplicaVolume replica = volumes.get(volume.deviceName());
                byIndex.put(volume.index(), replica);
                if (replica != null) {
                    replica.welcomed(agent, volume);
                }
                if (replica != null
                        && compares
                        && volume.action() == Welcome.Action.RESCAN
                        && !volume.reason().equals("NEW_VOLUME")) {
                    replica.toCompare(agent);
                    rescans.put(replica, new Rescan());
                }
                if (volume.action() != Welcome.Action.FAILED) {
                    served.put(volume.deviceName(), replica);
                }
            }
        }

        private static int key(int stream, int volume) {
            return stream << 16 | volume;
        }

        /** The server has granted a stream. */
        void attached(int stream, Attached attached) {
            granted.put(stream, attached);
        }

        /** The agent has sent DATA or ZERO. */
        void sent(int stream, FrameHeader header, byte[] payload) {
            ReplicaVolume volume = byIndex.get(header.volume());
            if (volume == null) {
                throw new Violation("I11", "a block of a volume that is not of the session: " + header);
            }
            boolean zero = header.type() == FrameType.ZERO;
            byte[] content = zero ? new byte[(int) header.zeroBytes()] : Payloads.expanded(header, payload);
            if (content == null) {
                throw new Violation("I11", "the agent sends a block that is none: " + header);
            }
            long windowBytes = zero ? ProtocolLimits.ZERO_WINDOW_BYTES : header.rawLen();
            requireRoom(stream, header, windowBytes);
            int firstBlock = (int) (header.offsetBytes() / blockBytes);
            requireMayBeSent(volume, firstBlock, content.length);
            Rescan rescan = rescans.get(volume);
            if (rescan != null) {
                rescan.sentBytes += content.length;
            }
            List<ReplicaVolume.Version> versions = volume.sent(agent, number, firstBlock, content);
            unacknowledged
                    .computeIfAbsent(key(stream, header.volume()), key -> new ArrayDeque<>())
                    .add(new Frame(header.seq(), volume, firstBlock, versions, windowBytes));
        }

        /** An agent keeps to what it was told, which may be more by now than what has reached it. */
        private void requireRoom(int stream, FrameHeader header, long windowBytes) {
            Attached attached = granted(stream);
            Window window = window(stream, header.volume());
            window.sentBytes += windowBytes;
            if (window.sentBytes > window.limitBytes) {
                throw new Violation("I10", "sent beyond limit_bytes=" + window.limitBytes + ": " + header);
            }
            int frames = unackedFrames.merge(stream, 1, Integer::sum);
            if (frames > attached.unackedFramesMax()) {
                throw new Violation("I10", frames + " frames of stream " + stream + " are not acknowledged: " + header);
            }
        }

        private Attached granted(int stream) {
            Attached attached = granted.get(stream);
            if (attached == null) {
                throw new Violation("I11", "stream " + stream + " is used before ATTACHED");
            }
            return attached;
        }

        private Window window(int stream, int volume) {
            return windows.computeIfAbsent(key(stream, volume), key -> {
                Window window = new Window();
                window.limitBytes = granted(stream).windowBytes();
                return window;
            });
        }

        /** In a rescan nothing is sent but what was found to differ, and nothing while it is offered. */
        private void requireMayBeSent(ReplicaVolume volume, int firstBlock, int bytes) {
            int end = firstBlock + (bytes + blockBytes - 1) / blockBytes;
            BitSet found = equal.getOrDefault(volume, new BitSet());
            for (int block = firstBlock; block < end; block++) {
                if (volume.mustCompare(agent, block)) {
                    throw new Violation("I9", "block " + block + " of " + volume + " is sent and was not compared");
                }
                if (found.get(block)) {
                    throw new Violation("I9", "block " + block + " of " + volume + " is sent though it is equal");
                }
            }
        }

        /** The agent has sent HASH_OFFER. */
        void offered(HashOffer offer) {
            ReplicaVolume volume = byIndex.get(offer.range().volume());
            if (volume == null
                    || offers.put(offer.range().volume(), new Offered(offer, volume.failedReads())) != null) {
                throw new Violation("I11", "an offer of an unknown volume, or a second one: " + offer);
            }
            int first = firstBlock(offer.range());
            int end = first + blockCount(offer.range());
            unacknowledged
                    .values()
                    .forEach(frames -> frames.forEach(frame -> {
                        int frameEnd = frame.firstBlock + frame.versions.size();
                        if (frame.volume == volume && frame.firstBlock < end && frameEnd > first) {
                            throw new Violation("I9", "offered while a frame of it is not acknowledged: " + offer);
                        }
                    }));
        }

        private static int firstBlock(BlockRange range) {
            return (int) (range.offsetBytes() / SimulatedSource.BLOCK_BYTES);
        }

        private static int blockCount(BlockRange range) {
            return range.count() << (range.blockShift() - BlockRange.LEAF_SHIFT);
        }

        /** The server has sent HASH_DIFF. */
        void answered(HashDiff diff) {
            Offered offered = offers.remove(diff.range().volume());
            ReplicaVolume volume = byIndex.get(diff.range().volume());
            if (offered == null || volume == null || !offered.offer.range().equals(diff.range())) {
                throw new Violation("I11", "an answer to no offer: " + diff);
            }
            if (offered.failedReads != volume.failedReads()) {
                throw new Violation(
                        "I9", "an answer to an offer of " + volume + ", of which a read has failed: " + diff);
            }
            HashOffer offer = offered.offer;
            BlockRange range = diff.range();
            int perBlock = 1 << (range.blockShift() - BlockRange.LEAF_SHIFT);
            comparedBlocks += range.count();
            int hash = 0;
            for (int i = 0; i < range.count(); i++) {
                int first = firstBlock(range) + i * perBlock;
                boolean zero = offer.zeros().get(i);
                byte[] hashes = offer.hashes();
                byte[] expected = zero ? new byte[0] : Arrays.copyOfRange(hashes, 32 * hash, 32 * hash + 32);
                hash += zero ? 0 : 1;
                if (!diff.differing().get(i)) {
                    foundEqual(volume, range, first, perBlock, expected);
                } else if (perBlock == 1) {
                    foundDiffering(volume, range, first);
                    Rescan rescan = rescans.get(volume);
                    if (rescan != null && !range.reportOnly()) {
                        rescan.differingBytes += volume.stable(first, 1).length;
                    }
                }
            }
        }

        private void foundEqual(ReplicaVolume volume, BlockRange range, int first, int count, byte[] expected) {
            volume.compared(agent, first, count);
            if (volume.isAnySpoiled(first, count)) {
                return; // before it was read, or after
            }
            byte[] stable = volume.stable(first, count);
            boolean equals = expected.length == 0
                    ? Arrays.equals(stable, new byte[stable.length])
                    : Arrays.equals(expected, Hashes.of(stable, range.blockShift()));
            if (!equals) {
                throw new Violation(
                        "I9", "block " + first + " of " + volume + " is called equal and is not, on stable storage");
            }
            if (!range.reportOnly()) {
                volume.foundEqual(first, count);
                equal.computeIfAbsent(volume, of -> new BitSet()).set(first, first + count);
            }
        }

        private void foundDiffering(ReplicaVolume volume, BlockRange range, int block) {
            volume.compared(agent, block, 1);
            boolean spoiled = volume.isAnySpoiled(block, 1);
            if (range.reportOnly() && !spoiled) {
                throw new Violation("I9", "a false alarm: block " + block + " of " + volume + " is what was sent");
            }
            foundBlocks += range.reportOnly() ? 1 : 0;
        }

        /** The server has sent DURABLE_ACK. */
        void acknowledged(int stream, int volume, long durableSeq, long limitBytes) {
            int key = key(stream, volume);
            long before = durableSeqs.getOrDefault(key, 0L);
            if (durableSeq < before) {
                throw new Violation("I7", "durable_seq fell from " + before + " to " + durableSeq);
            }
            durableSeqs.put(key, durableSeq);
            Window window = window(stream, volume);
            ArrayDeque<Frame> frames = unacknowledged.getOrDefault(key, new ArrayDeque<>());
            while (!frames.isEmpty() && frames.element().seq <= durableSeq) {
                Frame frame = frames.remove();
                acknowledgedFrames++;
                unackedFrames.merge(stream, -1, Integer::sum);
                window.limitBytes += frame.windowBytes;
                frame.volume.acknowledged(frame.firstBlock, frame.versions);
            }
            if (limitBytes != window.limitBytes) {
                throw new Violation(
                        "I10",
                        "limit_bytes=" + limitBytes + " of volume " + volume + " on stream " + stream
                                + ", but with what is acknowledged the window ends at " + window.limitBytes);
            }
        }

        /** The session is to end without an error: the agent has sent BYE, or the server GOAWAY. */
        void leaving() {
            leaving = true;
        }

        boolean isLeaving() {
            return leaving;
        }

        void epochOpened(EpochOpen open) {
            fuzzy.put(open.epoch(), open.fuzzy());
        }

        void commitAsked(EpochCommit commit) {
            equal.clear();
            boolean isFuzzy = fuzzy.getOrDefault(commit.epoch(), true);
            asked.put(commit.epoch(), new AskedCommit(commit.epoch(), isFuzzy, mark.get()));
        }

        /** The server has sent that the epoch is committed. */
        void committed(long epoch) {
            commitCount++;
            if (bystander != null && site.hasVolumes) {
                bystander.committed();
            }
            SourceRecord record = site.durable();
            if (record == null || record.commit().epoch() < epoch) {
                throw new Violation(
                        "I7",
                        "epoch " + epoch + " is committed, but on disk is "
                                + (record == null ? "no record" : record.commit()));
            }
            unacknowledged
                    .values()
                    .forEach(frames -> frames.forEach(frame -> frame.volume.covered(frame.firstBlock, frame.versions)));
            AskedCommit commit = asked.get(epoch);
            if (commit == null) {
                throw new Violation("I7", "epoch " + epoch + " is committed and nobody asked for it");
            }
            if (!commit.fuzzy) {
                compare("I7", "committed", commit, served);
                rescans.forEach(this::checkRescan);
            }
            rescans.clear();
        }

        /** Within one session, of a source that stands still. */
        private void checkRescan(ReplicaVolume volume, Rescan rescan) {
            rescannedBytes += rescan.differingBytes;
            if (rescan.sentBytes * 100 > rescan.differingBytes * RESENT_PERCENT_MAX) {
                throw new Violation(
                        "I9",
                        "a rescan of " + volume + " has sent " + rescan.sentBytes + " bytes, but only "
                                + rescan.differingBytes + " differ");
            }
        }
    }
}
