package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader.Admission;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.TestAck;

/** A test connection of a {@link SpeedTest}: its window, and what of it is checked. Event loop only. */
final class TestStream {
    /** As that of a volume at most; it does not take memory, which {@link SpeedTests} bounds. */
    static final int WINDOW_BYTES = ProtocolLimits.WINDOW_BYTES_MAX;

    /** An acknowledgement goes out when so much is checked, and when nothing is left. */
    private static final int ACK_BYTES = 1024 * 1024;

    final AgentConnection connection;
    private final SpeedTest test;
    private final SpeedTests tests;

    private long receivedBytes;
    private int uncheckedFrames;
    private long checkedSeq;
    private long limitBytes = WINDOW_BYTES;
    private long toldLimitBytes = WINDOW_BYTES;
    private @Nullable TestBlock filling;

    /** What it waits for to read on; null while it reads. */
    private @Nullable RunningTime waitsFor;

    TestStream(AgentConnection connection, SpeedTest test, SpeedTests tests) {
        this.connection = connection;
        this.test = test;
        this.tests = tests;
    }

    void begin() {
        connection.send(
                FrameType.ATTACHED,
                new Attached(WINDOW_BYTES, ProtocolLimits.RAW_LEN_MAX, ProtocolLimits.UNACKED_FRAMES_MAX));
    }

    // --- blocks

    Admission admit(FrameHeader header) throws ProtocolException {
        test.requireRunning(header);
        BlockRules.checkLengths(header, ProtocolLimits.RAW_LEN_MAX);
        boolean room =
                receivedBytes + header.rawLen() <= limitBytes && uncheckedFrames < ProtocolLimits.UNACKED_FRAMES_MAX;
        if (!room) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.LIMIT,
                    "raw_len=" + header.rawLen() + " goes beyond limitBytes=" + limitBytes + ", or more than "
                            + ProtocolLimits.UNACKED_FRAMES_MAX + " frames are not acknowledged");
        }
        RunningTime wait = tests.whatToWaitFor(test, (int) header.payloadLen());
        if (wait == null) {
            return Admission.TAKE;
        }
        if (waitsFor == null) {
            waitsFor = wait;
            wait.begin();
            tests.waits(this);
        }
        return Admission.PAUSE;
    }

    ByteBuffer takeBlock(int payloadBytes) {
        TestBlock block = tests.take(this, payloadBytes);
        filling = block;
        return block.memory.buffer();
    }

    /** A block is there as a whole. */
    void received(FrameHeader header) {
        TestBlock block = filling;
        if (block == null) {
            throw new IllegalStateException("no block was begun");
        }
        filling = null;
        block.set(header);
        receivedBytes += block.rawBytes;
        uncheckedFrames++;
        tests.check(block);
    }

    /** A block came back from the background thread. */
    void checked(TestBlock block) {
        uncheckedFrames--;
        if (connection.isEnded()) {
            return;
        }
        if (!block.sound) {
            connection.fail(ProtocolException.ofBlock(
                    ErrorCode.INTEGRITY,
                    "the block does not expand to its length or its CRC32C differs",
                    block.seq,
                    -1,
                    -1));
            return;
        }
        checkedSeq = block.seq;
        limitBytes += block.rawBytes;
        flushAck();
        test.checked(block);
    }

    /** Tells what is checked, if that is worth a frame. */
    void flushAck() {
        long newBytes = limitBytes - toldLimitBytes;
        boolean due = newBytes >= ACK_BYTES || (newBytes > 0 && uncheckedFrames == 0);
        if (due && connection.transport().isWritable()) {
            toldLimitBytes = limitBytes;
            connection.send(FrameType.TEST_ACK, new TestAck(checkedSeq, limitBytes));
        }
    }

    // --- waiting

    /** Reads on, which may have it wait again. */
    void wake() {
        stopWaiting();
        connection.resumeReading();
    }

    void connectionEnded(String reason) {
        test.connectionEnded(reason);
    }

    void ended() {
        stopWaiting();
        tests.forget(this);
        TestBlock unfinished = filling;
        filling = null;
        if (unfinished != null) {
            tests.giveBack(unfinished);
        }
    }

    private void stopWaiting() {
        RunningTime waited = waitsFor;
        waitsFor = null;
        if (waited != null) {
            waited.end();
        }
    }
}
