package org.replicationserver.receiver.protocol;

import org.jspecify.annotations.Nullable;

/** The frame types of section 4 of the specification: number, direction and form of the payload. */
public enum FrameType {
    HELLO(0x01, Sender.AGENT, Payload.JSON),
    WELCOME(0x02, Sender.SERVER, Payload.JSON),
    TEST_OPEN(0x03, Sender.AGENT, Payload.JSON, Features.SPEED_TEST),
    TEST_OPENED(0x04, Sender.SERVER, Payload.JSON, Features.SPEED_TEST),
    TEST_RESULT(0x05, Sender.SERVER, Payload.JSON, Features.SPEED_TEST),
    EPOCH_OPEN(0x10, Sender.AGENT, Payload.JSON),
    EPOCH_COMMIT(0x11, Sender.AGENT, Payload.JSON),
    EPOCH_STATUS(0x12, Sender.SERVER, Payload.JSON),
    COMMIT_REQUEST(0x13, Sender.SERVER, Payload.JSON, Features.COMMIT_REQUEST),
    SOURCE_STATUS(0x14, Sender.AGENT, Payload.JSON, Features.SOURCE_STATUS),
    HASH_OFFER(0x20, Sender.AGENT, Payload.OFFER, Features.HASH_OFFER),
    HASH_DIFF(0x21, Sender.SERVER, Payload.DIFF, Features.HASH_OFFER),
    PING(0x30, Sender.BOTH, Payload.EMPTY),
    PONG(0x31, Sender.BOTH, Payload.EMPTY),
    PROGRESS(0x32, Sender.SERVER, Payload.JSON),
    ERROR(0x40, Sender.BOTH, Payload.JSON),
    GOAWAY(0x41, Sender.SERVER, Payload.JSON),
    BYE(0x42, Sender.AGENT, Payload.JSON),
    ATTACH(0x60, Sender.AGENT, Payload.JSON),
    DATA(0x61, Sender.AGENT, Payload.BLOCK),
    ZERO(0x62, Sender.AGENT, Payload.EMPTY),
    FENCE(0x63, Sender.AGENT, Payload.EPOCH),
    DURABLE_ACK(0x64, Sender.SERVER, Payload.ACK),
    ATTACHED(0x65, Sender.SERVER, Payload.JSON),
    TEST(0x66, Sender.AGENT, Payload.BLOCK, Features.SPEED_TEST),
    TEST_ATTACH(0x67, Sender.AGENT, Payload.JSON, Features.SPEED_TEST),
    TEST_ACK(0x68, Sender.SERVER, Payload.JSON, Features.SPEED_TEST);

    /** Who may send a frame of a type. */
    public enum Sender {
        AGENT,
        SERVER,
        BOTH
    }

    /** The form of a payload, which bounds its length. */
    public enum Payload {
        JSON,
        EMPTY,
        BLOCK,
        EPOCH,
        ACK,
        OFFER,
        DIFF
    }

    /** From here on a type that the receiver does not know is skipped. */
    static final int FIRST_IGNORABLE = 0x80;

    private static final @Nullable FrameType[] BY_CODE = new @Nullable FrameType[256];

    static {
        for (FrameType type : values()) {
            BY_CODE[type.code] = type;
        }
    }

    private final int code;
    private final Sender sender;
    private final Payload payload;
    private final @Nullable String feature;

    FrameType(int code, Sender sender, Payload payload) {
        this(code, sender, payload, null);
    }

    FrameType(int code, Sender sender, Payload payload, @Nullable String feature) {
        this.code = code;
        this.sender = sender;
        this.payload = payload;
        this.feature = feature;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    public Sender sender() {
        return sender;
    }

    public Payload payload() {
        return payload;
    }

    /** The feature that it belongs to; where that is not granted, the type is unknown. Null if it belongs to none. */
    public @Nullable String feature() {
        return feature;
    }

    /** Whether the frame is DATA or ZERO: it says what a range of a volume shall hold. */
    public boolean isBlock() {
        return this == DATA || this == ZERO;
    }

    /** Whether the frame has the longer header: DATA, ZERO and TEST. */
    public boolean hasBlockHeader() {
        return isBlock() || this == TEST;
    }

    /** Whether the frame belongs to a speed test, so that a session does not know it. */
    public boolean isOfSpeedTest() {
        return Features.SPEED_TEST.equals(feature);
    }

    /** The type with this number (0 to 255), or null if this version has none. */
    public static @Nullable FrameType of(int code) {
        return BY_CODE[code];
    }

    /** Whether an unknown type with this number is skipped instead of refused. */
    public static boolean isIgnorable(int code) {
        return code >= FIRST_IGNORABLE;
    }
}
