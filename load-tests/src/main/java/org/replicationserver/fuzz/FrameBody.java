package org.replicationserver.fuzz;

import java.nio.ByteBuffer;
import org.replicationserver.receiver.protocol.FrameType;

/** The body of one frame, without a header: the first byte of an input chooses the frame's type. The rules are {@link FrameBodies}'s. */
final class FrameBody implements FuzzTarget {
    private static final FrameType[] TYPES = FrameType.values();

    @Override
    public void run(byte[] input) {
        if (input.length > 0) {
            FrameType type = TYPES[Byte.toUnsignedInt(input[0]) % TYPES.length];
            FrameBodies.wordsOf(type, ByteBuffer.wrap(input, 1, input.length - 1));
        }
    }
}
