package org.replicationserver.crash;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.replicationserver.crash.FaultyNetwork.Fault;
import org.replicationserver.crash.FaultyNetwork.Kind;
import org.replicationserver.crash.FaultyNetwork.Place;
import org.replicationserver.crash.FaultyNetwork.Way;
import org.replicationserver.harness.BlockFrame;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * Peers that send a byte a second: in the handshake, in HELLO, in the middle of a block. Those that have a deadline are ended by it, and another
 * source server is not harmed. All at the same time, against one server.
 */
final class SlowPeers {
    private static final int VOLUME_BYTES = 2 << 20;
    private static final Duration HANDSHAKE = Duration.ofSeconds(5);
    private static final Duration FIRST_FRAME = Duration.ofSeconds(10);
    private static final Duration SILENCE = Duration.ofSeconds(30);

    /** Of timers, and of a machine that has other things to do. */
    private static final Duration MARGIN = Duration.ofSeconds(3);

    private static final Duration HEAD_START = Duration.ofSeconds(1);

    /** Longer than a silent connection may live. */
    private static final int SLOW_BYTES = 35;

    private final ServerProcess server;
    private final TestSource stranger;
    private final TestSource starved;
    private final TestSource slow;

    private SlowPeers(ServerProcess server, TestSource stranger, TestSource starved, TestSource slow) {
        this.server = server;
        this.stranger = stranger;
        this.starved = starved;
        this.slow = slow;
    }

    private interface Peer {
        void run() throws IOException, InterruptedException, ProtocolException;
    }

    static void run(Workshop workshop, Path directory, Random random) throws IOException, InterruptedException {
        TestSource stranger = TestSource.of(directory, "s-1", VOLUME_BYTES);
        TestSource starved = TestSource.of(directory, "s-2", VOLUME_BYTES);
        TestSource slow = TestSource.of(directory, "s-3", VOLUME_BYTES);
        TestSource steadySource = SteadySource.assigned(directory, "steady");
        ServerProcess.Plan plan = workshop.plan(directory).set("memory.budget-bytes=8MiB");
        try (ServerProcess server = plan.start(stranger, starved, slow, steadySource);
                SteadySource steady = SteadySource.begin(server, steadySource, random)) {
            new SlowPeers(server, stranger, starved, slow).runAll();
            steady.finish();
        }
    }

    private void runAll() throws IOException, InterruptedException {
        Map<String, Peer> peers = new LinkedHashMap<>();
        peers.put("handshake", this::handshake);
        peers.put("HELLO behind a slow network", this::helloBehindASlowNetwork);
        peers.put("HELLO in many records", this::helloInManyRecords);
        peers.put("block behind a slow network", this::blockBehindASlowNetwork);
        peers.put("block in many records", this::blockInManyRecords);
        Map<String, Future<?>> running = new LinkedHashMap<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            peers.forEach((name, peer) -> running.put(name, threads.submit(() -> {
                peer.run();
                return name;
            })));
            for (Map.Entry<String, Future<?>> each : running.entrySet()) {
                each.getValue().get();
            }
        } catch (ExecutionException e) {
            String which = running.entrySet().stream()
                    .filter(each -> each.getValue().state() == Future.State.FAILED)
                    .map(Map.Entry::getKey)
                    .findFirst()
                    .orElse("");
            throw new AssertionError("a byte a second, " + which + ": " + e.getMessage(), e);
        }
    }

    /** The server's clock may have begun a little earlier. */
    private static void requireAfter(Duration deadline, long beganNanos) {
        Duration took = Duration.ofNanos(System.nanoTime() - beganNanos);
        if (took.compareTo(deadline.minus(HEAD_START)) < 0 || took.compareTo(deadline.plus(MARGIN)) > 0) {
            throw new AssertionError("ended after " + took + ", the deadline is " + deadline);
        }
    }

    private void handshake() throws IOException {
        try (FaultyNetwork network = FaultyNetwork.before(server.endpoint())) {
            network.expect(new Fault(Kind.DRIBBLE, 0, Way.TO_SERVER, new Place(0, 0)));
            long beganNanos = System.nanoTime();
            try (RawConnection opened = RawConnection.open(network.endpoint(server.endpoint()), stranger.key())) {
                throw new AssertionError("a handshake came to its end on port " + opened.localPort());
            } catch (IOException e) {
                requireAfter(HANDSHAKE, beganNanos);
            }
        }
    }

    private Hello hello() {
        return new Hello(
                List.of(ProtocolLimits.VERSION),
                List.of(),
                stranger.sourceServerId(),
                "0".repeat(32),
                1,
                stranger.disks(),
                null);
    }

    private void helloBehindASlowNetwork() throws IOException, InterruptedException, ProtocolException {
        try (FaultyNetwork network = FaultyNetwork.before(server.endpoint());
                RawConnection connection = RawConnection.open(network.endpoint(server.endpoint()), stranger.key())) {
            long beganNanos = System.nanoTime();
            network.link(0).flow(Way.TO_SERVER).dribble();
            connection.send(FrameType.HELLO, hello());
            connection.awaitError(ErrorCode.STATE);
            requireAfter(FIRST_FRAME, beganNanos);
        }
    }

    private void helloInManyRecords() throws IOException, InterruptedException, ProtocolException {
        try (RawConnection connection = RawConnection.open(server.endpoint(), stranger.key())) {
            long beganNanos = System.nanoTime();
            sendSlowly(connection, new FrameWriter().json(FrameType.HELLO, hello()), Integer.MAX_VALUE);
            connection.awaitError(ErrorCode.STATE);
            requireAfter(FIRST_FRAME, beganNanos);
        }
    }

    /** A byte a second in records of their own, until the connection has ended or so many are sent. */
    private static void sendSlowly(RawConnection connection, ByteBuffer frame, int bytes)
            throws IOException, InterruptedException {
        for (int i = 0; i < bytes && frame.hasRemaining(); i++) {
            connection.sendRaw(frame.slice(frame.position(), 1));
            frame.position(frame.position() + 1);
            try {
                connection.ended().get(1, TimeUnit.SECONDS);
                return;
            } catch (TimeoutException e) {
                // It goes on.
            } catch (ExecutionException e) {
                throw new IOException(e);
            }
        }
    }

    private static BlockFrame block(RawAgent agent) {
        return agent.frame(0, 0, Images.random(7, DirtySource.BLOCK_BYTES));
    }

    /** TLS hands nothing on before a record is whole: for the server the connection is silent. */
    private void blockBehindASlowNetwork() throws IOException, InterruptedException, ProtocolException {
        try (FaultyNetwork network = FaultyNetwork.before(server.endpoint());
                RawAgent agent = RawAgent.connect(network.endpoint(server.endpoint()), starved, 1)) {
            agent.openNextEpoch();
            long beganNanos = System.nanoTime();
            network.link(1).flow(Way.TO_SERVER).dribble();
            agent.streams().getFirst().send(block(agent));
            RawConnection.Received told = agent.control().poll(SILENCE.plus(MARGIN));
            if (told == null
                    || told.type() != FrameType.ERROR
                    || ErrorBody.parse(told.json()).code() != ErrorCode.STATE.code()) {
                throw new AssertionError("the end of the session expected, came "
                        + (told == null ? "nothing" : RawConnection.describe(told)));
            }
            requireAfter(SILENCE, beganNanos);
        }
    }

    /** Slow is not dead. */
    private void blockInManyRecords() throws IOException, InterruptedException, ProtocolException {
        try (RawAgent agent = RawAgent.connect(server.endpoint(), slow, 1)) {
            agent.openNextEpoch();
            RawConnection data = agent.streams().getFirst().connection();
            ByteBuffer frame = data.encode(block(agent));
            sendSlowly(data, frame, SLOW_BYTES);
            data.sendRaw(frame);
            agent.commit();
            agent.bye();
        }
    }
}
