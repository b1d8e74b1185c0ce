package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestResult;

/**
 * One connection of an authenticated agent, from the handshake to its close: what it may send in which role, and its numbering.
 * Event loop only.
 *
 * <p>NEW → CONTROL (HELLO came) or DATA (ATTACH came), or for a speed test TEST_CONTROL or TEST_DATA → ENDED; any role may end. After ENDED nothing is sent and what arrives
 * is thrown away.
 */
public final class AgentConnection implements FrameReader.Handler {
    private enum Role {
        NEW,
        CONTROL,
        DATA,
        TEST_CONTROL,
        TEST_DATA,
        ENDED
    }

    private final Transport transport;
    private final SourceSlot slot;
    private final String pin;
    private final SessionSettings settings;
    private final SessionClock clock;
    private final SessionEvents events;
    private final FrameReader reader = new FrameReader(this);
    private final FrameWriter writer = new FrameWriter();
    private final RateLimit controlFrames;
    private final RateLimit pings;
    private final long openedNanos;

    private Role role = Role.NEW;
    private long receivedNanos;
    private long receivedBytes;
    private boolean pinged;
    private boolean keyLimitTold;

    // CONTROL and DATA: the session, once it is open
    private @Nullable SourceSession session;

    // DATA
    private @Nullable StreamState stream;
    private @Nullable InboundBlock filling;

    // TEST_CONTROL
    private @Nullable SpeedTest test;

    // TEST_DATA
    private @Nullable TestStream testStream;

    AgentConnection(
            Transport transport,
            SourceSlot slot,
            String pin,
            SessionSettings settings,
            SessionClock clock,
            SessionEvents events) {
        this.transport = transport;
        this.slot = slot;
        this.pin = pin;
        this.settings = settings;
        this.clock = clock;
        this.events = events;
        long now = clock.nanos();
        this.openedNanos = now;
        this.receivedNanos = now;
        this.controlFrames = new RateLimit(settings.controlFramesPerSecond(), settings.controlFramesBurst(), now);
        this.pings = new RateLimit(settings.pingsPerSecond(), settings.pingsBurst(), now);
    }

    // --- from the listener

    /**
     * Takes bytes that arrived.
     *
     * @return false if reading shall pause; what {@code input} still holds is to be handed in again after {@link
     *     Transport#resumeReading}
     */
    public boolean received(ByteBuffer input) {
        if (role == Role.ENDED) {
            input.position(input.limit());
            return true;
        }
        receivedNanos = clock.nanos();
        pinged = false;
        int before = input.remaining();
        try {
            boolean go = reader.read(input);
            int bytes = before - input.remaining();
            receivedBytes += bytes;
            if (role == Role.DATA) {
                slot.replicated(bytes, receivedNanos);
            }
            if (receivedBytes > settings.keyBytesMax() && !keyLimitTold && session != null) {
                keyLimitTold = true;
                session.goAway("KEY_LIMIT");
            }
            return go;
        } catch (ProtocolException e) {
            fail(e);
            input.position(input.limit());
            return true;
        }
    }

    /** The socket can take more again. */
    public void writable() {
        if (stream != null) {
            stream.flushAck();
        }
        if (testStream != null) {
            testStream.flushAck();
        }
    }

    /** The socket has failed below the protocol, and will be gone; {@code cause} is text of ours or of the TLS engine. */
    public void broke(String cause) {
        if (role != Role.ENDED) {
            events.connectionBroke(slot.sourceServerId, transport.remoteAddress(), cause);
        }
    }

    /** The socket is gone. */
    public void closed() {
        stop("connection closed", SessionEndCause.LOST);
    }

    /** Looks at the deadlines. */
    void tick(long nowNanos) {
        switch (role) {
            case NEW -> {
                if (nowNanos - openedNanos > settings.firstFrameTimeout().toNanos()) {
                    fail(new ProtocolException(
                            ErrorCode.STATE,
                            "no first frame came within "
                                    + settings.firstFrameTimeout().toSeconds() + " s"));
                }
            }
            case CONTROL -> {
                long silentNanos = nowNanos - receivedNanos;
                if (silentNanos > settings.deadAfter().toNanos()) {
                    expired(
                            "nothing was received for " + settings.deadAfter().toSeconds() + " s",
                            SessionEndCause.LOST);
                } else if (silentNanos > settings.pingAfter().toNanos() && !pinged) {
                    pinged = true;
                    transport.write(writer.empty(FrameType.PING));
                }
            }
            case DATA -> {
                long silentNanos = nowNanos - receivedNanos;
                if (!transport.isReading()) {
                    receivedNanos = nowNanos; // what may have come nobody has looked at
                } else if (silentNanos > settings.deadAfter().toNanos()) {
                    expired(
                            "nothing was received on a data connection for "
                                    + settings.deadAfter().toSeconds() + " s",
                            SessionEndCause.LOST);
                }
            }
            case TEST_CONTROL, TEST_DATA, ENDED -> {} // a speed test has deadlines of its own
        }
    }

    // --- from the reader

    @Override
    public FrameReader.Admission admit(FrameHeader header) throws ProtocolException {
        FrameType type = header.type();
        if (type == null) {
            return FrameReader.Admission.SKIP;
        }
        requireGranted(header, type);
        boolean allowed = switch (role) {
            case NEW ->
                switch (type) {
                    case HELLO, ATTACH, TEST_OPEN, TEST_ATTACH -> true;
                    default -> false;
                };
            case CONTROL ->
                switch (type) {
                    case PING, PONG, ERROR, BYE -> true;
                    case EPOCH_OPEN, EPOCH_COMMIT, SOURCE_STATUS, HASH_OFFER -> session != null;
                    default -> false;
                };
            case DATA -> type.isBlock() || type == FrameType.FENCE || type == FrameType.PING || type == FrameType.ERROR;
            case TEST_CONTROL ->
                switch (type) {
                    case PING, PONG, ERROR, BYE -> true;
                    default -> false;
                };
            case TEST_DATA -> type == FrameType.TEST || type == FrameType.ERROR;
            case ENDED -> true;
        };
        if (!allowed) {
            throw ProtocolException.at(
                    header, ErrorCode.STATE, type + " is not allowed on a " + roleName() + " connection now");
        }
        if (role == Role.ENDED) {
            return FrameReader.Admission.SKIP;
        }
        if (type == FrameType.TEST) {
            return openTestStream().admit(header);
        }
        return type.isBlock() ? openSession().admit(openStream(), header) : FrameReader.Admission.TAKE;
    }

    /** Without its feature a type is one that this connection does not know. */
    private void requireGranted(FrameHeader header, FrameType type) throws ProtocolException {
        String feature = type.feature();
        boolean onItsOwn = type.isOfSpeedTest() && role != Role.CONTROL && role != Role.DATA;
        boolean granted = feature == null || onItsOwn || (session != null && session.grants(feature));
        if (!granted && role != Role.ENDED) {
            throw ProtocolException.at(
                    header, ErrorCode.UNSUPPORTED, type + " belongs to a feature that is not granted here: " + feature);
        }
    }

    private String roleName() {
        return switch (role) {
            case NEW -> "new";
            case CONTROL -> "control";
            case DATA -> "data";
            case TEST_CONTROL -> "test control";
            case TEST_DATA -> "test";
            case ENDED -> "ended";
        };
    }

    @Override
    public ByteBuffer blockBuffer(FrameHeader header) {
        if (role == Role.TEST_DATA) {
            return openTestStream().takeBlock((int) header.payloadLen());
        }
        InboundBlock block = openSession().takeBlock((int) header.payloadLen());
        filling = block;
        return block.memory.buffer();
    }

    @Override
    public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
        FrameType type = header.type();
        if (type == null || role == Role.ENDED) {
            return;
        }
        switch (type) {
            case DATA -> {
                InboundBlock block = filling;
                filling = null;
                if (block != null) {
                    openSession().acceptData(openStream(), header, block);
                }
            }
            case TEST -> openTestStream().received(header);
            case ZERO -> openSession().acceptZero(openStream(), header);
            case FENCE ->
                openSession()
                        .epochs
                        .fence(
                                openStream(),
                                header,
                                payload.order(ByteOrder.LITTLE_ENDIAN).getLong(0));
            default -> controlFrame(header, type, payload);
        }
    }

    @Override
    public void skipped(FrameHeader header) throws ProtocolException {
        if (header.type() == null) {
            countControlFrame(header);
            events.ignored(slot.sourceServerId);
        }
    }

    private void controlFrame(FrameHeader header, FrameType type, ByteBuffer payload) throws ProtocolException {
        if (type == FrameType.HASH_OFFER) { // bounded by the answers that each must wait for
            openSession().hashOffer(header, HashOffer.read(payload));
            return;
        }
        countControlFrame(header);
        switch (type) {
            case HELLO -> {
                Hello hello = body(payload, Hello::parse);
                role = Role.CONTROL;
                hello(hello);
            }
            case ATTACH -> slot.attach(this, header, body(payload, Attach::parse));
            case TEST_OPEN -> {
                TestOpen asked = body(payload, TestOpen::parse);
                role = Role.TEST_CONTROL;
                test = slot.openTest(this, asked);
            }
            case TEST_ATTACH -> {
                TestAttach attach = body(payload, TestAttach::parse);
                role = Role.TEST_DATA;
                testStream = slot.attachTest(this, header, attach);
            }
            case EPOCH_OPEN -> openSession().openEpoch(header, body(payload, EpochOpen::parse));
            case EPOCH_COMMIT -> openSession().epochs.commit(header, body(payload, EpochCommit::parse));
            case SOURCE_STATUS -> openSession().sourceStatus(header, body(payload, SourceStatus::parse));
            case PING -> {
                if (!pings.take(clock.nanos())) {
                    throw ProtocolException.at(header, ErrorCode.RATE, "too many PING frames");
                }
                if (role != Role.DATA) { // where acknowledgements say as much
                    transport.write(writer.empty(FrameType.PONG));
                }
            }
            case BYE -> {
                body(payload, Bye::parse);
                if (test == null) {
                    slot.bye(this);
                } else {
                    test.finish(TestResult.Ended.AGENT);
                }
            }
            case ERROR -> {
                ErrorBody error = body(payload, ErrorBody::parse);
                events.peerReportedError(slot.sourceServerId, transport.remoteAddress(), error.code());
                ErrorCode code = ErrorCode.of(error.code());
                if (code == null || code.isFatal()) {
                    end("the agent reported error " + error.code(), SessionEndCause.AGENT_LEFT);
                }
            }
            default -> {} // PONG: that it came is all that it says
        }
    }

    private void hello(Hello hello) throws ProtocolException {
        try {
            slot.hello(this, hello);
        } catch (ProtocolException e) {
            events.helloRefused(
                    slot.sourceServerId, transport.remoteAddress(), e.code(), String.valueOf(e.getMessage()));
            throw e;
        }
    }

    private interface BodyParser<B> {
        B parse(JsonBody json) throws ProtocolException;
    }

    private <B> B body(ByteBuffer payload, BodyParser<B> parser) throws ProtocolException {
        JsonBody json = JsonBody.parse(payload);
        B body = parser.parse(json);
        int unknown = json.unreadMembers();
        if (unknown > 0) {
            events.ignoredMembers(slot.sourceServerId, unknown);
        }
        return body;
    }

    private void countControlFrame(FrameHeader header) throws ProtocolException {
        if (!controlFrames.take(clock.nanos())) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.RATE,
                    "more than " + settings.controlFramesPerSecond() + " control frames per second");
        }
    }

    // --- from slot and session

    /** The connection is the control connection of an open session. */
    void opened(SourceSession newSession) {
        session = newSession;
    }

    /** The connection is a stream of an open session. */
    void attached(SourceSession newSession, StreamState newStream) {
        session = newSession;
        stream = newStream;
        role = Role.DATA;
    }

    void send(FrameType type, Body body) {
        if (role != Role.ENDED) {
            transport.write(writer.json(type, body));
        }
    }

    void send(HashDiff diff) {
        if (role != Role.ENDED) {
            transport.write(writer.diff(diff));
        }
    }

    /** Answers a frame with an error that does not end the connection. */
    void sendError(ProtocolException e) {
        ErrorBody body = e.toBody();
        events.refused(slot.sourceServerId, transport.remoteAddress(), body);
        send(FrameType.ERROR, body);
    }

    FrameWriter writer() {
        return writer;
    }

    Transport transport() {
        return transport;
    }

    String remoteAddress() {
        return transport.remoteAddress();
    }

    /** Of the certificate with which the agent came. */
    String pin() {
        return pin;
    }

    long receivedSeq() {
        return reader.receivedSeq();
    }

    boolean isEnded() {
        return role == Role.ENDED;
    }

    /** Reads on after a pause for memory. */
    void resumeReading() {
        if (role != Role.ENDED) {
            transport.resumeReading();
        }
    }

    /**
     * Ends the connection, and with it the session, because something did not come in time. Nothing that came is refused by that: where there
     * is a session, its end tells of it.
     */
    void expired(String reason, SessionEndCause cause) {
        ProtocolException told = new ProtocolException(ErrorCode.STATE, reason);
        if (session == null) {
            sendError(told);
        } else {
            send(FrameType.ERROR, told.toBody());
        }
        end(reason, cause);
    }

    /** Ends the connection, and with it the session, with an error for the peer. */
    void fail(ProtocolException e) {
        if (role != Role.ENDED) {
            sendError(e);
            end(e.code() + ": " + e.getMessage(), SessionEndCause.SERVER_ENDED);
        }
    }

    /** A chain of stages that belongs to this connection ends with this one: a fault in it is as one in the answer to a frame. */
    void endsWith(CompletionStage<?> last) {
        last.whenComplete((done, fault) -> {
            if (fault != null) {
                faulted(fault);
            }
        });
    }

    /** Tells a fault of this program, and ends the connection: the agent comes back to a state that is known. */
    void faulted(Throwable fault) {
        events.programFault(slot.sourceServerId, fault);
        end("a fault of this program", SessionEndCause.SERVER_ENDED);
    }

    /** Ends the connection, and with it the session. */
    void end(String reason, SessionEndCause cause) {
        if (role != Role.ENDED) {
            stop(reason, cause);
            transport.end();
        }
    }

    private void stop(String reason, SessionEndCause cause) {
        if (role == Role.ENDED) {
            return;
        }
        role = Role.ENDED;
        SourceSession ended = session;
        InboundBlock unfinished = filling;
        filling = null;
        if (unfinished != null && ended != null) {
            ended.giveBack(unfinished);
        }
        slot.connectionEnded(this);
        if (ended != null) {
            ended.end(reason, cause);
        }
        if (test != null) {
            test.connectionEnded(reason);
        }
        if (testStream != null) {
            testStream.connectionEnded(reason);
        }
    }

    private SourceSession openSession() {
        SourceSession open = session;
        if (open == null) {
            throw new IllegalStateException("no session on this connection");
        }
        return open;
    }

    private TestStream openTestStream() {
        TestStream open = testStream;
        if (open == null) {
            throw new IllegalStateException("no speed test on this connection");
        }
        return open;
    }

    private StreamState openStream() {
        StreamState open = stream;
        if (open == null) {
            throw new IllegalStateException("no stream on this connection");
        }
        return open;
    }
}
