package org.replicationserver.receiver.session;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.volume.BlockExpander;

/**
 * The speed tests of all source servers: how many there may be, how much memory they have, and who expands their blocks. Event loop only,
 * but for {@link #expander} and {@link #room}, which are the background thread's.
 *
 * <p>Blocks are expanded in the order in which they came, one after the other. Nothing here knows a volume.
 */
final class SpeedTests {
    static final int RUNNING_MAX = 2;

    /** Of a source server. */
    static final int BEGUN_PER_MINUTE_MAX = 6;

    /** Payloads that wait to be expanded or are being received. */
    static final int MEMORY_BYTES_MAX = 8 * 1024 * 1024;

    /**
     * What a block counts at least, in that memory and in what replication leaves: one of a few bytes takes descriptors and turns of the event
     * loop as any other, so that very many of them would take far more than their share.
     */
    static final int BLOCK_BYTES_MIN = 4096;

    private static final long MINUTE_NANOS = 60_000_000_000L;

    private final SessionClock clock;
    private final PayloadMemory memory;
    private final Executor eventLoop;
    private final SpeedTestRuntime runtime;
    private final RandomGenerator random;
    private final TestPace pace = new TestPace();

    /** By source server. */
    private final Map<String, SpeedTest> running = new LinkedHashMap<>();

    /** When those of the last minute began, by source server; older ones are forgotten with the next that begins. */
    private final Map<String, ArrayDeque<Long>> begun = new HashMap<>();

    private final ArrayDeque<TestStream> waiting = new ArrayDeque<>();
    private int usedBytes;

    // background thread
    private final BlockExpander expander = new BlockExpander();
    private @Nullable ByteBuffer room;

    SpeedTests(
            SessionClock clock,
            PayloadMemory memory,
            Executor eventLoop,
            SpeedTestRuntime runtime,
            RandomGenerator random) {
        this.clock = clock;
        this.memory = memory;
        this.eventLoop = eventLoop;
        this.runtime = runtime;
        this.random = random;
    }

    // --- beginning and end

    /** Begins a speed test of a source server that is known to be the agent's. */
    SpeedTest open(SourceSlot slot, AgentConnection control, TestOpen asked) throws ProtocolException {
        if (running.containsKey(slot.sourceServerId)) {
            throw new ProtocolException(ErrorCode.LIMIT, "a speed test of this source server runs already");
        }
        if (running.size() >= RUNNING_MAX) {
            throw new ProtocolException(
                    ErrorCode.LIMIT, RUNNING_MAX + " speed tests of other source servers run already; come back later");
        }
        countBegin(slot.sourceServerId);
        byte[] id = new byte[16];
        random.nextBytes(id);
        SpeedTest test = new SpeedTest(HexFormat.of().formatHex(id), slot, control, asked, this);
        running.put(slot.sourceServerId, test);
        test.begin();
        return test;
    }

    private void countBegin(String sourceServerId) throws ProtocolException {
        long now = clock.nanos();
        begun.values().forEach(times -> times.removeIf(time -> now - time > MINUTE_NANOS));
        begun.values().removeIf(ArrayDeque::isEmpty);
        ArrayDeque<Long> times = begun.computeIfAbsent(sourceServerId, id -> new ArrayDeque<>());
        if (times.size() >= BEGUN_PER_MINUTE_MAX) {
            throw new ProtocolException(
                    ErrorCode.RATE,
                    "more than " + BEGUN_PER_MINUTE_MAX + " speed tests of this source server a minute");
        }
        times.addLast(now);
    }

    TestStream attach(SourceSlot slot, AgentConnection connection, FrameHeader header, TestAttach attach)
            throws ProtocolException {
        SpeedTest test = running.get(slot.sourceServerId);
        if (test == null || !test.id().equals(attach.test())) {
            throw ProtocolException.at(header, ErrorCode.STATE, "no such speed test is open");
        }
        return test.attach(connection, header, attach.stream());
    }

    void ended(SpeedTest test) {
        running.remove(test.sourceServerId(), test);
    }

    /** Ends the speed test of a source server, if there is one. */
    void abort(String sourceServerId, ProtocolException why) {
        SpeedTest test = running.get(sourceServerId);
        if (test != null) {
            test.abort(why);
        }
    }

    void tick(long nowNanos) {
        for (SpeedTest test : List.copyOf(running.values())) {
            test.tick(nowNanos);
        }
        wakeWaiting();
    }

    // --- the share of processor and memory

    /** Bytes of a session's data connection arrived. */
    void replicated(int bytes, long nowNanos) {
        pace.replicated(bytes, nowNanos);
    }

    /** Takes memory for a payload and says null, or what has to pass first. */
    @Nullable
    RunningTime whatToWaitFor(SpeedTest test, int payloadBytes) {
        long now = clock.nanos();
        if (!pace.mayPass(now)) {
            return test.waitsForReplication;
        }
        int counted = counted(payloadBytes);
        if (usedBytes + counted > MEMORY_BYTES_MAX) {
            return test.waitsForChecks;
        }
        pace.passed(counted, now);
        usedBytes += counted;
        return null;
    }

    private static int counted(int payloadBytes) {
        return Math.max(payloadBytes, BLOCK_BYTES_MIN);
    }

    /** A block with the memory that was taken for it. */
    TestBlock take(TestStream stream, int payloadBytes) {
        TestBlock block = new TestBlock(stream, payloadBytes);
        try {
            memory.allocate(block.memory, payloadBytes);
        } catch (RuntimeException | Error e) { // the connection dies of it, what is left for others must not
            usedBytes -= counted(payloadBytes);
            throw e;
        }
        return block;
    }

    void giveBack(TestBlock block) {
        usedBytes -= counted(block.payloadBytes);
        memory.release(block.memory);
        block.memory.letGo();
    }

    void waits(TestStream stream) {
        waiting.add(stream);
    }

    void forget(TestStream stream) {
        waiting.remove(stream);
    }

    private void wakeWaiting() {
        for (int n = waiting.size(); n > 0 && !waiting.isEmpty(); n--) {
            waiting.remove().wake();
        }
    }

    // --- expanding

    void check(TestBlock block) {
        runtime.background().execute(() -> {
            expand(block);
            eventLoop.execute(() -> checked(block));
        });
    }

    private void expand(TestBlock block) {
        long beganNanos = clock.nanos();
        ByteBuffer target = room;
        if (target == null) {
            target = ByteBuffer.allocateDirect(ProtocolLimits.RAW_LEN_MAX);
            room = target;
        }
        block.check(expander, target);
        block.expandNanos = clock.nanos() - beganNanos;
    }

    private void checked(TestBlock block) {
        giveBack(block);
        block.stream.checked(block);
        wakeWaiting();
    }

    // --- of the server

    SessionClock clock() {
        return clock;
    }

    long eventLoopCpuNanos() {
        return runtime.eventLoopCpuNanos().getAsLong();
    }
}
