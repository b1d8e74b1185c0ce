package org.replicationserver.agent;

import java.nio.ByteBuffer;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestOpened;
import org.replicationserver.receiver.protocol.TestResult;

/** The control connection of a speed test. Event loop only. */
final class TestControlLink extends AgentLink {
    private final SpeedTest test;
    private final TestOpen open;
    private boolean opened;

    TestControlLink(SpeedTest test, Grease grease, TestOpen open) {
        super(test, System::nanoTime, grease);
        this.test = test;
        this.open = open;
    }

    @Override
    boolean isFirst() {
        return true;
    }

    @Override
    void onOpened() {
        send(FrameType.TEST_OPEN, open);
    }

    @Override
    boolean accepts(FrameType type) {
        return switch (type) {
            case TEST_OPENED -> !opened;
            case TEST_RESULT -> opened;
            case PING, PONG -> true;
            default -> false;
        };
    }

    @Override
    void onFrame(FrameHeader header, FrameType type, ByteBuffer payload) throws ProtocolException {
        switch (type) {
            case TEST_OPENED -> {
                opened = true;
                test.opened(TestOpened.parse(JsonBody.parse(payload)));
            }
            case TEST_RESULT -> test.result(TestResult.parse(JsonBody.parse(payload)));
            case PING -> send(FrameType.PONG);
            default -> {}
        }
    }
}
