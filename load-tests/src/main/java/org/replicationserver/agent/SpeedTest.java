package org.replicationserver.agent;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestOpened;
import org.replicationserver.receiver.protocol.TestResult;

/**
 * A speed test from its first connection to its result. Event loop only.
 *
 * <p>OPENING (until TEST_OPENED) → ATTACHING (until every stream is attached) → RUNNING → ENDED. It tells its outcome once: the
 * server's result, or why there is none.
 */
final class SpeedTest implements LinkOwner {
    /** From the end of its time to the result. */
    private static final long RESULT_NANOS = TimeUnit.SECONDS.toNanos(15);

    private enum State {
        OPENING,
        ATTACHING,
        RUNNING,
        ENDED
    }

    /** What became of it, on as many streams as the server granted: a result, or what is wrong. */
    record Outcome(
            int streams,
            @Nullable TestResult result,
            SourceStatus.Waits waits,
            @Nullable SpeedTestFailure failure) {}

    private final TestOpen asked;
    private final ServerDialer dialer;
    private final TestFrames frames;
    private final GreaseMaker grease;
    private final UnaryOperator<String> refusedAdvice;
    private final Consumer<Outcome> end;
    private final AgentCounters counters = new AgentCounters();
    private final TestControlLink control;
    private final List<TestLink> streams = new ArrayList<>();
    private final long openedNanos = System.nanoTime();

    private State state = State.OPENING;
    private WaitClocks waits = new WaitClocks(System.nanoTime());
    private long deadlineNanos;
    private long bytesMax;
    private long sentBytes;
    private int nextStream;
    private BlockPacker.@Nullable Packed unsent;

    /** Makes the grease of a connection. */
    interface GreaseMaker {
        Grease make();
    }

    /** @param refusedAdvice what to do where the server refused this agent's certificate, by its alert */
    SpeedTest(
            TestOpen asked,
            ServerDialer dialer,
            TestFrames frames,
            GreaseMaker grease,
            UnaryOperator<String> refusedAdvice,
            Consumer<Outcome> end) {
        this.asked = asked;
        this.dialer = dialer;
        this.frames = frames;
        this.grease = grease;
        this.refusedAdvice = refusedAdvice;
        this.end = end;
        this.control = new TestControlLink(this, grease.make(), asked);
        // Connecting and attaching have deadlines of their own, at both sides.
        this.deadlineNanos = openedNanos + TimeUnit.SECONDS.toNanos(asked.seconds()) + 3 * RESULT_NANOS;
    }

    void begin() {
        dialer.dial(control);
    }

    // --- from the server

    void opened(TestOpened opened) {
        state = State.ATTACHING;
        bytesMax = opened.bytesMax();
        for (int i = 0; i < opened.streams(); i++) {
            TestLink stream = new TestLink(this, grease.make(), new TestAttach(opened.test(), i));
            streams.add(stream);
            dialer.dial(stream);
        }
    }

    void attached() {
        if (state == State.ATTACHING && streams.stream().allMatch(TestLink::isAttached)) {
            state = State.RUNNING;
            long now = System.nanoTime();
            waits = new WaitClocks(now);
            deadlineNanos = now + TimeUnit.SECONDS.toNanos(asked.seconds()) + RESULT_NANOS;
            frames.start();
        }
    }

    void result(TestResult result) {
        observe();
        end(new Outcome(streams.size(), result, waits.waits(), null));
    }

    @Override
    public boolean grants(String feature) {
        return feature.equals(Features.SPEED_TEST);
    }

    @Override
    public void errorReceived(AgentLink link, ErrorBody error) {
        ErrorCode code = ErrorCode.of(error.code());
        String text = SessionFaults.describe(error, code);
        if (state != State.OPENING) {
            fail(SpeedTestFailure.Kind.ENDED_BY_SERVER, "the server ended the speed test: " + text);
            return;
        }
        SpeedTestFailure.Kind kind = switch (code) {
            case LIMIT, RATE, SHUTDOWN -> SpeedTestFailure.Kind.BUSY;
            case FORBIDDEN -> SpeedTestFailure.Kind.FORBIDDEN;
            case UNSUPPORTED, VERSION, PROTOCOL -> SpeedTestFailure.Kind.PROTOCOL;
            case null, default -> SpeedTestFailure.Kind.ENDED_BY_SERVER;
        };
        String why = code == ErrorCode.UNSUPPORTED
                ? "the server has no speed tests; a newer version of it has: " + text
                : "the server refuses the speed test: " + text;
        fail(kind, why);
    }

    @Override
    public void serverBroke(ProtocolException e) {
        fail(SpeedTestFailure.Kind.PROTOCOL, "the server broke the protocol: " + e.code() + ": " + e.getMessage());
    }

    @Override
    public void linkClosed(AgentLink link, LinkFailure failure) {
        // The end of a stream may overtake the result.
        if (state == State.RUNNING && !link.isFirst()) {
            return;
        }
        fail(
                switch (failure.kind()) {
                    case REFUSED_BY_SERVER, SERVER_NOT_PINNED -> SpeedTestFailure.Kind.FORBIDDEN;
                    case NOT_BRP -> SpeedTestFailure.Kind.PROTOCOL;
                    default -> SpeedTestFailure.Kind.UNREACHABLE;
                },
                failure.kind() == LinkFailure.Kind.REFUSED_BY_SERVER
                        ? refusedAdvice.apply(failure.text())
                        : failure.text());
    }

    // --- sending

    @Override
    public void pump() {
        if (state != State.RUNNING) {
            return;
        }
        String failed = frames.failure();
        if (failed != null) {
            control.send(FrameType.BYE, new Bye("the source cannot be read"));
            fail(SpeedTestFailure.Kind.SOURCE_FAILED, failed);
            return;
        }
        while (sentBytes < bytesMax && sendNext()) {
            // until the source, the network or the server holds it up
        }
        observe();
    }

    private boolean sendNext() {
        if (unsent == null) {
            unsent = frames.poll();
        }
        BlockPacker.Packed packed = unsent;
        TestLink stream = packed == null ? null : streamFor(packed.rawBytes());
        if (packed == null || stream == null) {
            return false;
        }
        unsent = null;
        sentBytes += packed.rawBytes();
        stream.sendTest(packed);
        return true;
    }

    /** The next in turn that can take so much; null if none can. */
    private @Nullable TestLink streamFor(int rawBytes) {
        for (int i = 0; i < streams.size(); i++) {
            TestLink stream = streams.get((nextStream + i) % streams.size());
            if (stream.hasWindow(rawBytes) && stream.isWritable()) {
                nextStream = (nextStream + i + 1) % streams.size();
                return stream;
            }
        }
        return null;
    }

    private void observe() {
        EnumSet<WaitClocks.Cause> causes = EnumSet.noneOf(WaitClocks.Cause.class);
        boolean done = sentBytes >= bytesMax;
        boolean window = streams.stream().anyMatch(stream -> stream.hasWindow(TestData.BLOCK_BYTES));
        if (!done && unsent == null) {
            causes.add(WaitClocks.Cause.SOURCE);
        } else if (!done) {
            causes.add(window ? WaitClocks.Cause.NETWORK : WaitClocks.Cause.WINDOW);
        }
        waits.observe(System.nanoTime(), causes);
    }

    @Override
    public void flush() {
        control.flush();
        streams.forEach(AgentLink::flush);
    }

    @Override
    public AgentCounters count() {
        return counters;
    }

    // --- time and the end

    void tick(long nowNanos) {
        if (state != State.ENDED && nowNanos - deadlineNanos > 0) {
            fail(SpeedTestFailure.Kind.UNREACHABLE, "the server does not answer any more");
        }
    }

    /** Ends it early; what was measured by then is the result. */
    void stop() {
        switch (state) {
            case RUNNING -> {
                control.send(FrameType.BYE, new Bye("stopped"));
                flush();
            }
            case OPENING, ATTACHING -> fail(SpeedTestFailure.Kind.STOPPED, "stopped before it began");
            case ENDED -> {}
        }
    }

    private void fail(SpeedTestFailure.Kind kind, String text) {
        end(new Outcome(streams.size(), null, waits.waits(), new SpeedTestFailure(kind, text)));
    }

    private void end(Outcome outcome) {
        if (state == State.ENDED) {
            return;
        }
        state = State.ENDED;
        flush();
        control.end();
        streams.forEach(AgentLink::end);
        if (unsent != null) {
            unsent.frame().release();
            unsent = null;
        }
        end.accept(outcome);
    }
}
