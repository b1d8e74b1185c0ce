package org.replicationserver.fuzz;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * One direction of a connection: {@link FrameReader} and the parsers of bodies. The first byte of an input says how the rest arrives; an
 * odd one, that the frames in it get the right checksum and seq, without which no change would come far.
 *
 * <p>Rules: the pieces in which bytes arrive, and pauses, make no difference; a refusal has a code of section 11 that a reader may
 * give; a header that was taken can be written again; what bodies must keep is in {@link FrameBodies}.
 */
final class FrameStreams implements FuzzTarget {
    private static final Set<ErrorCode> REFUSALS =
            EnumSet.of(ErrorCode.PROTOCOL, ErrorCode.UNSUPPORTED, ErrorCode.LIMIT, ErrorCode.SEQUENCE);

    private static final int TAKEN_BLOCK_BYTES_MAX = 4096;
    private static final int PAUSE_ONE_IN = 4;

    @Override
    public long allocatedBytesMax(int inputBytes) {
        // Twice: the last frame may ask for the largest body and never send it.
        return ALLOCATED_BYTES_MIN + 2 * ALLOCATED_PER_BYTE * inputBytes;
    }

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        byte[] stream = Arrays.copyOfRange(input, 1, input.length);
        if (input[0] % 2 != 0) {
            SealedFrames.seal(stream, 1);
        }
        Transcript whole = read(stream, null);
        Transcript pieces = read(stream, new Random(input[0]));
        Rules.requireSame(whole.lines, pieces.lines, "pieces and pauses make no difference");
    }

    /**
     * Reads a stream.
     *
     * @param pieces null for all at once
     */
    private static Transcript read(byte[] stream, @Nullable Random pieces) {
        Transcript transcript = new Transcript(pieces);
        FrameReader reader = new FrameReader(transcript);
        int at = 0;
        try {
            while (at < stream.length) {
                int length = pieces == null ? stream.length : 1 + pieces.nextInt(64);
                ByteBuffer piece = ByteBuffer.wrap(stream, at, Math.min(length, stream.length - at));
                boolean whole = false;
                while (!whole) {
                    whole = reader.read(piece);
                }
                Rules.require(!piece.hasRemaining(), "a reader that did not pause has read everything");
                at = piece.position();
            }
            transcript.lines.add("inside=" + reader.isInsideFrame() + " received=" + reader.receivedSeq());
        } catch (ProtocolException e) {
            Rules.require(REFUSALS.contains(e.code()), e.code() + " is no refusal of a reader: " + e.getMessage());
            FrameBodies.requireRefusal(e);
            transcript.lines.add(e.code() + " " + e.getMessage());
        }
        return transcript;
    }

    /** What a reader told of a stream. */
    private static final class Transcript implements FrameReader.Handler {
        final List<String> lines = new ArrayList<>();
        private final @Nullable Random pieces;

        Transcript(@Nullable Random pieces) {
            this.pieces = pieces;
        }

        @Override
        public FrameReader.Admission admit(FrameHeader header) throws ProtocolException {
            if (pieces != null && pieces.nextInt(PAUSE_ONE_IN) == 0) {
                return FrameReader.Admission.PAUSE;
            }
            FrameType type = header.type();
            requireWritableAgain(header);
            boolean large = type != null
                    && type.payload() == FrameType.Payload.BLOCK
                    && header.payloadLen() > TAKEN_BLOCK_BYTES_MAX;
            return large ? FrameReader.Admission.SKIP : FrameReader.Admission.TAKE;
        }

        private static void requireWritableAgain(FrameHeader header) throws ProtocolException {
            ByteBuffer again = ByteBuffer.allocate(FrameHeader.BYTES_MAX);
            header.encode(again);
            HeaderOnly first = new HeaderOnly();
            boolean whole = new FrameReader(first).read(again.position(0).limit(header.headerLen()));
            Rules.require(!whole, "a reader pauses when it is told to");
            Rules.requireSame(
                    header + " " + header.headerLen(), first.words, "a header is the same when it is written again");
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            Rules.require(header.payloadLen() <= TAKEN_BLOCK_BYTES_MAX, "room is asked for admitted blocks only");
            return ByteBuffer.allocate((int) header.payloadLen());
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) {
            FrameType type = header.type();
            Rules.require(type != null, "frames of unknown types are skipped");
            Rules.require(payload.remaining() == header.payloadLen(), "a frame is whole");
            lines.add(header + " " + (type == null ? "" : FrameBodies.wordsOf(type, payload)));
        }

        @Override
        public void skipped(FrameHeader header) {
            lines.add("skipped " + header);
        }
    }

    /** Takes the header of the first frame and nothing else. */
    private static final class HeaderOnly implements FrameReader.Handler {
        private String words = "";

        @Override
        public FrameReader.Admission admit(FrameHeader header) {
            words = header + " " + header.headerLen();
            return FrameReader.Admission.PAUSE;
        }

        @Override
        public void sequenceBroken(FrameHeader header, long nextSeq) {
            // It was written with the seq that it had in its stream.
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            throw new IllegalStateException("paused before");
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) {
            throw new IllegalStateException("paused before");
        }

        @Override
        public void skipped(FrameHeader header) {
            throw new IllegalStateException("paused before");
        }
    }
}
