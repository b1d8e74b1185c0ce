package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.Welcome;

/** One connection of an agent in a {@link SessionWorld}: sends what the test says and keeps what comes back. */
final class TestAgent implements Transport, FrameReader.Handler {
    /** A frame that the server sent. */
    record Received(FrameType type, @Nullable JsonBody json) {}

    static final String FIRST_AGENT = "0".repeat(32);

    final List<Received> received = new ArrayList<>();
    final Map<Integer, Long> durableSeq = new HashMap<>();
    final Map<Integer, Long> limitBytes = new HashMap<>();
    final FrameWriter writer = new FrameWriter();
    final List<HashDiff> diffs = new ArrayList<>();
    int acknowledgements;
    boolean ended;
    boolean writable = true;
    boolean paused;

    @Nullable
    SourceThrottle throttle;

    private final SessionWorld world;
    private final FrameReader reader = new FrameReader(this);
    private @Nullable AgentConnection connection;
    private @Nullable ByteBuffer unread;

    TestAgent(SessionWorld world) {
        this.world = world;
    }

    void open(@Nullable AgentConnection opened) {
        connection = opened;
    }

    AgentConnection connection() {
        AgentConnection open = connection;
        if (open == null) {
            throw new IllegalStateException("not connected");
        }
        return open;
    }

    // --- sending

    /** Behind what is not read yet, if reading is paused. */
    void send(ByteBuffer bytes) {
        ByteBuffer before = unread;
        if (before != null) {
            unread = ByteBuffer.allocate(before.remaining() + bytes.remaining())
                    .put(before)
                    .put(bytes)
                    .flip();
            return;
        }
        if (!connection().received(bytes)) {
            paused = true;
            unread = bytes;
        }
        world.settle();
    }

    TestAgent hello(int streams, int disks) {
        return hello(streams, disks, FIRST_AGENT, null);
    }

    TestAgent hello(int streams, int disks, String instance, Hello.@Nullable Remembered remembers) {
        return hello(streams, disks, instance, remembers, List.of());
    }

    TestAgent hello(
            int streams, int disks, String instance, Hello.@Nullable Remembered remembers, List<String> features) {
        List<Hello.Disk> list = new ArrayList<>();
        for (int i = 0; i < disks; i++) {
            list.add(new Hello.Disk("/dev/sd" + i, SessionWorld.VOLUME_BYTES, 512));
        }
        send(writer.json(
                FrameType.HELLO,
                new Hello(List.of(1), features, SessionWorld.SOURCE, instance, streams, list, remembers)));
        return this;
    }

    /** Of a source server with one disk. */
    TestAgent helloOf(String sourceServerId, String deviceName, String feature) {
        send(writer.json(
                FrameType.HELLO,
                new Hello(
                        List.of(1),
                        List.of(feature),
                        sourceServerId,
                        "0".repeat(32),
                        1,
                        List.of(new Hello.Disk(deviceName, SessionWorld.VOLUME_BYTES, 512)),
                        null)));
        return this;
    }

    TestAgent attach(long generation, int stream) {
        send(writer.json(FrameType.ATTACH, new Attach(generation, stream)));
        return this;
    }

    void openTest(int streams, int seconds, long bytesMax) {
        openTest(SessionWorld.SOURCE, streams, seconds, bytesMax);
    }

    void openTest(String sourceServerId, int streams, int seconds, long bytesMax) {
        send(writer.json(FrameType.TEST_OPEN, new TestOpen(List.of(1), sourceServerId, streams, seconds, bytesMax)));
    }

    TestAgent attachTest(String test, int stream) {
        send(writer.json(FrameType.TEST_ATTACH, new TestAttach(test, stream)));
        return this;
    }

    /** Sends a stored TEST block; returns its seq. */
    long test(int length, int crcError) {
        byte[] raw = new byte[length];
        CRC32C crc = new CRC32C();
        crc.update(raw);
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES + length).order(ByteOrder.LITTLE_ENDIAN);
        long seq = writer.testHeader(frame, 0, length, length, (int) crc.getValue() ^ crcError);
        send(frame.put(raw).flip());
        return seq;
    }

    /** Sends a header of any type without a payload. */
    void sendHeader(FrameType type) {
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        new FrameHeader().set(type, 0, writer.lastSeq() + 1).encode(frame);
        send(frame.flip());
    }

    void status(List<SourceStatus.Volume> volumes, SourceStatus.Waits waits) {
        send(writer.json(FrameType.SOURCE_STATUS, new SourceStatus(volumes, waits)));
    }

    void openEpoch(long epoch) {
        send(writer.json(FrameType.EPOCH_OPEN, new EpochOpen(epoch, false, 0)));
    }

    void commit(long epoch, Long... fences) {
        send(writer.json(FrameType.EPOCH_COMMIT, new EpochCommit(epoch, List.of(fences), 5)));
    }

    long fence(long epoch) {
        send(writer.fence(epoch));
        return writer.lastSeq();
    }

    /** Sends a stored block filled with a byte; returns its seq. */
    long data(int volume, long offset, int length, int fill, long epoch) {
        return data(volume, offset, length, fill, epoch, 0);
    }

    long data(int volume, long offset, int length, int fill, long epoch, int crcError) {
        byte[] raw = new byte[length];
        java.util.Arrays.fill(raw, (byte) fill);
        CRC32C crc = new CRC32C();
        crc.update(raw);
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES + length).order(ByteOrder.LITTLE_ENDIAN);
        long seq = writer.dataHeader(frame, volume, 0, length, length, offset, epoch, (int) crc.getValue() ^ crcError);
        send(frame.put(raw).flip());
        return seq;
    }

    long zero(int volume, long offset, long length, long epoch) {
        ByteBuffer frame = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long seq = writer.zero(frame, volume, false, offset, length, epoch);
        send(frame.flip());
        return seq;
    }

    void bye() {
        send(writer.json(FrameType.BYE, new Bye("done")));
    }

    /** The connection is cut. */
    void cut() {
        connection().closed();
        world.settle();
    }

    // --- looking

    boolean has(FrameType type) {
        return received.stream().anyMatch(frame -> frame.type() == type);
    }

    JsonBody last(FrameType type) {
        for (Received frame : received.reversed()) {
            JsonBody json = frame.json();
            if (frame.type() == type && json != null) {
                return json;
            }
        }
        throw new AssertionError("no " + type + " among " + received);
    }

    /** The WELCOME, after the volumes' writers have had their turn: it waits for the writes of older sessions. */
    Welcome welcome() {
        world.writeAll();
        try {
            return Welcome.parse(last(FrameType.WELCOME));
        } catch (ProtocolException e) {
            throw new AssertionError(e);
        }
    }

    Attached attached() {
        try {
            return Attached.parse(last(FrameType.ATTACHED));
        } catch (ProtocolException e) {
            throw new AssertionError(e);
        }
    }

    /** The codes of all errors that came, in order. */
    List<ErrorCode> errors() {
        List<ErrorCode> codes = new ArrayList<>();
        for (Received frame : received) {
            JsonBody json = frame.json();
            if (frame.type() == FrameType.ERROR && json != null) {
                try {
                    ErrorCode code = ErrorCode.of(ErrorBody.parse(json).code());
                    codes.add(code == null ? ErrorCode.PROTOCOL : code);
                } catch (ProtocolException e) {
                    throw new AssertionError(e);
                }
            }
        }
        return codes;
    }

    long durable(int volume) {
        return durableSeq.getOrDefault(volume, 0L);
    }

    // --- Transport

    @Override
    public void write(ByteBuffer frame) {
        if (ended) {
            throw new AssertionError("written after the end");
        }
        try {
            reader.read(frame);
        } catch (ProtocolException e) {
            throw new AssertionError("the server broke the protocol", e);
        }
    }

    @Override
    public boolean isWritable() {
        return writable;
    }

    @Override
    public boolean isReading() {
        return !paused;
    }

    @Override
    public void resumeReading() {
        ByteBuffer rest = unread;
        if (paused && rest != null) {
            paused = false;
            unread = null;
            if (!connection().received(rest)) {
                paused = true;
                unread = rest;
            }
        }
    }

    @Override
    public void throttle(SourceThrottle newThrottle) {
        throttle = newThrottle;
    }

    @Override
    public void end() {
        ended = true;
    }

    @Override
    public String remoteAddress() {
        return "test";
    }

    // --- FrameReader.Handler

    @Override
    public FrameReader.Admission admit(FrameHeader header) {
        return FrameReader.Admission.TAKE;
    }

    @Override
    public ByteBuffer blockBuffer(FrameHeader header) {
        throw new AssertionError("a block from the server");
    }

    @Override
    public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        FrameType type = header.type();
        if (type == null) {
            throw new AssertionError("unknown frame");
        }
        if (type == FrameType.DURABLE_ACK) {
            acknowledgements++;
            DurableAck.read(payload, (volume, durable, limit) -> {
                if (durable < durable(volume) || limit < limitBytes.getOrDefault(volume, 0L)) {
                    throw new AssertionError("an acknowledgement went back");
                }
                durableSeq.put(volume, durable);
                limitBytes.put(volume, limit);
            });
            received.add(new Received(type, null));
        } else if (type == FrameType.HASH_DIFF) {
            diffs.add(HashDiff.read(payload));
            received.add(new Received(type, null));
        } else {
            received.add(new Received(type, type.payload() == FrameType.Payload.JSON ? JsonBody.parse(payload) : null));
        }
    }

    @Override
    public void skipped(FrameHeader header) {}
}
