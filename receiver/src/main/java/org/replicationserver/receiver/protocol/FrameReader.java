package org.replicationserver.receiver.protocol;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Cuts one direction of a connection into frames, whatever the pieces in which the bytes arrive. Confined to the thread of its
 * connection.
 *
 * <p>What can be said of a header without knowing the session is checked here, in the order of section 3 of the specification,
 * before anything is allocated for the payload; the rest is the {@link Handler}'s to refuse. After an exception the stream has no
 * meaning any more and nothing may be read.
 */
public final class FrameReader {
    /** What becomes of a frame whose header is sound. */
    public enum Admission {
        /** Its payload is read and the frame handed over. */
        TAKE,
        /** Its payload is read and thrown away. */
        SKIP,
        /** There is no room now: reading stops before the payload and goes on with the next {@link #read}. */
        PAUSE
    }

    /** Receives the frames of a {@link FrameReader}, on its thread. */
    public interface Handler {
        /**
         * Decides about a frame from its header; asked again after a {@link Admission#PAUSE}, so it must not count twice.
         *
         * @throws ProtocolException to refuse it
         */
        Admission admit(FrameHeader header) throws ProtocolException;

        /** Room for the payload of an admitted DATA frame: a buffer with exactly {@code payloadLen} bytes remaining. */
        ByteBuffer blockBuffer(FrameHeader header);

        /** A frame is there as a whole; {@code payload} is positioned at its begin and valid during the call. */
        void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException;

        /**
         * A sound header has another seq than the next one.
         *
         * @throws ProtocolException to refuse it; otherwise the stream goes on with this seq
         */
        default void sequenceBroken(FrameHeader header, long nextSeq) throws ProtocolException {
            throw ProtocolException.at(
                    header,
                    ErrorCode.SEQUENCE,
                    "seq=" + Long.toUnsignedString(header.seq()) + ", next is " + Long.toUnsignedString(nextSeq));
        }

        /** A frame was skipped, because its type is ignorable or because {@link #admit} said so. */
        void skipped(FrameHeader header) throws ProtocolException;
    }

    private static final ByteBuffer EMPTY = ByteBuffer.allocate(0);

    private enum At {
        HEADER,
        ADMISSION,
        PAYLOAD,
        SKIPPED_PAYLOAD
    }

    private final Handler handler;
    private final FrameHeader header = new FrameHeader();
    private final ByteBuffer headerBytes =
            ByteBuffer.allocateDirect(FrameHeader.BYTES_MAX).order(ByteOrder.LITTLE_ENDIAN);
    private At at = At.HEADER;
    private int headerLen = FrameHeader.BYTES;
    private @Nullable ByteBuffer payload;
    private long payloadLeft;
    private long lastSeq;

    public FrameReader(Handler handler) {
        this.handler = handler;
        headerBytes.limit(headerLen);
    }

    /** The seq of the newest frame that was received whole. */
    public long receivedSeq() {
        return at == At.HEADER ? lastSeq : lastSeq - 1;
    }

    /** Whether the bytes so far end in the middle of a frame. */
    public boolean isInsideFrame() {
        return at != At.HEADER || headerBytes.position() > 0;
    }

    /**
     * Reads what there is.
     *
     * @return false if the handler paused; {@code input} then holds what was not read
     */
    public boolean read(ByteBuffer input) throws ProtocolException {
        while (true) {
            switch (at) {
                case HEADER -> {
                    if (!readHeader(input)) {
                        return true;
                    }
                    at = At.ADMISSION;
                }
                case ADMISSION -> {
                    if (!askAdmission()) {
                        return false;
                    }
                }
                case PAYLOAD -> {
                    ByteBuffer target = payload;
                    if (target == null || !fill(target, input)) {
                        return true;
                    }
                    payload = null;
                    target.flip();
                    endFrame();
                    handler.frame(header, target);
                }
                case SKIPPED_PAYLOAD -> {
                    int n = (int) Math.min(payloadLeft, input.remaining());
                    input.position(input.position() + n);
                    payloadLeft -= n;
                    if (payloadLeft > 0) {
                        return true;
                    }
                    endFrame();
                    handler.skipped(header);
                }
            }
        }
    }

    private boolean readHeader(ByteBuffer input) throws ProtocolException {
        if (!fill(headerBytes, input)) {
            return false;
        }
        if (headerLen == FrameHeader.BYTES) {
            headerLen = FrameHeader.lengthOf(headerBytes);
            headerBytes.limit(headerLen);
            if (!fill(headerBytes, input)) {
                return false;
            }
        }
        header.decode(headerBytes, headerLen);
        if (header.seq() != lastSeq + 1) {
            handler.sequenceBroken(header, lastSeq + 1);
        }
        lastSeq = header.seq();
        return true;
    }

    private boolean askAdmission() throws ProtocolException {
        FrameType type = header.type();
        if (type == null) {
            if (!FrameType.isIgnorable(header.typeCode())) {
                throw ProtocolException.at(
                        header, ErrorCode.UNSUPPORTED, String.format("frame type %02x is unknown", header.typeCode()));
            }
            requirePayload(header.payloadLen() <= ProtocolLimits.JSON_BYTES_MAX);
        }
        Admission admission = handler.admit(header);
        if (admission == Admission.PAUSE) {
            return false;
        }
        if (type == null || admission == Admission.SKIP) {
            payloadLeft = header.payloadLen();
            at = At.SKIPPED_PAYLOAD;
            return true;
        }
        payload = payloadRoom(type);
        at = At.PAYLOAD;
        return true;
    }

    private ByteBuffer payloadRoom(FrameType type) throws ProtocolException {
        long length = header.payloadLen();
        return switch (type.payload()) {
            case BLOCK -> handler.blockBuffer(header);
            case JSON, ACK -> {
                requirePayload(length <= ProtocolLimits.JSON_BYTES_MAX);
                yield ByteBuffer.allocate((int) length);
            }
            case OFFER -> {
                requirePayload(length <= HashOffer.BYTES_MAX);
                yield ByteBuffer.allocate((int) length);
            }
            case DIFF -> {
                requirePayload(length <= HashDiff.BYTES_MAX);
                yield ByteBuffer.allocate((int) length);
            }
            case EPOCH -> {
                requirePayload(length == Long.BYTES);
                yield ByteBuffer.allocate(Long.BYTES);
            }
            case EMPTY -> {
                requirePayload(length == 0);
                yield EMPTY;
            }
        };
    }

    private void requirePayload(boolean allowed) throws ProtocolException {
        if (!allowed) {
            throw ProtocolException.at(
                    header, ErrorCode.LIMIT, "payload_len=" + header.payloadLen() + " does not fit the frame type");
        }
    }

    private void endFrame() {
        at = At.HEADER;
        headerLen = FrameHeader.BYTES;
        headerBytes.clear().limit(headerLen);
    }

    /** Moves bytes until the target is full; says whether it is. */
    private static boolean fill(ByteBuffer target, ByteBuffer input) {
        int n = Math.min(target.remaining(), input.remaining());
        target.put(target.position(), input, input.position(), n);
        target.position(target.position() + n);
        input.position(input.position() + n);
        return !target.hasRemaining();
    }
}
