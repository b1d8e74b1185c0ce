package org.replicationserver.receiver.tool;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Prints the frames of one direction of a connection, a line each. Confined to one thread.
 *
 * <p>Memory does not grow with the stream: payloads of blocks are passed over, others are bounded by the protocol. What a block
 * holds is the customer's and is never printed.
 */
final class StreamPrinter {
    private static final int CHUNK_BYTES = 64 * 1024;

    private final PrintWriter out;
    private final ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES);
    private final FrameReader reader = new FrameReader(new Lines());

    /** Bytes of the stream before the chunk. */
    private long chunkAt;

    /** Where the frame that is being read begins. */
    private long frameAt;

    StreamPrinter(PrintWriter out) {
        this.out = out;
    }

    /** Reads to the end; returns the line that tells a fault of the stream, or null if it had none. */
    @Nullable
    String print(InputStream in) throws IOException {
        try {
            // A reader of the lines that has gone away (as head does) is no fault.
            while (!out.checkError() && fill(in)) {
                reader.read(chunk);
                chunkAt += chunk.limit();
            }
        } catch (ProtocolException e) {
            return frameAt + " fault: " + e.code() + " " + e.getMessage();
        }
        return reader.isInsideFrame()
                ? frameAt + " fault: the stream ends inside a frame, after " + (chunkAt - frameAt) + " bytes of it"
                : null;
    }

    private boolean fill(InputStream in) throws IOException {
        int bytes = in.read(chunk.array());
        chunk.position(0).limit(Math.max(0, bytes));
        return bytes > 0;
    }

    private void line(FrameHeader header, String rest) {
        out.println(frameAt + " " + header + rest);
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
        public FrameReader.Admission admit(FrameHeader header) {
            return header.type() == FrameType.DATA ? FrameReader.Admission.SKIP : FrameReader.Admission.TAKE;
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            throw new IllegalStateException("blocks are skipped: " + header);
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
            FrameType type = header.type();
            line(header, type == null ? "" : text(type, payload));
        }

        @Override
        public void skipped(FrameHeader header) {
            line(header, header.type() == null ? " (ignorable)" : "");
        }
    }
}
