package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.SourceStatus;

/** One connection of the server model; hands checked frames to it. */
final class ModelConnection implements FrameReader.Handler {
    private enum Role {
        NEW,
        CONTROL,
        DATA
    }

    private final ModelServer server;
    private final Consumer<byte[]> out;
    private final Runnable close;
    private final FrameReader reader = new FrameReader(this);
    final FrameWriter writer = new FrameWriter();
    private Role role = Role.NEW;
    private int stream = -1;
    private int controlFrames;
    private final long openedNanos;
    private boolean closed;
    private boolean silent;

    ModelConnection(ModelServer server, Consumer<byte[]> out, Runnable close) {
        this.server = server;
        this.out = out;
        this.close = close;
        this.openedNanos = server.nowNanos();
    }

    void received(byte[] bytes) {
        if (closed) {
            return;
        }
        try {
            reader.read(ByteBuffer.wrap(bytes));
        } catch (ProtocolException e) {
            throw new AssertionError("the agent broke the protocol: " + e.code() + " " + e.getMessage(), e);
        }
    }

    /** The agent closed its side, or the network did. */
    void peerClosed() {
        closed = true;
        server.connectionClosed(this);
    }

    void send(FrameType type, Body body) {
        raw(writer.json(type, body));
    }

    void send(FrameType type) {
        raw(writer.empty(type));
    }

    boolean isSilent() {
        return silent;
    }

    void raw(ByteBuffer frame) {
        byte[] bytes = new byte[frame.remaining()];
        frame.get(bytes);
        raw(bytes);
    }

    void raw(byte[] bytes) {
        if (!closed && !silent) {
            out.accept(bytes);
        }
    }

    /** What is sent while a connection is silent never was. */
    void silence(boolean newSilent) {
        silent = newSilent;
    }

    void close() {
        if (!closed) {
            closed = true;
            close.run();
        }
    }

    boolean isClosed() {
        return closed;
    }

    int stream() {
        return stream;
    }

    boolean isControl() {
        return role == Role.CONTROL;
    }

    private void countControlFrame() {
        controlFrames++;
        double seconds = (server.nowNanos() - openedNanos) / 1e9;
        if (controlFrames > 500 + 100 * seconds) {
            throw new AssertionError("RATE: " + controlFrames + " control frames in " + seconds + " s");
        }
    }

    // --- from the reader

    @Override
    public FrameReader.Admission admit(FrameHeader header) throws ProtocolException {
        FrameType type = header.type();
        if (type == null) {
            if (role == Role.NEW) {
                throw new AssertionError("grease before the first frame");
            }
            return FrameReader.Admission.SKIP;
        }
        boolean allowed = switch (role) {
            case NEW -> type == FrameType.HELLO || type == FrameType.ATTACH;
            case CONTROL ->
                switch (type) {
                    case EPOCH_OPEN, EPOCH_COMMIT, SOURCE_STATUS, HASH_OFFER, PING, PONG, ERROR, BYE -> true;
                    default -> false;
                };
            case DATA ->
                switch (type) {
                    case DATA, ZERO, FENCE, PING, ERROR -> true;
                    default -> false;
                };
        };
        if (!allowed) {
            throw new AssertionError("STATE: " + type + " on a connection that is " + role);
        }
        if (type.isBlock()) {
            server.checkBlock(this, header);
        } else if (type != FrameType.FENCE && type != FrameType.HASH_OFFER) {
            countControlFrame();
        }
        return FrameReader.Admission.TAKE;
    }

    @Override
    public ByteBuffer blockBuffer(FrameHeader header) {
        return ByteBuffer.allocate((int) header.payloadLen());
    }

    @Override
    public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        FrameType type = header.type();
        if (type == null) {
            throw new AssertionError("a frame without type was taken");
        }
        switch (type) {
            case HELLO -> {
                role = Role.CONTROL;
                server.hello(this, Hello.parse(JsonBody.parse(payload)));
            }
            case ATTACH -> {
                role = Role.DATA;
                Attach attach = Attach.parse(JsonBody.parse(payload));
                stream = attach.stream();
                server.attach(this, attach);
            }
            case DATA, ZERO -> server.block(this, header, payload);
            case FENCE ->
                server.fence(
                        this,
                        header.seq(),
                        payload.order(ByteOrder.LITTLE_ENDIAN).getLong(0));
            case EPOCH_OPEN -> server.epochOpen(this, EpochOpen.parse(JsonBody.parse(payload)));
            case EPOCH_COMMIT -> server.epochCommit(this, EpochCommit.parse(JsonBody.parse(payload)));
            case SOURCE_STATUS -> server.sourceStatus(SourceStatus.parse(JsonBody.parse(payload)));
            case HASH_OFFER -> server.hashOffer(this, HashOffer.read(payload));
            case PING -> {
                if (role == Role.CONTROL) {
                    send(FrameType.PONG);
                }
            }
            case BYE -> server.bye(Bye.parse(JsonBody.parse(payload)));
            case ERROR -> throw new AssertionError("the agent says: " + ErrorBody.parse(JsonBody.parse(payload)));
            default -> {}
        }
    }

    @Override
    public void skipped(FrameHeader header) {
        countControlFrame();
        server.skipped();
    }

    /** Of the newest frame that was received whole. */
    long receivedSeq() {
        return reader.receivedSeq();
    }
}
