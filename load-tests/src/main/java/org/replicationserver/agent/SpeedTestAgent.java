package org.replicationserver.agent;

import io.netty.buffer.PooledByteBufAllocator;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.internal.VertxInternal;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Identity;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestOpen;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes one speed test with the identity, pins and TLS of a replicating agent. {@link #run} is called once and waits; {@link #stop} may
 * be called by any thread.
 *
 * <p>Threads: one event loop, which owns the {@link SpeedTest}; {@code test-source-N}; {@code agent-helper} for names and files. They end
 * with {@link #run}.
 */
final class SpeedTestAgent {
    private static final Logger LOG = LoggerFactory.getLogger(SpeedTestAgent.class);

    private static final long TICK_MILLIS = 100;

    /** How it is made. */
    record Options(
            ServerLookup server,
            String sourceServerId,
            Identity identity,
            TlsEngine tlsEngine,
            int streams,
            int readers,
            int seconds,
            long bytesMax,
            TestData data,
            boolean grease) {}

    /** A report or what is wrong; one of them is null. */
    record Outcome(
            @Nullable SpeedTestReport report, @Nullable SpeedTestFailure failure) {}

    private final Options options;
    private final Vertx vertx;
    private final Context eventLoop;
    private final ExecutorService helper = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("agent-helper").factory());
    private final ServerDialer dialer;
    private final TestFrames frames;
    private final SpeedTest test;
    private final CompletableFuture<SpeedTest.Outcome> ended = new CompletableFuture<>();
    private final Random random = new Random();

    SpeedTestAgent(Options options) {
        this.options = options;
        options.server().lookFor(options.sourceServerId());
        this.vertx = AgentVertx.create();
        this.eventLoop = ((VertxInternal) vertx).createEventLoopContext();
        this.frames = new TestFrames(
                options.readers(), options.data(), new NettyFrames(PooledByteBufAllocator.DEFAULT), this::frameReady);
        this.dialer =
                new ServerDialer(vertx, eventLoop, helper, options.server(), options.identity(), options.tlsEngine());
        TestOpen open = new TestOpen(
                List.of(ProtocolLimits.VERSION),
                options.sourceServerId(),
                options.streams(),
                options.seconds(),
                options.bytesMax());
        this.test = new SpeedTest(
                open,
                dialer,
                frames,
                () -> new Grease(options.grease(), random, System.nanoTime()),
                alert -> Advice.certificateRefused(
                        options.sourceServerId(),
                        options.identity().pin().toString(),
                        options.server().mayChange() == ServerLookup.Change.SERVER,
                        alert),
                ended::complete);
    }

    /** Makes the speed test and waits for its end, which comes in any case. */
    Outcome run() throws InterruptedException {
        CompletableFuture<Long> loopThread = new CompletableFuture<>();
        eventLoop.exceptionHandler(bug -> ended.complete(broken(bug)));
        eventLoop.runOnContext(_ -> {
            loopThread.complete(Thread.currentThread().threadId());
            vertx.setPeriodic(TICK_MILLIS, _ -> test.tick(System.nanoTime()));
            test.begin();
        });
        SpeedTest.Outcome outcome = ended.join();
        long loopNanos = ManagementFactory.getThreadMXBean().getThreadCpuTime(loopThread.join());
        if (!frames.stop()) {
            LOG.warn("a disk does not answer a read, which is not waited for");
        }
        dialer.awaitClosed(ReplicationAgent.CLOSE_MILLIS_MAX);
        vertx.close().toCompletionStage().toCompletableFuture().join();
        helper.shutdown();
        return outcome(outcome, loopNanos);
    }

    private static SpeedTest.Outcome broken(Throwable bug) {
        return new SpeedTest.Outcome(
                0,
                null,
                SourceStatus.Waits.NONE,
                new SpeedTestFailure(SpeedTestFailure.Kind.BROKEN, "the agent has a bug: " + bug));
    }

    private Outcome outcome(SpeedTest.Outcome outcome, long loopNanos) {
        if (outcome.result() == null) {
            return new Outcome(null, outcome.failure());
        }
        return new Outcome(
                new SpeedTestReport(
                        options.sourceServerId(),
                        serverName(),
                        outcome.streams(),
                        outcome.result(),
                        outcome.waits(),
                        new SpeedTestReport.SourceWork(
                                options.readers(),
                                frames.preparedBytes(),
                                TimeUnit.NANOSECONDS.toMillis(frames.readNanos()),
                                TimeUnit.NANOSECONDS.toMillis(frames.packNanos()),
                                TimeUnit.NANOSECONDS.toMillis(loopNanos))),
                null);
    }

    private String serverName() {
        return options.server() instanceof GivenServer given ? given.address().toString() : "the assigned server";
    }

    private void frameReady() {
        eventLoop.runOnContext(_ -> {
            test.pump();
            test.flush();
        });
    }

    /** Ends it early; what was measured by then is the result. */
    void stop() {
        eventLoop.runOnContext(_ -> test.stop());
    }
}
