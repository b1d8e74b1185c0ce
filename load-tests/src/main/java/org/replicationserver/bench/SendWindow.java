package org.replicationserver.bench;

import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * What may be sent of a session's only volume on one stream: section 8 of the specification. Confined to the stream's thread.
 *
 * <p>Blocks are the only frames between ATTACH and FENCE, so the numbers of unacknowledged ones have no gaps and need not be kept.
 *
 * <p>Invariants: sentBytes ≤ limitBytes; unacknowledged frames ≤ framesMax.
 */
final class SendWindow {
    private final int framesMax;
    private long limitBytes;
    private long sentBytes;
    private long sentSeq;
    private long durableSeq;

    /**
     * Opens the window.
     *
     * @param lastSeq of the frame before the first block
     */
    SendWindow(Attached limits, long lastSeq) {
        this.framesMax = limits.unackedFramesMax();
        this.limitBytes = limits.windowBytes();
        this.sentSeq = lastSeq;
        this.durableSeq = lastSeq;
    }

    boolean admits(int windowBytes) {
        return sentBytes + windowBytes <= limitBytes && sentSeq - durableSeq < framesMax;
    }

    void sent(long seq, int windowBytes) {
        if (!admits(windowBytes)) {
            throw new IllegalStateException("seq=" + seq + " does not fit the window");
        }
        if (seq != sentSeq + 1) {
            throw new IllegalStateException("seq=" + seq + " after " + sentSeq);
        }
        sentBytes += windowBytes;
        sentSeq = seq;
    }

    void acknowledge(long newDurableSeq, long newLimitBytes) throws ProtocolException {
        if (newDurableSeq < 0 || newLimitBytes < limitBytes) {
            throw new ProtocolException(ErrorCode.PROTOCOL, "an acknowledgement takes something back");
        }
        // Before the first block is durable this is less than the frame before it; after the last one it may run ahead
        // to the FENCE.
        durableSeq = Math.max(durableSeq, Math.min(newDurableSeq, sentSeq));
        limitBytes = newLimitBytes;
    }
}
