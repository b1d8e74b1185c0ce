package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;

/**
 * What a server may refuse of one connection: of an agent that keeps to the specification nothing but what arrives wrong, and that with the
 * answer that the specification has for it.
 */
final class RefusalRules {
    /** That a frame is not what it should be. The other codes tell of something else than a frame of a session. */
    private static final Set<ErrorCode> REFUSALS_OF_FRAMES = EnumSet.of(
            ErrorCode.PROTOCOL,
            ErrorCode.UNSUPPORTED,
            ErrorCode.LIMIT,
            ErrorCode.SEQUENCE,
            ErrorCode.RANGE,
            ErrorCode.INTEGRITY,
            ErrorCode.EPOCH,
            ErrorCode.RATE);

    private static final int HEADER_LEN_AT = 6;

    /**
     * A DATA frame of which a bit arrives wrong.
     *
     * @param endBytes of the connection's bytes, with the first of which the server can tell
     * @param expected the answer
     * @param sure whether there is one: not if the block is what it was all the same
     */
    private record Wrong(long seq, int volume, long offsetBytes, long endBytes, ErrorCode expected, boolean sure) {
        /** PROTOCOL names no place: nothing of such a header can be believed. */
        boolean isAnsweredBy(ErrorCode code, ErrorBody error) {
            return code == expected
                    && (code == ErrorCode.PROTOCOL
                            || (String.valueOf(seq).equals(error.seq())
                                    && Integer.valueOf(volume).equals(error.volume())
                                    && Long.valueOf(offsetBytes).equals(error.offset())));
        }
    }

    /** Of HELLO or ATTACH, which may come when their session cannot be any more: STATE is no refusal of what they are then. */
    private long openingSeq;

    private final List<Wrong> wrong = new ArrayList<>();
    private long sentBytes;
    private long takenBytes;
    private boolean answered;

    /** An agent sends HELLO or ATTACH. */
    void opens(long seq) {
        openingSeq = seq;
    }

    /** An agent sends a frame that arrives as it is. */
    void sent(byte[] frame) {
        sentBytes += frame.length;
    }

    /**
     * An agent sends a DATA frame of which one bit arrives wrong.
     *
     * @param header of the frame as it was sent
     * @param block its payload
     */
    void sentWrong(FrameHeader header, byte[] block, byte[] frame, byte[] arriving) {
        boolean inHeader = Arrays.mismatch(frame, arriving) < header.headerLen();
        byte[] arrivingBlock = Arrays.copyOfRange(arriving, header.headerLen(), arriving.length);
        wrong.add(new Wrong(
                header.seq(),
                header.volume(),
                header.offsetBytes(),
                sentBytes + (inHeader ? judgedBytes(arriving) : frame.length),
                inHeader ? ErrorCode.PROTOCOL : ErrorCode.INTEGRITY,
                inHeader
                        || !Arrays.equals(Payloads.expanded(header, block), Payloads.expanded(header, arrivingBlock))));
        sentBytes += frame.length;
    }

    /** How much of a frame whose header arrives wrong a server may want to see before it can tell: as much as the header says that it has. */
    private static int judgedBytes(byte[] arriving) {
        int headerLen = ByteBuffer.wrap(arriving).order(ByteOrder.LITTLE_ENDIAN).getShort(HEADER_LEN_AT);
        return Math.clamp(headerLen, FrameHeader.BYTES, FrameHeader.BYTES_MAX);
    }

    /** The server has read what came, and had its chance to answer. */
    void taken(int bytes) {
        takenBytes += bytes;
        for (Wrong frame : wrong) {
            if (frame.expected == ErrorCode.PROTOCOL && frame.endBytes <= takenBytes && !answered) {
                throw new Violation("I11", "a header that arrived wrong is not refused: " + frame);
            }
        }
    }

    /** The server acknowledges all frames of a volume up to this one. */
    void acknowledged(int volume, long durableSeq) {
        for (Wrong frame : wrong) {
            if (frame.sure && frame.volume == volume && durableSeq >= frame.seq) {
                throw new Violation("I11", "what arrived wrong is acknowledged with seq " + durableSeq + ": " + frame);
            }
        }
    }

    /** The server has sent ERROR. */
    void refused(ErrorBody error) {
        ErrorCode code = ErrorCode.of(error.code());
        answered |= code == null || code.isFatal();
        if (code == null || !isRefusalOfFrame(code, error)) {
            return;
        }
        if (wrong.stream().noneMatch(frame -> frame.isAnsweredBy(code, error))) {
            throw new Violation(
                    "I11", "the server refuses what a sound agent sends: " + error + "; what arrives wrong: " + wrong);
        }
    }

    /** STATE that names no frame tells that the session has ended, or that something has not come. */
    private boolean isRefusalOfFrame(ErrorCode code, ErrorBody error) {
        return code == ErrorCode.STATE
                ? error.seq() != null && Long.parseLong(error.seq()) > openingSeq
                : REFUSALS_OF_FRAMES.contains(code);
    }

    /**
     * The server closes the connection.
     *
     * @param leaving whether the session is to end without an error
     */
    void closed(boolean leaving) {
        for (Wrong frame : wrong) {
            if (frame.sure && frame.endBytes <= takenBytes && !answered && !leaving) {
                throw new Violation("I11", "a connection is closed without an answer to what arrived wrong: " + frame);
            }
        }
    }
}
