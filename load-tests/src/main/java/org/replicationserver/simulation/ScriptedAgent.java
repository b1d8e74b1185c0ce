package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.SourceThrottle;
import org.replicationserver.receiver.session.Transport;
import org.replicationserver.volume.BlockDevice;

/**
 * An agent of a {@link CrashRun} with two tiny disks, each on a stream of its own. It does one step after the other as it is told, sends
 * what is not acknowledged when a session opens, and remembers from one session to the next what an agent may. What it sends arrives at
 * once; what is sent to it waits until the run delivers it.
 */
final class ScriptedAgent {
    static final int STREAMS = 2;
    private static final int TYPE_AT = 4;
    private static final int SECTOR_BYTES = BlockDevice.SECTOR_BYTES;

    private final CrashRun run;
    private final String instance;

    // what outlives a session
    private final List<byte[]> disks = new ArrayList<>();
    private final List<BitSet> dirty = new ArrayList<>();
    private Hello.@Nullable Remembered remembered;
    private int stepCount;

    // of the session
    private final ArrayDeque<CrashScenario.Step> waiting = new ArrayDeque<>();
    private final List<Link> links = new ArrayList<>();
    private @Nullable Welcome welcome;
    private int attached;
    private long epoch;
    private boolean epochOpen;
    private boolean volumeFailed;
    private long[][] sentSeqs = new long[0][];

    /** An agent that remembers nothing. */
    ScriptedAgent(CrashRun run, String instance) {
        this.run = run;
        this.instance = instance;
        for (int i = 0; i < CrashRun.VOLUMES; i++) {
            byte[] disk = new byte[CrashRun.VOLUME_BYTES];
            new Random(-i).nextBytes(disk);
            disks.add(disk);
            dirty.add(new BitSet());
        }
    }

    /** The same agent, or its next process, after a crash of the server. */
    ScriptedAgent(CrashRun run, ScriptedAgent before, boolean sameProcess) {
        this(run, sameProcess ? before.instance : "ab".repeat(16));
        stepCount = before.stepCount;
        for (int i = 0; i < CrashRun.VOLUMES; i++) {
            disks.set(i, before.disks.get(i).clone());
        }
        if (sameProcess) {
            for (int i = 0; i < CrashRun.VOLUMES; i++) {
                dirty.get(i).or(before.dirty.get(i));
            }
            remembered = before.remembered;
        }
    }

    List<byte[]> disks() {
        return disks;
    }

    /** Everything that decides what the agent does after a crash. */
    void addTo(MessageDigest digest) {
        digest.update((remembered + " " + dirty).getBytes(StandardCharsets.UTF_8));
        disks.forEach(digest::update);
    }

    // --- sessions

    void connect() {
        welcome = null;
        attached = 0;
        epochOpen = false;
        volumeFailed = false;
        sentSeqs = new long[CrashRun.VOLUMES][CrashRun.SECTORS];
        List<Hello.Disk> told = new ArrayList<>();
        for (int i = 0; i < CrashRun.VOLUMES; i++) {
            told.add(new Hello.Disk(CrashRun.deviceName(i), CrashRun.VOLUME_BYTES, SECTOR_BYTES));
        }
        Link control = new Link();
        links.add(control);
        control.json(
                FrameType.HELLO,
                new Hello(
                        List.of(ProtocolLimits.VERSION),
                        List.of(),
                        CrashRun.SOURCE,
                        instance,
                        STREAMS,
                        told,
                        remembered));
    }

    private void reconnect() {
        List<Link> former = List.copyOf(links);
        links.clear();
        former.forEach(Link::cut);
        connect();
    }

    private Link control() {
        return links.getFirst();
    }

    private void opened(Welcome came) {
        welcome = came;
        for (Welcome.Volume volume : came.volumes()) {
            if (volume.action() == Welcome.Action.RESCAN) {
                dirty.get(volume.index()).set(0, CrashRun.SECTORS);
            }
            volumeFailed |= volume.action() == Welcome.Action.FAILED;
        }
        run.welcomed(came, remembered);
        remember(came.volumes().getFirst().committedEpoch());
        for (int stream = 0; stream < came.streams(); stream++) {
            Link link = new Link();
            links.add(link);
            link.json(FrameType.ATTACH, new Attach(came.generation(), stream));
        }
    }

    private void remember(long committedEpoch) {
        Welcome open = Objects.requireNonNull(welcome);
        epoch = committedEpoch + 1;
        remembered = new Hello.Remembered(
                open.generation(),
                open.volumes().stream()
                        .map(volume -> new Hello.RememberedDisk(volume.deviceName(), volume.dataGen(), committedEpoch))
                        .toList());
    }

    private void openEpoch() {
        control().json(FrameType.EPOCH_OPEN, new EpochOpen(epoch, false, 0));
    }

    private void epochOpened() {
        epochOpen = true;
        for (int volume = 0; volume < CrashRun.VOLUMES; volume++) {
            BitSet unsent = dirty.get(volume);
            for (int first = unsent.nextSetBit(0); first >= 0; ) {
                int end = unsent.nextClearBit(first);
                send(volume, first, end - first);
                first = unsent.nextSetBit(end);
            }
        }
        goOn();
    }

    // --- steps

    /** Does a step as soon as it can. */
    void doStep(CrashScenario.Step step) {
        waiting.add(step);
        goOn();
    }

    private void goOn() {
        while (!waiting.isEmpty() && (epochOpen || volumeFailed)) {
            doNow(waiting.remove());
        }
    }

    private void doNow(CrashScenario.Step step) {
        stepCount++;
        switch (step.kind()) {
            case COMMIT -> commit();
            case RECONNECT -> reconnect();
            case ZERO -> change(step, new byte[CrashRun.SECTORS_CHANGED * SECTOR_BYTES]);
            case DATA, OVERLAPPING_DATA -> {
                byte[] content = new byte[CrashRun.SECTORS_CHANGED * SECTOR_BYTES];
                new Random(stepCount).nextBytes(content);
                change(step, content);
            }
        }
    }

    private void change(CrashScenario.Step step, byte[] content) {
        int first = step.kind().firstSector;
        System.arraycopy(content, 0, disks.get(step.volume()), first * SECTOR_BYTES, content.length);
        dirty.get(step.volume()).set(first, first + CrashRun.SECTORS_CHANGED);
        Arrays.fill(sentSeqs[step.volume()], first, first + CrashRun.SECTORS_CHANGED, 0);
        if (epochOpen && !volumeFailed) {
            send(step.volume(), first, CrashRun.SECTORS_CHANGED);
        }
    }

    private void send(int volume, int firstSector, int sectors) {
        Link stream = links.get(1 + volume % STREAMS);
        int from = firstSector * SECTOR_BYTES;
        byte[] content = Arrays.copyOfRange(disks.get(volume), from, from + sectors * SECTOR_BYTES);
        long seq = stream.block(volume, from, content, epoch);
        Arrays.fill(sentSeqs[volume], firstSector, firstSector + sectors, seq);
    }

    /** Nothing where a volume has failed: it would be refused. */
    void commit() {
        if (volumeFailed) {
            return;
        }
        epochOpen = false;
        List<Long> fences = new ArrayList<>();
        for (int stream = 0; stream < STREAMS; stream++) {
            fences.add(links.get(1 + stream).fence(epoch));
        }
        control().json(FrameType.EPOCH_COMMIT, new EpochCommit(epoch, fences, VirtualTime.BEGIN_MILLIS));
    }

    // --- what the server says

    /** Takes the oldest frame that waits; says whether there was one. */
    boolean takeFrame() {
        for (Link link : links) {
            byte[] frame = link.inbox.poll();
            if (frame != null) {
                link.read(frame);
                return true;
            }
        }
        return false;
    }

    private void came(Link link, FrameType type, ByteBuffer payload) throws ProtocolException {
        switch (type) {
            case WELCOME -> opened(Welcome.parse(JsonBody.parse(payload)));
            case ATTACHED -> {
                if (++attached == STREAMS) {
                    openEpoch();
                }
            }
            case EPOCH_STATUS -> {
                if (EpochStatus.parse(JsonBody.parse(payload)).committed()) {
                    dirty.forEach(BitSet::clear); // all of it was sent before the fences
                    remember(epoch);
                    openEpoch();
                } else {
                    epochOpened();
                }
            }
            case DURABLE_ACK -> DurableAck.read(payload, (volume, seq, limit) -> acknowledged(volume, seq));
            case ERROR -> {
                ErrorBody error = ErrorBody.parse(JsonBody.parse(payload));
                if (link == control() && ErrorCode.of(error.code()) == ErrorCode.VOLUME_FAILED) {
                    volumeFailed = true;
                    goOn();
                }
            }
            default -> {}
        }
    }

    private void acknowledged(int volume, long durableSeq) {
        for (int sector = 0; sector < CrashRun.SECTORS; sector++) {
            long seq = sentSeqs[volume][sector];
            if (seq != 0 && seq <= durableSeq) {
                dirty.get(volume).clear(sector);
            }
        }
    }

    /** One connection. */
    private final class Link implements Transport, FrameReader.Handler {
        private final ArrayDeque<byte[]> inbox = new ArrayDeque<>();
        private final FrameWriter writer = new FrameWriter();
        private final FrameReader reader = new FrameReader(this);
        private final FrameWatch watch = new FrameWatch(run.model(), run.site());
        private final AgentConnection connection = run.server().accept(this);
        private boolean ended;

        // --- from the agent

        void json(FrameType type, Body body) {
            send(writer.json(type, body));
        }

        long fence(long fenced) {
            send(writer.fence(fenced));
            return writer.lastSeq();
        }

        /** A ZERO if all of it is zero. */
        long block(int volume, long offsetBytes, byte[] content, long inEpoch) {
            boolean zero = Arrays.mismatch(content, new byte[content.length]) < 0;
            ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES + (zero ? 0 : content.length));
            if (zero) {
                writer.zero(frame, volume, false, offsetBytes, content.length, inEpoch);
            } else {
                CRC32C crc = new CRC32C();
                crc.update(content);
                writer.dataHeader(
                        frame,
                        volume,
                        FrameHeader.CODEC_STORED,
                        content.length,
                        content.length,
                        offsetBytes,
                        inEpoch,
                        (int) crc.getValue());
                frame.put(content);
            }
            run.tell(() -> "volume " + volume + ", epoch " + inEpoch + ", " + content.length + " bytes from "
                    + offsetBytes + ":");
            send(frame.flip());
            return writer.lastSeq();
        }

        private void send(ByteBuffer frame) {
            if (ended) {
                return;
            }
            byte[] bytes = new byte[frame.remaining()];
            frame.get(bytes);
            run.tell(() -> "agent sends " + typeOf(bytes));
            watch.sentByAgent(bytes);
            if (!connection.received(ByteBuffer.wrap(bytes))) {
                throw new IllegalStateException("the server takes no more");
            }
        }

        private static String typeOf(byte[] frame) {
            return String.valueOf(FrameType.of(Byte.toUnsignedInt(frame[TYPE_AT])));
        }

        void cut() {
            inbox.clear();
            if (!ended) {
                ended = true;
                connection.broke("cut");
                connection.closed();
            }
        }

        private void read(byte[] frame) {
            try {
                reader.read(ByteBuffer.wrap(frame));
            } catch (ProtocolException e) {
                throw run.model().found(new Violation("I11", "a frame that is none: " + e.getMessage()));
            }
        }

        @Override
        public FrameReader.Admission admit(FrameHeader header) {
            return FrameReader.Admission.TAKE;
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            throw new IllegalStateException("no server sends blocks");
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
            FrameType type = header.type();
            if (type != null) {
                run.tell(() -> "agent reads " + header);
                came(this, type, payload);
            }
        }

        @Override
        public void skipped(FrameHeader header) {}

        // --- from the server

        @Override
        public void write(ByteBuffer frame) {
            byte[] bytes = new byte[frame.remaining()];
            frame.get(frame.position(), bytes);
            run.tell(() -> "server sends " + typeOf(bytes));
            watch.sentByServer(bytes);
            inbox.add(bytes);
        }

        @Override
        public boolean isWritable() {
            return true;
        }

        @Override
        public boolean isReading() {
            return true;
        }

        @Override
        public void resumeReading() {}

        @Override
        public void throttle(SourceThrottle throttle) {}

        @Override
        public void end() {
            ended = true;
            run.server().execute(connection::closed);
        }

        @Override
        public String remoteAddress() {
            return "192.0.2.1:50000";
        }
    }
}
