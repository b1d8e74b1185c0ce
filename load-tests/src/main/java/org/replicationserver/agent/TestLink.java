package org.replicationserver.agent;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.TestAck;
import org.replicationserver.receiver.protocol.TestAttach;

/** A test connection of a speed test. Event loop only. */
final class TestLink extends AgentLink {
    private final SpeedTest test;
    private final TestAttach attach;
    private @Nullable Attached attached;
    private long sentBytes;
    private long limitBytes;

    /** The seq of each frame that is not acknowledged is above this; frames are the only ones that are sent after ATTACHED. */
    private long checkedSeq;

    TestLink(SpeedTest test, Grease grease, TestAttach attach) {
        super(test, System::nanoTime, grease);
        this.test = test;
        this.attach = attach;
    }

    boolean isAttached() {
        return attached != null;
    }

    /** Whether the server's window has room for so many raw bytes more. */
    boolean hasWindow(int rawBytes) {
        Attached limits = attached;
        return limits != null
                && sentBytes + rawBytes <= limitBytes
                && writer.lastSeq() - checkedSeq < limits.unackedFramesMax();
    }

    /** Completes and sends a frame. */
    void sendTest(BlockPacker.Packed packed) {
        ByteBuffer bytes = packed.frame().bytes().position(0);
        int payloadBytes = bytes.limit() - FrameHeader.BLOCK_BYTES;
        writer.testHeader(bytes, packed.codec(), payloadBytes, packed.rawBytes(), packed.rawCrc32c());
        bytes.position(0);
        sentBytes += packed.rawBytes();
        write(packed.frame());
    }

    @Override
    boolean isFirst() {
        return false;
    }

    @Override
    void onOpened() {
        send(FrameType.TEST_ATTACH, attach);
    }

    @Override
    boolean accepts(FrameType type) {
        return attached == null ? type == FrameType.ATTACHED : type == FrameType.TEST_ACK;
    }

    @Override
    void onFrame(FrameHeader header, FrameType type, ByteBuffer payload) throws ProtocolException {
        if (type == FrameType.ATTACHED) {
            Attached limits = Attached.parse(JsonBody.parse(payload));
            if (limits.rawLenMax() < TestData.BLOCK_BYTES) {
                throw ProtocolException.at(
                        header,
                        ErrorCode.PROTOCOL,
                        "rawLenMax=" + limits.rawLenMax() + ", needed are " + TestData.BLOCK_BYTES);
            }
            attached = limits;
            limitBytes = limits.windowBytes();
            checkedSeq = writer.lastSeq();
            test.attached();
            return;
        }
        TestAck ack = TestAck.parse(JsonBody.parse(payload));
        if (ack.checkedSeq() < checkedSeq || ack.checkedSeq() > writer.lastSeq() || ack.limitBytes() < limitBytes) {
            throw ProtocolException.at(header, ErrorCode.PROTOCOL, "TEST_ACK went back, or is beyond what was sent");
        }
        checkedSeq = ack.checkedSeq();
        limitBytes = ack.limitBytes();
        test.pump();
    }
}
