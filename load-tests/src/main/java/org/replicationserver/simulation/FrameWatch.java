package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;

/** Reads along what both sides of a connection send, at the moment they send it, and tells the model what they have said. */
final class FrameWatch {
    private static final int BLOCK_BYTES_MAX = 1 << 20;

    private final ReplicaModel model;
    private final ReplicaModel.Site site;
    private final FrameReader agentFrames = new FrameReader(new Agent());
    private final FrameReader serverFrames = new FrameReader(new Server());
    private final RefusalRules refusals = new RefusalRules();

    // the newest frame of the agent
    private byte[] block = {};
    private long sentSeq;
    private byte[] sent = {};
    private byte[] arriving = {};

    // of a control connection, from WELCOME on; of a data connection, from ATTACH on
    private ReplicaModel.@Nullable Session session;
    private int stream;
    private ReplicaModel.@Nullable Greeting greeting;

    FrameWatch(ReplicaModel model, ReplicaModel.Site site) {
        this.model = model;
        this.site = site;
    }

    void sentByAgent(byte[] frame) {
        sentByAgent(frame, frame);
    }

    /** @param asItArrives the frame itself, or one of which a bit is another */
    void sentByAgent(byte[] frame, byte[] asItArrives) {
        sent = frame;
        arriving = asItArrives;
        read(agentFrames, frame);
    }

    /** The server has read so many of the agent's bytes, and had its chance to answer. */
    void takenByServer(int bytes) {
        model.check(() -> refusals.taken(bytes));
    }

    /** The server has closed the connection. */
    void closedByServer() {
        ReplicaModel.Session open = session;
        model.check(() -> refusals.closed(open != null && open.isLeaving()));
    }

    void sentByServer(byte[] frame) {
        read(serverFrames, frame);
    }

    private void read(FrameReader reader, byte[] frame) {
        try {
            reader.read(ByteBuffer.wrap(frame));
        } catch (ProtocolException e) {
            throw model.found(new Violation("I11", "a frame that is none: " + e.getMessage()));
        } catch (Violation e) {
            throw model.found(e);
        }
    }

    private ReplicaModel.Session session() {
        ReplicaModel.Session open = session;
        if (open == null) {
            throw new Violation("I11", "a frame of a session before there is one");
        }
        return open;
    }

    private void leave() {
        ReplicaModel.Session open = session;
        if (open != null) {
            open.leaving();
        }
    }

    private void acknowledged(int volume, long durableSeq, long limitBytes) {
        requireSent("durable_seq", durableSeq);
        refusals.acknowledged(volume, durableSeq);
        session().acknowledged(stream, volume, durableSeq, limitBytes);
    }

    private void requireSent(String name, long seq) {
        if (seq > sentSeq) {
            throw new Violation("I7", name + "=" + seq + ", but no more than " + sentSeq + " frames were sent");
        }
    }

    private final class Agent implements FrameReader.Handler {
        @Override
        public FrameReader.Admission admit(FrameHeader header) {
            return FrameReader.Admission.TAKE;
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            if (header.payloadLen() > BLOCK_BYTES_MAX) {
                throw new Violation("I11", "a block of " + header.payloadLen() + " bytes");
            }
            block = new byte[(int) header.payloadLen()];
            return ByteBuffer.wrap(block);
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
            sent(header);
            if (header.type() == null) {
                return;
            }
            switch (header.type()) {
                case ATTACH -> {
                    Attach attach = Attach.parse(JsonBody.parse(payload));
                    session = model.session(site, attach.generation());
                    stream = attach.stream();
                    refusals.opens(header.seq());
                }
                case HELLO -> {
                    greeting = model.greeted(site, Hello.parse(JsonBody.parse(payload)));
                    refusals.opens(header.seq());
                }
                case HASH_OFFER -> session().offered(HashOffer.read(payload));
                case DATA, ZERO -> session().sent(stream, header, block);
                case EPOCH_OPEN -> session().epochOpened(EpochOpen.parse(JsonBody.parse(payload)));
                case EPOCH_COMMIT -> session().commitAsked(EpochCommit.parse(JsonBody.parse(payload)));
                case BYE -> leave();
                default -> {}
            }
        }

        @SuppressWarnings("ReferenceEquality") // the same bytes, and not only equal ones
        private void sent(FrameHeader header) {
            sentSeq = header.seq();
            if (sent == arriving) {
                refusals.sent(sent);
            } else {
                refusals.sentWrong(header, block, sent, arriving);
            }
        }

        @Override
        public void skipped(FrameHeader header) {
            sent(header);
        }
    }

    private final class Server implements FrameReader.Handler {
        @Override
        public FrameReader.Admission admit(FrameHeader header) {
            return FrameReader.Admission.TAKE;
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            throw new Violation("I11", "a server sends a block");
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
            if (header.type() == null) {
                return;
            }
            switch (header.type()) {
                case WELCOME -> {
                    ReplicaModel.Greeting greeted = greeting;
                    if (greeted == null) {
                        throw new Violation("I11", "WELCOME without HELLO");
                    }
                    session = model.opened(site, Welcome.parse(JsonBody.parse(payload)), greeted);
                }
                case HASH_DIFF -> session().answered(HashDiff.read(payload));
                case ATTACHED -> session().attached(stream, Attached.parse(JsonBody.parse(payload)));
                case DURABLE_ACK -> {
                    long receivedSeq =
                            DurableAck.read(payload.order(ByteOrder.LITTLE_ENDIAN), FrameWatch.this::acknowledged);
                    requireSent("received_seq", receivedSeq);
                }
                case EPOCH_STATUS -> {
                    EpochStatus status = EpochStatus.parse(JsonBody.parse(payload));
                    if (status.committed()) {
                        session().committed(status.epoch());
                    }
                }
                case ERROR -> refusals.refused(ErrorBody.parse(JsonBody.parse(payload)));
                case GOAWAY -> leave();
                default -> {}
            }
        }

        @Override
        public void skipped(FrameHeader header) {}
    }
}
