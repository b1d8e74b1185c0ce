package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.random.RandomGenerator;
import java.util.zip.CRC32C;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;

/**
 * Uses what a receiver must ignore, so that receivers go on to ignore it: ignorable frames, unknown members, reserved fields of the
 * header. One for each connection. Event loop only.
 *
 * <p>It works on encoded frames, because the codec writes nothing that has no meaning.
 */
final class Grease {
    /** An ignorable frame counts as a control frame, of which a server allows 100 a second. */
    private static final long FRAME_PAUSE_NANOS = 2_000_000_000L;

    /** One frame in so many is given reserved fields that are not zero. */
    private static final int RESERVED_ODDS = 16;

    private static final int FIRST_IGNORABLE = 0x80;
    private static final int TYPE_AT = 4;
    private static final int HEADER_LEN_AT = 6;
    private static final int RESERVED_AT = 12;
    private static final int CRC_AT = 24;
    private static final int RESERVED_TOO_AT = 28;

    private final boolean on;
    private final RandomGenerator random;
    private final CRC32C crc = new CRC32C();
    private long nextFrameNanos;

    Grease(boolean on, RandomGenerator random, long nowNanos) {
        this.on = on;
        this.random = random;
        this.nextFrameNanos = nowNanos + FRAME_PAUSE_NANOS;
    }

    /** Whether it is time for an ignorable frame. */
    boolean isDue(long nowNanos) {
        if (!on || nowNanos - nextFrameNanos < 0) {
            return false;
        }
        nextFrameNanos = nowNanos + FRAME_PAUSE_NANOS + random.nextLong(FRAME_PAUSE_NANOS);
        return true;
    }

    /** The body with a member that no version knows; never that of ERROR, whose layout is frozen. */
    Body members(FrameType type, Body body) {
        if (!on || type == FrameType.ERROR) {
            return body;
        }
        String name = "grease" + random.nextInt(1000);
        return () -> body.toJson().put(name, JsonBody.empty().put("ignored", true));
    }

    /** A body for an ignorable frame. */
    Body nonsense() {
        int value = random.nextInt();
        return () -> JsonBody.empty().put("grease", value);
    }

    /** Gives an encoded frame a type that no version knows. */
    void makeIgnorable(ByteBuffer frame) {
        frame.put(TYPE_AT, (byte) (FIRST_IGNORABLE + random.nextInt(256 - FIRST_IGNORABLE)));
        seal(frame);
    }

    /** Sometimes fills the reserved fields of an encoded frame, which starts at 0. */
    void reserved(ByteBuffer frame) {
        if (on && random.nextInt(RESERVED_ODDS) == 0) {
            frame.putInt(RESERVED_AT, random.nextInt());
            frame.putInt(RESERVED_TOO_AT, random.nextInt());
            seal(frame);
        }
    }

    private void seal(ByteBuffer frame) {
        frame.order(ByteOrder.LITTLE_ENDIAN).putInt(CRC_AT, 0);
        int headerLen = Short.toUnsignedInt(frame.getShort(HEADER_LEN_AT));
        assert headerLen >= FrameHeader.BYTES : headerLen;
        crc.reset();
        crc.update(frame.slice(0, headerLen));
        frame.putInt(CRC_AT, (int) crc.getValue());
    }
}
