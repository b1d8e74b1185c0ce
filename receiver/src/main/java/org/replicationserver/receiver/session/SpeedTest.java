package org.replicationserver.receiver.session;

import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestOpened;
import org.replicationserver.receiver.protocol.TestResult;

/**
 * One speed test: a control connection and its test connections, beside a session of the source server if there is one, of which it
 * knows nothing. Event loop only.
 *
 * <p>ATTACHING → RUNNING (all streams are attached) → ENDED. It ends by itself with a result; if one of its connections ends before, it
 * ends without.
 */
final class SpeedTest {
    private enum State {
        ATTACHING,
        RUNNING,
        ENDED
    }

    private final String id;
    private final SourceSlot slot;
    private final AgentConnection control;
    private final TestOpen asked;
    private final SpeedTests tests;
    private final SessionSettings settings;
    private final @Nullable TestStream[] streams;
    private final long openedNanos;

    final RunningTime waitsForReplication;
    final RunningTime waitsForChecks;

    private State state = State.ATTACHING;
    private int attachedCount;

    // counted while it runs
    private long frames;
    private long rawBytes;
    private long payloadBytes;
    private long expandNanos;

    // as they were when it began to run
    private long beganNanos;
    private long throttledNanos;
    private long eventLoopNanos;
    private long replicatedBytes;

    SpeedTest(String id, SourceSlot slot, AgentConnection control, TestOpen asked, SpeedTests tests) {
        this.id = id;
        this.slot = slot;
        this.control = control;
        this.asked = asked;
        this.tests = tests;
        this.settings = slot.context.settings();
        this.streams = new @Nullable TestStream[Math.min(asked.streams(), settings.streamsMax())];
        this.openedNanos = tests.clock().nanos();
        this.waitsForReplication = new RunningTime(tests.clock());
        this.waitsForChecks = new RunningTime(tests.clock());
    }

    String id() {
        return id;
    }

    String sourceServerId() {
        return slot.sourceServerId;
    }

    void begin() {
        control.send(
                FrameType.TEST_OPENED,
                new TestOpened(ProtocolLimits.VERSION, id, streams.length, asked.seconds(), asked.bytesMax(), (int)
                        settings.attachTimeout().toMillis()));
        slot.context
                .events()
                .speedTestBegan(slot.sourceServerId, control.remoteAddress(), streams.length, asked.seconds());
    }

    TestStream attach(AgentConnection connection, FrameHeader header, int number) throws ProtocolException {
        if (number >= streams.length || streams[number] != null) {
            throw ProtocolException.at(
                    header,
                    ErrorCode.STATE,
                    "stream=" + number + " is attached already or not one of " + streams.length);
        }
        TestStream stream = new TestStream(connection, this, tests);
        streams[number] = stream;
        attachedCount++;
        stream.begin();
        connection.transport().throttle(slot.throttle);
        if (attachedCount == streams.length) {
            run();
        }
        return stream;
    }

    private void run() {
        state = State.RUNNING;
        beganNanos = tests.clock().nanos();
        throttledNanos = slot.throttle.pausedNanos();
        eventLoopNanos = tests.eventLoopCpuNanos();
        replicatedBytes = slot.replicatedBytes();
    }

    void requireRunning(FrameHeader header) throws ProtocolException {
        if (state != State.RUNNING) {
            throw ProtocolException.at(
                    header, ErrorCode.STATE, attachedCount + " of " + streams.length + " streams are attached yet");
        }
    }

    void checked(TestBlock block) {
        if (state != State.RUNNING) {
            return;
        }
        frames++;
        rawBytes += block.rawBytes;
        payloadBytes += block.payloadBytes;
        expandNanos += block.expandNanos;
        if (rawBytes >= asked.bytesMax()) {
            finish(TestResult.Ended.BYTES);
        }
    }

    void tick(long nowNanos) {
        switch (state) {
            case ATTACHING -> {
                if (nowNanos - openedNanos > settings.attachTimeout().toNanos()) {
                    abort(new ProtocolException(
                            ErrorCode.STATE,
                            attachedCount + " of " + streams.length + " streams attached within "
                                    + settings.attachTimeout().toSeconds() + " s"));
                }
            }
            case RUNNING -> {
                if (nowNanos - beganNanos >= TimeUnit.SECONDS.toNanos(asked.seconds())) {
                    finish(TestResult.Ended.TIME);
                }
            }
            case ENDED -> {}
        }
    }

    // --- the end

    /** Tells the result and ends. */
    void finish(TestResult.Ended cause) {
        if (state == State.ENDED) {
            return;
        }
        TestResult result = result(cause.name());
        control.send(FrameType.TEST_RESULT, result);
        end(cause.name(), result, null);
    }

    /** Ends with an error and without a result. */
    void abort(ProtocolException why) {
        control.fail(why);
    }

    /** One of its connections has ended. */
    void connectionEnded(String reason) {
        if (state != State.ENDED) {
            end(reason, result(reason), new ProtocolException(ErrorCode.STATE, "the speed test has ended: " + reason));
        }
    }

    private void end(String reason, TestResult result, @Nullable ProtocolException error) {
        state = State.ENDED;
        tests.ended(this);
        for (TestStream stream : streams) {
            if (stream != null) {
                stream.ended();
                endConnection(stream.connection, reason, error);
            }
        }
        endConnection(control, reason, error);
        slot.context.events().speedTestEnded(slot.sourceServerId, reason, result);
    }

    private static void endConnection(AgentConnection connection, String reason, @Nullable ProtocolException error) {
        if (error != null) {
            connection.send(FrameType.ERROR, error.toBody());
        }
        connection.end(reason, SessionEndCause.AGENT_LEFT);
    }

    private TestResult result(String ended) {
        boolean ran = state == State.RUNNING;
        return new TestResult(
                ended,
                ran ? millis(tests.clock().nanos() - beganNanos) : 0,
                frames,
                rawBytes,
                payloadBytes,
                ran ? slot.replicatedBytes() - replicatedBytes : 0,
                new TestResult.Waits(
                        ran ? millis(slot.throttle.pausedNanos() - throttledNanos) : 0,
                        millis(waitsForReplication.nanos()),
                        millis(waitsForChecks.nanos())),
                new TestResult.Busy(ran ? millis(tests.eventLoopCpuNanos() - eventLoopNanos) : 0, millis(expandNanos)),
                slot.volumeActivity());
    }

    private static long millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos);
    }
}
