package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.CommitRequest;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * A server that does nothing but what the specification says, and fails the test on everything an agent must not do. It is written
 * from the specification and shares only the codec with the rest.
 */
final class ModelServer {
    /** What a test may turn. */
    static final class Settings {
        int streams = 3;
        int regionShift = 17;
        int windowBytes = 256 * 1024;
        int unackedFramesMax = 16;
        long forceMillisMax = 20;
        /** A commit is answered that much later at most. */
        long answerMillisMax = 20;

        /** Every frame is acknowledged as soon as it is durable; otherwise some only by the next DURABLE_ACK, up to 4 s later. */
        boolean acknowledgesAtOnce;

        boolean grantsSourceStatus = true;
        boolean comparesHashes = true;
    }

    /** What happens in the world around the server. */
    interface World {
        long nowNanos();

        void later(long delayNanos, Runnable action);

        /** An epoch of these volumes is durable now. */
        void committed(long epoch, boolean fuzzy, List<ModelVolume> of);

        /** From here on an agent that got the GOAWAY sends no blocks. */
        void goAwaySent();
    }

    private final Settings settings;
    private final World world;
    private final RandomGenerator random;
    /** Those that are assigned. */
    final List<ModelVolume> volumes = new ArrayList<>();

    /** In the order of the agent's disks, assigned or not. */
    final List<ModelVolume> allVolumes = new ArrayList<>();

    /** HELLOs that were refused because of a disk. */
    int refusedHellos;

    // durable
    private long generation;

    /** The newest generation that was not this agent's. */
    private long strangersGeneration;

    private long committedEpoch;

    // of the session
    private boolean up = true;
    /** The volumes of the session, by their index in it. */
    private List<ModelVolume> session = List.of();

    private int incarnation;
    private @Nullable ModelConnection control;
    private final List<ModelConnection> connections = new ArrayList<>();
    private @Nullable ModelConnection[] streams = new @Nullable ModelConnection[0];
    private long[][] sentBytes = new long[0][];
    private long[][] limitBytes = new long[0][];
    private long[][] durableSeq = new long[0][];
    /** Of each stream: seq, volume, cost, begin and end of each frame. */
    private List<List<long[]>> unacked = List.of();

    /** Of each volume, what is offered and not answered. */
    private @Nullable HashOffer[] offers = new @Nullable HashOffer[0];

    private boolean written;
    private long[] fenceSeq = new long[0];
    private boolean epochOpen;
    private boolean epochAnswered;
    private long openEpoch;
    private boolean openFuzzy;
    private @Nullable EpochCommit asked;
    private boolean parted;
    private long welcomedNanos;

    /** The newest SOURCE_STATUS of the session, and when it came; 0 if none did. */
    private @Nullable SourceStatus status;

    private long statusNanos;

    private boolean held;

    /** Answers to EPOCH_OPEN that wait for the end of a hold. */
    private final List<Runnable> openings = new ArrayList<>();

    boolean stalled;
    int stalledVolume = -1;

    // what a test looks at
    long dataBytesReceived;
    long zeroFrames;
    long dataFrames;
    long skippedFrames;
    long sessions;
    /** Epochs of all volumes. */
    long wholeCommits;

    long statuses;
    long offers1MiB;
    long offers64KiB;
    long offeredBytes;
    long verifiedBytes;
    long largestRawLen;
    boolean loseNextCommitAnswer;

    private boolean takesCommitRequests;
    private long holdMillis;

    ModelServer(Settings settings, World world, RandomGenerator random) {
        this.settings = settings;
        this.world = world;
        this.random = random;
    }

    void addVolume(String deviceName, int sizeBytes) {
        ModelVolume volume = new ModelVolume(deviceName, sizeBytes, newDataGen(), random);
        volumes.add(volume);
        allVolumes.add(volume);
    }

    String newDataGen() {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    long nowNanos() {
        return world.nowNanos();
    }

    boolean isUp() {
        return up;
    }

    long committedEpoch() {
        return committedEpoch;
    }

    void add(ModelConnection connection) {
        connections.add(connection);
    }

    void skipped() {
        skippedFrames++;
    }

    // --- faults

    /** Closes all connections; what is queued is written or not. */
    void cut() {
        incarnation++;
        List.copyOf(connections).forEach(ModelConnection::close);
        connections.clear();
        control = null;
        allVolumes.forEach(volume -> volume.crash(random));
        openings.clear();
        epochOpen = false;
        asked = null;
        stalled = false;
    }

    void goDown() {
        cut();
        up = false;
    }

    void comeUp() {
        up = true;
    }

    void goAway(String reason, long deadlineMillis, long reconnectAfterMillis) {
        if (control != null && !parted) {
            world.goAwaySent();
            control.send(FrameType.GOAWAY, new GoAway(reason, deadlineMillis, reconnectAfterMillis));
        }
    }

    void fail(int index) {
        ModelVolume volume = allVolumes.get(index);
        volume.failed = true;
        volume.failedInSession = true;
        asked = null;
        int inSession = session.indexOf(volume);
        if (inSession >= 0) {
            tell(new ErrorBody(ErrorCode.VOLUME_FAILED.code(), "VOLUME_FAILED", null, inSession, null, "EIO"));
        }
        volume.crash(random);
    }

    void tell(ErrorBody error) {
        if (control != null) {
            control.send(FrameType.ERROR, error);
        }
    }

    /** Someone else had a session and wrote what nobody here knows of. */
    void anotherAgentWrote(RandomGenerator noise) {
        generation++;
        strangersGeneration = generation;
        allVolumes.forEach(volume -> volume.replace(noise, volume.dataGen));
    }

    /** Data connections stay, but say nothing until they are to speak again. */
    void silenceStreams(boolean silent) {
        for (ModelConnection stream : streams) {
            if (stream != null) {
                stream.silence(silent);
            }
        }
    }

    /** Connections stay, nothing is said any more. */
    void fallSilent() {
        incarnation++;
        connections.forEach(connection -> connection.silence(true));
    }

    void progress(Progress.WaitingFor what) {
        if (control != null) {
            control.send(FrameType.PROGRESS, new Progress(what, List.of()));
        }
    }

    /** The volume works again, with a new history. */
    void reopen(int index) {
        allVolumes.get(index).failed = false;
        allVolumes.get(index).dataGen = newDataGen();
        goAway("VOLUME_REOPENED", 1000, 100);
    }

    // --- opening a session

    void hello(ModelConnection connection, Hello hello) {
        check(hello.sourceServerId().equals("s-1"), "sourceServerId");
        if (control != null && !control.isClosed()) {
            throw new AssertionError("a second session of the same agent");
        }
        ErrorBody refusal = refusal(hello);
        if (refusal != null) {
            refusedHellos++;
            connection.send(FrameType.ERROR, refusal);
            connection.close();
            return;
        }
        long remembered = hello.remembers() == null ? 0 : hello.remembers().generation();
        generation = Math.max(generation, remembered) + 1;
        control = connection;
        parted = false;
        sessions++;
        int granted = Math.min(settings.streams, hello.streams());
        session =
                hello.disks().stream().map(disk -> volumeOf(disk.deviceName())).toList();
        List<Welcome.Volume> answer = new ArrayList<>();
        for (int i = 0; i < hello.disks().size(); i++) {
            answer.add(welcome(i, hello));
        }
        streams = new @Nullable ModelConnection[granted];
        sentBytes = new long[granted][session.size()];
        limitBytes = new long[granted][session.size()];
        durableSeq = new long[granted][session.size()];
        unacked = new ArrayList<>();
        for (int s = 0; s < granted; s++) {
            Arrays.fill(limitBytes[s], settings.windowBytes);
            unacked.add(new ArrayList<>());
        }
        fenceSeq = new long[granted];
        offers = new @Nullable HashOffer[session.size()];
        epochOpen = false;
        asked = null;
        status = null;
        statusNanos = 0;
        List<String> features = new ArrayList<>(Features.granted(hello.features()));
        features.removeIf(feature ->
                !settings.grantsSourceStatus || (!settings.comparesHashes && feature.equals(Features.HASH_OFFER)));
        takesCommitRequests = features.contains(Features.COMMIT_REQUEST);
        welcomedNanos = 0;
        int mine = incarnation;
        later(() -> {
            if (mine == incarnation) {
                welcomedNanos = nowNanos();
                connection.send(
                        FrameType.WELCOME,
                        new Welcome(
                                1,
                                features,
                                generation,
                                granted,
                                settings.regionShift,
                                new Welcome.Limits(65536, 100, 500, 10_000),
                                answer));
                keepAcknowledging(mine);
            }
        });
    }

    /** The first disk that is not as it is assigned. */
    private @Nullable ErrorBody refusal(Hello hello) {
        for (int i = 0; i < hello.disks().size(); i++) {
            Hello.Disk disk = hello.disks().get(i);
            ModelVolume volume = volumes.stream()
                    .filter(assigned -> assigned.deviceName.equals(disk.deviceName()))
                    .findFirst()
                    .orElse(null);
            if (volume == null) {
                return new ErrorBody(ErrorCode.FORBIDDEN.code(), "FORBIDDEN", null, i, null, "not assigned");
            }
            if (volume.sizeBytes() != disk.sizeBytes()) {
                String text = disk.sizeBytes() + " bytes, assigned are " + volume.sizeBytes();
                return new ErrorBody(ErrorCode.RANGE.code(), "RANGE", null, i, null, text);
            }
        }
        return null;
    }

    /** Assigns the volume of a disk, or takes it away; an open session is asked to begin again. */
    void assign(int disk, boolean assigned) {
        ModelVolume volume = allVolumes.get(disk);
        volumes.remove(volume);
        if (assigned) {
            volumes.add(volume);
        }
        goAway("ASSIGNMENT_CHANGED", 10_000, 100);
    }

    /** The volume of a disk has another size from now on, and the same data generation. */
    void resize(int disk, int newBytes) {
        allVolumes.get(disk).resize(newBytes);
        goAway("ASSIGNMENT_CHANGED", 10_000, 100);
    }

    private ModelVolume volumeOf(String deviceName) {
        return volumes.stream()
                .filter(volume -> volume.deviceName.equals(deviceName))
                .findFirst()
                .orElseThrow(() -> new AssertionError("FORBIDDEN: no volume for " + deviceName));
    }

    private Welcome.Volume welcome(int index, Hello hello) {
        ModelVolume volume = session.get(index);
        check(hello.disks().get(index).sizeBytes() == volume.sizeBytes(), "sizeBytes");
        Hello.Remembered memory = hello.remembers();
        Hello.RememberedDisk known = memory == null ? null : memory.disk(volume.deviceName);
        Welcome.Action action;
        String reason;
        volume.failedInSession = volume.failed;
        if (volume.failed) {
            action = Welcome.Action.FAILED;
            reason = "EIO";
        } else if (memory == null || known == null) {
            action = Welcome.Action.RESCAN;
            reason = written ? "AGENT_REMEMBERS_NOTHING" : "NEW_VOLUME";
        } else if (!known.dataGen().equals(volume.dataGen)) {
            action = Welcome.Action.RESCAN;
            reason = "DATA_GENERATION_DIFFERS";
        } else if (memory.generation() < strangersGeneration) {
            action = Welcome.Action.RESCAN;
            reason = "AGENT_BEHIND";
        } else if (committedEpoch < known.committedEpoch()) {
            throw new AssertionError("the agent knows of an epoch that was never committed: " + known);
        } else {
            action = Welcome.Action.RESUME;
            reason = "NONE";
        }
        return new Welcome.Volume(
                index,
                "vol-" + allVolumes.indexOf(volume),
                volume.deviceName,
                volume.sizeBytes(),
                512,
                volume.dataGen,
                committedEpoch,
                false,
                action,
                reason);
    }

    void attach(ModelConnection connection, Attach attach) {
        check(attach.generation() == generation, "generation of ATTACH");
        check(attach.stream() < streams.length, "stream of ATTACH");
        check(streams[attach.stream()] == null, "stream attached twice");
        streams[attach.stream()] = connection;
        later(() -> connection.send(
                FrameType.ATTACHED,
                new Attached(
                        settings.windowBytes, Math.min(settings.windowBytes, 1 << 20), settings.unackedFramesMax)));
    }

    // --- blocks

    void checkBlock(ModelConnection connection, FrameHeader header) {
        int s = connection.stream();
        check(!parted, "a block after BYE");
        check(header.volume() < session.size(), "RANGE: volume " + header.volume());
        long offset = header.offsetBytes();
        long length = header.blockBytes();
        check(offset % 512 == 0 && length % 512 == 0 && length >= 512, "LIMIT: " + header);
        check(offset + length <= session.get(header.volume()).sizeBytes(), "RANGE: past the end: " + header);
        long region = offset >> settings.regionShift;
        check(region == (offset + length - 1) >> settings.regionShift, "RANGE: crosses a region: " + header);
        check((header.volume() + region) % streams.length == s, "RANGE: on stream " + s + ": " + header);
        check(header.type() == FrameType.ZERO || header.rawLen() <= Math.min(settings.windowBytes, 1 << 20), "LIMIT");
        check(epochOpen && epochAnswered && header.epoch() == openEpoch, "EPOCH: not open: " + header);
        check(fenceSeq[s] == 0, "EPOCH: a block after the fence of stream " + s);
        long cost = header.type() == FrameType.ZERO ? 4096 : header.rawLen();
        sentBytes[s][header.volume()] += cost;
        check(
                sentBytes[s][header.volume()] <= limitBytes[s][header.volume()],
                "LIMIT: " + sentBytes[s][header.volume()] + " bytes of " + limitBytes[s][header.volume()]);
        HashOffer offer = offers[header.volume()];
        check(
                offer == null || !overlaps(offer, header.volume(), offset, offset + length),
                "a block is sent while it is offered: " + header);
        unacked.get(s).add(new long[] {header.seq(), header.volume(), cost, offset, offset + length});
        check(unacked.get(s).size() <= settings.unackedFramesMax, "LIMIT: unacknowledged frames");
    }

    void block(ModelConnection connection, FrameHeader header, ByteBuffer payload) {
        ModelVolume volume = session.get(header.volume());
        byte[] content = header.type() == FrameType.ZERO ? new byte[0] : expand(header, payload);
        if (header.type() == FrameType.ZERO) {
            zeroFrames++;
        } else {
            dataFrames++;
            dataBytesReceived += content.length;
            largestRawLen = Math.max(largestRawLen, content.length);
        }
        if (!volume.failedInSession) {
            volume.receive(
                    connection.stream(),
                    header.seq(),
                    header.offsetBytes(),
                    content,
                    header.type() == FrameType.ZERO ? (int) header.zeroBytes() : 0);
            scheduleForce(header.volume());
        }
    }

    private static byte[] expand(FrameHeader header, ByteBuffer payload) {
        byte[] content = new byte[(int) header.rawLen()];
        if (header.codec() == FrameHeader.CODEC_LZ4) {
            byte[] packed = new byte[payload.limit()];
            payload.get(0, packed);
            LZ4Factory.safeInstance().safeDecompressor().decompress(packed, 0, packed.length, content, 0);
        } else {
            check(payload.limit() == content.length, "LIMIT: payload_len");
            payload.get(0, content);
        }
        CRC32C crc = new CRC32C();
        crc.update(content);
        check((int) crc.getValue() == header.rawCrc32c(), "INTEGRITY: " + header);
        return content;
    }

    private void scheduleForce(int index) {
        int mine = incarnation;
        world.later(millis(random.nextLong(settings.forceMillisMax + 1)), () -> force(index, mine));
    }

    private void force(int index, int mine) {
        if (mine != incarnation) {
            return;
        }
        if (stalled || allVolumes.indexOf(session.get(index)) == stalledVolume) {
            world.later(millis(100), () -> force(index, mine));
            return;
        }
        long[] newest = new long[streams.length];
        ModelVolume volume = session.get(index);
        volume.force(1 + random.nextInt(Math.max(1, volume.queued())), newest);
        for (int s = 0; s < streams.length; s++) {
            if (newest[s] > 0) {
                durableSeq[s][index] = newest[s];
                if (settings.acknowledgesAtOnce || random.nextInt(3) > 0) {
                    acknowledge(s);
                }
            }
        }
        commitIfReady();
    }

    private void acknowledge(int s) {
        ModelConnection connection = streams[s];
        if (connection == null || connection.isClosed() || connection.isSilent()) {
            return;
        }
        for (int v = 0; v < session.size(); v++) {
            long durable = durableSeq[s][v];
            int volume = v;
            unacked.get(s).removeIf(frame -> frame[1] == volume && frame[0] <= durable);
            limitBytes[s][v] = Math.max(limitBytes[s][v], acknowledgedBytes(s, v) + settings.windowBytes);
        }
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BYTES + DurableAck.bytes(session.size()));
        connection.writer.ackHeader(frame, session.size());
        DurableAck.putHead(frame, connection.receivedSeq(), session.size());
        for (int v = 0; v < session.size(); v++) {
            DurableAck.putEntry(frame, v, durableSeq[s][v], limitBytes[s][v]);
        }
        connection.raw(frame.flip());
    }

    private long acknowledgedBytes(int s, int v) {
        return sentBytes[s][v]
                - unacked.get(s).stream()
                        .filter(frame -> frame[1] == v)
                        .mapToLong(frame -> frame[2])
                        .sum();
    }

    /** DURABLE_ACK comes at least every 5 s. */
    private void keepAcknowledging(int mine) {
        if (mine == incarnation) {
            for (int s = 0; s < streams.length; s++) {
                acknowledge(s);
            }
            world.later(TimeUnit.SECONDS.toNanos(4), () -> keepAcknowledging(mine));
        }
    }

    // --- epochs

    /** No epoch is open from now on, and none opens. */
    void hold() {
        held = true;
    }

    void release() {
        held = false;
        openings.forEach(this::later);
        openings.clear();
    }

    void epochOpen(ModelConnection connection, EpochOpen open) {
        check(!epochOpen, "EPOCH: one is open");
        check(open.epoch() == committedEpoch + 1, "EPOCH: " + open.epoch() + " after " + committedEpoch);
        check(Arrays.stream(offers).allMatch(offer -> offer == null), "STATE: before all offers are answered");
        written = true;
        check(Arrays.stream(streams).allMatch(s -> s != null), "STATE: before all streams are attached");
        epochOpen = true;
        epochAnswered = false;
        openEpoch = open.epoch();
        openFuzzy = open.fuzzy();
        Arrays.fill(fenceSeq, 0);
        Runnable answer = () -> {
            epochAnswered = true;
            connection.send(FrameType.EPOCH_STATUS, new EpochStatus(open.epoch(), false));
        };
        if (held) {
            openings.add(answer);
        } else {
            later(answer);
        }
    }

    void fence(ModelConnection connection, long seq, long epoch) {
        check(epochOpen && epoch == openEpoch, "EPOCH: fence of " + epoch);
        check(fenceSeq[connection.stream()] == 0, "EPOCH: a second fence");
        fenceSeq[connection.stream()] = seq;
        commitIfReady();
    }

    void epochCommit(ModelConnection connection, EpochCommit commit) {
        check(epochOpen && commit.epoch() == openEpoch, "EPOCH: commit of " + commit.epoch());
        check(commit.fences().size() == streams.length, "EPOCH: fences are not one for each stream");
        check(asked == null, "EPOCH: a second commit");
        check(connection == control, "STATE");
        check(Arrays.stream(offers).allMatch(offer -> offer == null), "STATE: before all offers are answered");
        asked = commit;
        commitIfReady();
    }

    private void commitIfReady() {
        EpochCommit commit = asked;
        ModelConnection answerTo = control;
        if (commit == null || answerTo == null) {
            return;
        }
        for (int s = 0; s < streams.length; s++) {
            if (fenceSeq[s] == 0) {
                return;
            }
            check(commit.fences().get(s) == fenceSeq[s], "EPOCH: the commit names another fence");
        }
        for (int v = 0; v < session.size(); v++) {
            if (session.get(v).failedInSession) {
                asked = null;
                tell(new ErrorBody(ErrorCode.VOLUME_FAILED.code(), "VOLUME_FAILED", null, v, null, "EIO"));
                return;
            }
            if (session.get(v).queued() > 0) {
                scheduleForce(v);
                return;
            }
        }
        asked = null;
        epochOpen = false;
        committedEpoch = commit.epoch();
        Arrays.fill(fenceSeq, 0);
        wholeCommits += session.size() == volumes.size() ? 1 : 0;
        world.committed(commit.epoch(), openFuzzy, session);
        if (loseNextCommitAnswer) {
            loseNextCommitAnswer = false;
            cut();
            return;
        }
        later(() -> answerTo.send(FrameType.EPOCH_STATUS, new EpochStatus(commit.epoch(), true)), holdMillis);
        holdMillis = 0;
    }

    /** Asks the agent for a commit, if it takes requests now, and holds the next commit for a while. */
    void requestCommit(long heldMillis) {
        holdMillis = heldMillis;
        ModelConnection open = control;
        if (open != null && takesCommitRequests && welcomedNanos != 0 && !parted) {
            open.send(FrameType.COMMIT_REQUEST, new CommitRequest(CommitRequest.HOLD));
        }
    }

    // --- hashes

    void hashOffer(ModelConnection connection, HashOffer offer) {
        BlockRange range = offer.range();
        check(settings.comparesHashes && settings.grantsSourceStatus, "UNSUPPORTED: HASH_OFFER");
        check(!parted, "HASH_OFFER after BYE");
        check(range.volume() < session.size(), "RANGE: " + offer);
        ModelVolume volume = session.get(range.volume());
        check(range.firstBlock() + range.count() <= range.blocksOf(volume.sizeBytes()), "RANGE: " + offer);
        check(offers[range.volume()] == null, "STATE: a second offer");
        boolean open = epochOpen && epochAnswered && asked == null;
        check(range.reportOnly() ? !epochOpen : open, "STATE: at this time: " + offer);
        long begin = range.offsetBytes();
        long end = begin + range.lengthBytes(volume.sizeBytes());
        for (List<long[]> frames : unacked) {
            for (long[] frame : frames) {
                check(
                        frame[1] != range.volume() || frame[3] >= end || frame[4] <= begin,
                        "a block is offered while a frame of it is not acknowledged: " + offer);
            }
        }
        offers1MiB += range.blockShift() == BlockRange.TREE_SHIFT ? 1 : 0;
        offers64KiB += range.blockShift() == BlockRange.LEAF_SHIFT ? 1 : 0;
        offeredBytes += end - begin;
        verifiedBytes += range.reportOnly() ? end - begin : 0;
        offers[range.volume()] = offer;
        later(() -> {
            offers[range.volume()] = null;
            if (!volume.failedInSession) {
                connection.raw(connection.writer.diff(new HashDiff(range, differing(volume, offer))));
            }
        });
    }

    private static boolean overlaps(HashOffer offer, int volume, long begin, long end) {
        BlockRange range = offer.range();
        long offeredEnd = range.offsetBytes() + ((long) range.count() << range.blockShift());
        return range.volume() == volume && range.offsetBytes() < end && offeredEnd > begin;
    }

    private static BitSet differing(ModelVolume volume, HashOffer offer) {
        BlockRange range = offer.range();
        BitSet differing = new BitSet();
        int hash = 0;
        for (int i = 0; i < range.count(); i++) {
            byte[] block = volume.durable((range.firstBlock() + i) << range.blockShift(), range.blockBytes());
            boolean zero = Arrays.equals(block, new byte[block.length]);
            if (offer.zeros().get(i)) {
                differing.set(i, !zero);
            } else {
                byte[] offered = Arrays.copyOfRange(offer.hashes(), 32 * hash, 32 * hash + 32);
                differing.set(i, !Arrays.equals(offered, hashOf(block, range.blockShift())));
                hash++;
            }
        }
        return differing;
    }

    private static byte[] hashOf(byte[] block, int blockShift) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            if (blockShift == BlockRange.LEAF_SHIFT) {
                return digest.digest(block);
            }
            MessageDigest tree = MessageDigest.getInstance("SHA-256");
            for (int at = 0; at < block.length; at += 1 << BlockRange.LEAF_SHIFT) {
                digest.update(block, at, Math.min(1 << BlockRange.LEAF_SHIFT, block.length - at));
                tree.update(digest.digest());
            }
            return tree.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    // --- status

    /** The newest SOURCE_STATUS of the session. */
    SourceStatus status() {
        SourceStatus newest = status;
        if (newest == null) {
            throw new AssertionError("no SOURCE_STATUS came in this session");
        }
        return newest;
    }

    void sourceStatus(SourceStatus told) {
        long now = nowNanos();
        check(settings.grantsSourceStatus, "UNSUPPORTED: SOURCE_STATUS");
        check(!parted, "SOURCE_STATUS after BYE");
        check(statusNanos == 0 || now - statusNanos < millis(3000), "no SOURCE_STATUS for " + (now - statusNanos));
        check(told.volumes().size() == session.size(), "SOURCE_STATUS without a volume: " + told);
        for (int i = 0; i < session.size(); i++) {
            check(told.volumes().get(i).index() == i, "RANGE: " + told);
            check(told.volumes().get(i).backlogBytes() <= session.get(i).sizeBytes(), "RANGE: " + told);
        }
        SourceStatus.Waits waits = told.waits();
        check(status == null || waits.isNoLessThan(status.waits()), "PROTOCOL: waits decrease: " + told);
        long openMillis = TimeUnit.NANOSECONDS.toMillis(now - welcomedNanos);
        check(
                Math.max(waits.sourceMillis(), Math.max(waits.networkMillis(), waits.windowMillis())) <= openMillis,
                "waits of more than the " + openMillis + " ms of the session: " + told);
        status = told;
        statusNanos = now;
        statuses++;
    }

    // --- the end

    void bye(Bye bye) {
        check(!bye.reason().isEmpty(), "BYE without a reason");
        check(statusNanos == 0 || nowNanos() - statusNanos < millis(100), "no SOURCE_STATUS before BYE");
        parted = true;
        int mine = incarnation;
        later(() -> {
            if (mine == incarnation) {
                allVolumes.forEach(volume -> volume.force(Integer.MAX_VALUE, new long[streams.length]));
                cut();
            }
        });
    }

    /** One end ends all. */
    void connectionClosed(ModelConnection closed) {
        connections.remove(closed);
        if (closed == control || Arrays.asList(streams).contains(closed)) {
            cut();
        }
    }

    void send(FrameType type, Body body) {
        if (control != null) {
            control.send(type, body);
        }
    }

    private void later(Runnable action) {
        later(action, 0);
    }

    private void later(Runnable action, long atLeastMillis) {
        int mine = incarnation;
        world.later(millis(atLeastMillis + random.nextLong(settings.answerMillisMax + 1)), () -> {
            if (mine == incarnation) {
                action.run();
            }
        });
    }

    private static long millis(long millis) {
        return TimeUnit.MILLISECONDS.toNanos(millis);
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError("the agent broke a rule: " + otherwise);
        }
    }
}
