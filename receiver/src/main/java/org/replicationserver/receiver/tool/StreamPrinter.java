package org.replicationserver.receiver.tool;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Prints the frames of one direction of a connection, a line each. Confined to one thread.
 *
 * <p>The stream may begin anywhere between two frames. After a fault it goes on where the end of the frame is known: its header was
 * sound, but its seq is not the next one, or its body does not parse. After any other fault nothing says where a frame begins.
 *
 * <p>Memory does not grow with the stream: payloads of blocks are passed over, others are bounded by the protocol. What a block
 * holds is the customer's and is never printed.
 */
final class StreamPrinter {
    private static final int CHUNK_BYTES = 64 * 1024;

    private final PrintWriter out;
    private final Consumer<String> faults;
    private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
    private final FrameReader reader = new FrameReader(new Lines());

    private boolean begun;
    private boolean whole = true;

    /** Bytes of the stream before the chunk. */
    private long chunkAt;

    /** Where the frame that is being read begins. */
    private long frameAt;

    /**
     * Prints nothing yet.
     *
     * @param faults hears of each fault, a line, when everything before it is printed
     */
    StreamPrinter(PrintWriter out, Consumer<String> faults) {
        this.out = out;
        this.faults = faults;
    }

    /** Reads to the end; says whether the stream had no fault. */
    boolean print(InputStream in) throws IOException {
        try {
            // A reader of the lines that has gone away (as head does) is no fault.
            while (!out.checkError() && fill(in)) {
                reader.read(chunk);
                chunkAt += chunk.limit();
            }
        } catch (ProtocolException e) {
            fault(e);
            return false;
        }
        if (reader.isInsideFrame()) {
            fault("the stream ends inside a frame, after " + (chunkAt - frameAt) + " bytes of it");
        }
        return whole;
    }

    private void fault(ProtocolException fault) {
        fault(fault.code() + " " + fault.getMessage());
    }

    private void fault(String what) {
        whole = false;
        out.flush();
        faults.accept(frameAt + " fault: " + what);
    }

    private boolean fill(InputStream in) throws IOException {
        int bytes = in.read(chunk.array());
        chunk.position(0).limit(Math.max(0, bytes));
        return bytes > 0;
    }

    private void line(FrameHeader header, String rest) {
        out.println(frameAt + " " + header + rest);
        endFrame();
    }

    private void endFrame() {
        frameAt = chunkAt + chunk.position();
    }

    private static String text(FrameType type, ByteBuffer payload) throws ProtocolException {
        return switch (type.payload()) {
            case JSON -> " " + printable(JsonBody.parse(payload).toString());
            case ACK -> acknowledged(payload);
            case EPOCH ->
                " epoch="
                        + Long.toUnsignedString(
                                payload.order(ByteOrder.LITTLE_ENDIAN).getLong());
            case OFFER -> " " + HashOffer.read(payload);
            case DIFF -> " " + HashDiff.read(payload);
            case EMPTY, BLOCK -> "";
        };
    }

    private static String acknowledged(ByteBuffer payload) throws ProtocolException {
        StringBuilder entries = new StringBuilder();
        long receivedSeq = DurableAck.read(
                payload,
                (volume, durableSeq, limitBytes) -> entries.append(" [volume=")
                        .append(volume)
                        .append(" durable_seq=")
                        .append(Long.toUnsignedString(durableSeq))
                        .append(" limit_bytes=")
                        .append(Long.toUnsignedString(limitBytes))
                        .append(']'));
        return " received_seq=" + Long.toUnsignedString(receivedSeq) + entries;
    }

    /** The writer of JSON escapes only the first 32 control characters; a terminal obeys others too. */
    private static String printable(String json) {
        return json.codePoints()
                .collect(
                        StringBuilder::new,
                        (text, c) -> {
                            if (Character.isISOControl(c) || Character.getType(c) == Character.FORMAT) {
                                text.append(String.format("\\u%04x", c));
                            } else {
                                text.appendCodePoint(c);
                            }
                        },
                        StringBuilder::append)
                .toString();
    }

    private final class Lines implements FrameReader.Handler {
        @Override
        public void sequenceBroken(FrameHeader header, long nextSeq) {
            if (begun) {
                fault(ErrorCode.SEQUENCE + " seq=" + Long.toUnsignedString(header.seq()) + ", next is "
                        + Long.toUnsignedString(nextSeq));
            }
        }

        @Override
        public FrameReader.Admission admit(FrameHeader header) {
            begun = true;
            FrameType type = header.type();
            boolean block = type != null && type.payload() == FrameType.Payload.BLOCK;
            return block ? FrameReader.Admission.SKIP : FrameReader.Admission.TAKE;
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            throw new IllegalStateException("blocks are skipped: " + header);
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) {
            FrameType type = header.type();
            try {
                line(header, type == null ? "" : text(type, payload));
            } catch (ProtocolException e) {
                fault(e);
                endFrame();
            }
        }

        @Override
        public void skipped(FrameHeader header) {
            line(header, header.type() == null ? " (ignorable)" : "");
        }
    }
}
