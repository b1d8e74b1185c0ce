package org.replicationserver.receiver.protocol;

import org.jspecify.annotations.Nullable;

/** A peer broke the protocol; carries what the ERROR frame that answers it says. */
public final class ProtocolException extends Exception {
    private static final long serialVersionUID = 1;

    private final ErrorCode code;
    private final long seq;
    private final int volume;
    private final long offsetBytes;

    public ProtocolException(ErrorCode code, String text) {
        this(code, text, 0, -1, -1);
    }

    private ProtocolException(ErrorCode code, String text, long seq, int volume, long offsetBytes) {
        super(text);
        this.code = code;
        this.seq = seq;
        this.volume = volume;
        this.offsetBytes = offsetBytes;
    }

    /** The same, with the frame at fault named: its seq, and volume and offset where it is a block. */
    public static ProtocolException at(FrameHeader header, ErrorCode code, String text) {
        boolean block = header.type() != null && header.type().isBlock();
        return new ProtocolException(
                code, text, header.seq(), block ? header.volume() : -1, block ? header.offsetBytes() : -1);
    }

    /** A HELLO is refused because of one of its disks, whose place among them the peer is told. */
    public static ProtocolException ofDisk(ErrorCode code, String text, int place) {
        return new ProtocolException(code, text, 0, place, -1);
    }

    /** An error of a block that was admitted earlier. */
    public static ProtocolException ofBlock(ErrorCode code, String text, long seq, int volume, long offsetBytes) {
        return new ProtocolException(code, text, seq, volume, offsetBytes);
    }

    public ErrorCode code() {
        return code;
    }

    /** The ERROR body that tells the peer. */
    public ErrorBody toBody() {
        @Nullable String seqText = seq > 0 ? Long.toUnsignedString(seq) : null;
        return new ErrorBody(
                code.code(),
                code.name(),
                seqText,
                volume >= 0 ? volume : null,
                offsetBytes >= 0 ? offsetBytes : null,
                getMessage());
    }
}
