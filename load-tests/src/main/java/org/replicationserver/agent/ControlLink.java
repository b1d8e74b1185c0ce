package org.replicationserver.agent;

import java.nio.ByteBuffer;
import org.replicationserver.receiver.protocol.CommitRequest;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;

/** The control connection of a session. Event loop only. */
final class ControlLink extends AgentLink {
    private final AgentSession session;
    private final Hello hello;
    private boolean welcomed;

    ControlLink(AgentSession session, AgentIo io, Grease grease, Hello hello) {
        super(session, io::nanoTime, grease);
        this.session = session;
        this.hello = hello;
    }

    @Override
    boolean isFirst() {
        return true;
    }

    @Override
    void onOpened() {
        send(FrameType.HELLO, hello);
    }

    @Override
    boolean accepts(FrameType type) {
        return switch (type) {
            case WELCOME -> !welcomed;
            case EPOCH_STATUS -> welcomed;
            case PING, PONG, PROGRESS, GOAWAY, COMMIT_REQUEST, HASH_DIFF -> true;
            default -> false;
        };
    }

    @Override
    void onFrame(FrameHeader header, FrameType type, ByteBuffer payload) throws ProtocolException {
        switch (type) {
            case WELCOME -> {
                welcomed = true;
                session.welcome(Welcome.parse(JsonBody.parse(payload)));
            }
            case EPOCH_STATUS -> session.transfer().epochStatus(EpochStatus.parse(JsonBody.parse(payload)));
            case COMMIT_REQUEST -> {
                CommitRequest.parse(JsonBody.parse(payload));
                session.commitRequested();
            }
            case HASH_DIFF -> session.transfer().hashDiff(HashDiff.read(payload));
            case PING -> send(FrameType.PONG);
            case PROGRESS -> session.progress(Progress.parse(JsonBody.parse(payload)));
            case GOAWAY -> session.goAway(GoAway.parse(JsonBody.parse(payload)));
            default -> {}
        }
    }
}
