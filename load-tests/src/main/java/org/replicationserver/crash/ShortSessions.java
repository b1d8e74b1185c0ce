package org.replicationserver.crash;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.crash.FaultyNetwork.Fault;
import org.replicationserver.crash.FaultyNetwork.Kind;
import org.replicationserver.crash.FaultyNetwork.Place;
import org.replicationserver.crash.FaultyNetwork.Way;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Short sessions over a network that has faults. Each has all the frames that an agent sends, in the same order and of the same lengths: HELLO,
 * ATTACH, PING, EPOCH_OPEN, DATA, ZERO, FENCE, EPOCH_COMMIT and BYE. After each, what was acknowledged is there, the agent resumes and sends
 * again no more than the windows, and the replica becomes what the source is.
 */
final class ShortSessions implements AutoCloseable {
    private static final int STREAMS = 2;
    private static final int REGION_BYTES = 1 << 20;
    private static final int VOLUME_BYTES = STREAMS * REGION_BYTES;

    /** A cut, and the same a byte of the ciphertext earlier and later. */
    private static final int CUTS_PER_RECORD = 3;

    /** Until an agent is left that reads nothing and has itself answered all the time. */
    private static final Duration LEFT_WITHIN = Duration.ofSeconds(60);

    private static final String NOT_LEFT = "the server did not end it";

    /** Seldom enough to be allowed, and often enough for a connection to live. */
    private static final Duration PING_INTERVAL = Duration.ofSeconds(1);

    private static final int DEAD_AFTER_SECONDS = 10;

    /** Longer than anything that this server waits for. */
    private static final Duration UNREAD = Duration.ofSeconds(DEAD_AFTER_SECONDS * 3 / 2);

    /** Between blocks whose acknowledgements are not read: as long as there is room in the window, some are under way. */
    private static final Duration UNREAD_INTERVAL = Duration.ofMillis(250);

    private static final Duration LOG_PATIENCE = Duration.ofSeconds(10);

    /**
     * Why an agent is left that reads none of many answers. Where they fill the agent's socket, Linux also drops the acknowledgements that come with
     * them, so what the agent sends may come to a stand before the server's bound is reached.
     */
    private static final String[] REASONS_TO_LEAVE = {"bytes unread", "nothing was received on a data connection"};

    private static final int REPLAY_TIMEOUT_MILLIS = 10_000;
    private static final String HANDSHAKE_FAILED = "handshake failed";
    private static final String ALERT = "bad_record_mac";

    /** How a connection ends for the agent where nothing is wrong with it. */
    private static final List<String> CLEAN_ENDS = List.of("end of stream", "closed by the test");

    /** A flow of a session without faults, as far as the session needs it. */
    private record FlowOfSession(int connection, Way way, FaultyFlow flow) {
        int records() {
            return flow.recordsOfSession();
        }

        /** Relative to its record, because the lengths of signatures differ a little. */
        Place anyByte(Random random) {
            return flow.placeOf(random.nextLong(flow.bytesOfSession()));
        }
    }

    /**
     * What became of a session.
     *
     * @param complete whether the agent saw all that it waited for
     * @param ends how its connections ended
     */
    private record Outcome(boolean complete, List<String> ends) {
        boolean wasClean() {
            return complete && CLEAN_ENDS.containsAll(ends);
        }
    }

    private final ServerProcess server;
    private final TestSource assigned;
    private final TestSource another;
    private final Replication replication;
    private final FaultyNetwork network;
    private final List<FlowOfSession> flows = new ArrayList<>();

    private ShortSessions(ServerProcess server, TestSource assigned, TestSource another, FaultyNetwork network) {
        this.server = server;
        this.assigned = assigned;
        this.another = another;
        this.replication = new Replication(assigned, new DirtySource(1, VOLUME_BYTES), STREAMS);
        this.network = network;
    }

    /** With a server whose deadlines are short, because a length that was changed on the way is noticed by one of them only. */
    static ShortSessions begin(Workshop workshop, Path directory)
            throws IOException, InterruptedException, ProtocolException {
        ServerProcess.Plan plan = workshop.plan(directory)
                .set("memory.budget-bytes=4MiB")
                .set("session.first-frame-timeout-seconds=5")
                .set("session.ping-after-seconds=3")
                .set("session.dead-after-seconds=" + DEAD_AFTER_SECONDS);
        TestSource assigned = TestSource.of(directory, "s-1", VOLUME_BYTES);
        TestSource another = SteadySource.assigned(directory, "s-2");
        ServerProcess server = plan.start(assigned, another);
        try {
            ShortSessions sessions =
                    new ShortSessions(server, assigned, another, FaultyNetwork.before(server.endpoint()));
            sessions.measure();
            return sessions;
        } catch (IOException | InterruptedException | ProtocolException | RuntimeException | Error e) {
            server.close();
            throw e;
        }
    }

    /** The initial sync, then a session without faults. */
    private void measure() throws IOException, InterruptedException, ProtocolException {
        replication.replicateOnce(server);
        if (!session(null).wasClean()) {
            throw new IOException("a session without faults does not come to its end");
        }
        for (int connection = 0; connection < network.links().size(); connection++) {
            for (Way way : Way.values()) {
                flows.add(new FlowOfSession(
                        connection, way, network.link(connection).flow(way)));
            }
        }
    }

    /** In each region two blocks change and one becomes zeros. */
    private void change() {
        for (int region = 0; region < STREAMS; region++) {
            long at = (long) region * REGION_BYTES;
            replication.source().changeAt(0, at);
            replication.source().changeAt(0, at + DirtySource.BLOCK_BYTES);
            replication.source().zeroAt(0, at + 2 * DirtySource.BLOCK_BYTES);
        }
    }

    /** A session that this befalls. */
    private Outcome session(@Nullable Fault fault) throws InterruptedException, ProtocolException {
        change();
        network.expect(fault);
        List<String> ends = new ArrayList<>();
        boolean complete = false;
        try (RawAgent agent =
                replication.openSession(network.endpoint(server.endpoint().splittingFrames()))) {
            try {
                for (RawConnection connection : agent.connections()) {
                    connection.ping();
                }
                replication.cycle(agent, () -> {});
                agent.bye();
                complete = true;
            } catch (IOException e) {
                // One connection has ended, so the server must end the others.
                agent.awaitEndAfter(e);
            }
            for (RawConnection connection : agent.connections()) {
                ends.add(connection.ended().join());
            }
        } catch (IOException e) {
            // So early that there is no session.
        } catch (CompletionException e) {
            throw new AssertionError("the agent was sent what it cannot understand: " + e.getCause(), e);
        }
        return new Outcome(complete, ends);
    }

    private void auditAndResume() throws IOException, InterruptedException, ProtocolException {
        replication.assertNothingAcknowledgedIsMissing();
        replication.replicateOnce(server);
        replication.assertIdentical();
    }

    private FlowOfSession flow(Random random) {
        return flows.get(random.nextInt(flows.size()));
    }

    // --- cuts

    /**
     * A cut at the end of a record, and next to it.
     *
     * @param number of all these places, from 0 on; after the last it begins anew
     */
    String cutAtRecord(int number) throws IOException, InterruptedException, ProtocolException {
        int places = flows.stream()
                .mapToInt(flow -> CUTS_PER_RECORD * (flow.records() + 1))
                .sum();
        int left = number % places;
        for (FlowOfSession flow : flows) {
            int ofFlow = CUTS_PER_RECORD * (flow.records() + 1);
            if (left < ofFlow) {
                return cut(
                        Kind.CUT,
                        flow,
                        new Place(left / CUTS_PER_RECORD, left % CUTS_PER_RECORD - 1L),
                        "cuts at a record");
            }
            left -= ofFlow;
        }
        throw new IllegalStateException("no place " + number);
    }

    String cutAtByte(Random random) throws IOException, InterruptedException, ProtocolException {
        FlowOfSession flow = flow(random);
        return cut(Kind.CUT, flow, flow.anyByte(random), "cuts at a byte");
    }

    String reset(Random random) throws IOException, InterruptedException, ProtocolException {
        FlowOfSession flow = flow(random);
        return cut(Kind.RESET, flow, flow.anyByte(random), "resets");
    }

    private String cut(Kind kind, FlowOfSession flow, Place place, String what)
            throws IOException, InterruptedException, ProtocolException {
        Fault fault = new Fault(kind, flow.connection(), flow.way(), place);
        try {
            session(fault);
            auditAndResume();
        } catch (AssertionError e) {
            throw new AssertionError(fault + ": " + e.getMessage(), e);
        }
        return network.hasHappened() ? what : what + Tally.NOT_REACHED;
    }

    // --- what TLS must notice

    String flip(Random random) throws IOException, InterruptedException, ProtocolException {
        FlowOfSession flow = flow(random);
        Place place = flow.anyByte(random);
        return falsify(new Fault(Kind.FLIP, flow.connection(), flow.way(), place, random.nextInt(8)), "flipped bits");
    }

    /** Not the last record: after it the server may have ended the session before it could notice. */
    String repeatRecord(Random random) throws IOException, InterruptedException, ProtocolException {
        FlowOfSession flow = flow(random);
        while (flow.way() == Way.TO_AGENT) {
            flow = flow(random);
        }
        Place place = new Place(1 + random.nextInt(flow.records() - 1), 0);
        return falsify(new Fault(Kind.REPEAT, flow.connection(), flow.way(), place), "repeated records");
    }

    private String falsify(Fault fault, String what) throws IOException, InterruptedException, ProtocolException {
        try {
            Outcome outcome = session(fault);
            boolean happened = network.hasHappened();
            if (happened && outcome.wasClean() && !TlsRecords.isVersion(fault.place())) {
                throw new AssertionError("nobody has noticed");
            }
            auditAndResume();
            if (!happened) {
                return what + Tally.NOT_REACHED;
            }
            return outcome.ends().stream().anyMatch(end -> end.contains(ALERT)) ? what + " with " + ALERT : what;
        } catch (AssertionError e) {
            throw new AssertionError(fault + ": " + e.getMessage(), e);
        }
    }

    // --- an old session

    /** While the next session is open, all that the agent sent in the last one comes again, and an ATTACH to the last one. */
    String replay(Random random) throws IOException, InterruptedException, ProtocolException {
        if (!session(null).wasClean()) {
            throw new AssertionError("a session without faults does not come to its end");
        }
        long failed = told(HANDSHAKE_FAILED);
        List<FaultyNetwork.Link> old = network.links();
        try (SteadySource steady = SteadySource.begin(server, another, random);
                RawAgent agent = replication.openSession(server)) {
            change();
            for (FaultyNetwork.Link link : old) {
                for (RawConnection connection : agent.connections()) {
                    connection.ping();
                }
                requireRefused(link.flow(Way.TO_SERVER).recorded());
            }
            awaitTold(failed + old.size(), HANDSHAKE_FAILED);
            try (RawConnection late = RawConnection.open(server.endpoint(), assigned.key())) {
                late.send(FrameType.ATTACH, new Attach(agent.welcome().generation() - 1, 0));
                late.awaitError(ErrorCode.STALE_GENERATION);
            }
            replication.cycle(agent, () -> {});
            agent.bye();
            steady.finish();
        }
        replication.assertIdentical();
        return "replayed sessions";
    }

    /** How many lines of the server's log have one of these texts. */
    private long told(String... texts) throws IOException {
        return server.logSinceStart()
                .lines()
                .filter(line -> Stream.of(texts).anyMatch(line::contains))
                .count();
    }

    private void awaitTold(long times, String... texts) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + LOG_PATIENCE.toNanos();
        while (told(texts) < times) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("the server has not told: " + String.join(" or ", texts));
            }
            Thread.sleep(20);
        }
    }

    /** The server may answer as far as the handshake goes. */
    private void requireRefused(byte[] session) throws IOException {
        TlsRecords answer = new TlsRecords();
        try (Socket socket = new Socket()) {
            socket.connect(server.endpoint().socketAddress(), REPLAY_TIMEOUT_MILLIS);
            socket.setSoTimeout(REPLAY_TIMEOUT_MILLIS);
            socket.getOutputStream().write(session);
            byte[] buffer = new byte[4096];
            for (int n = socket.getInputStream().read(buffer);
                    n >= 0;
                    n = socket.getInputStream().read(buffer)) {
                answer.read(buffer, n);
            }
        } catch (SocketTimeoutException e) {
            throw new AssertionError("a replayed session is not ended", e);
        } catch (IOException e) {
            // Ended while some of it was under way.
        }
        if (answer.untilApplicationData() > 0) {
            throw new AssertionError("a replayed session was answered by data");
        }
    }

    // --- who reads nothing

    /**
     * An agent that reads no acknowledgement is waited for, longer than a silent one: what it leaves unread is bounded by what it may send. One
     * that makes the server answer more and more is left.
     */
    String unread(Random random) throws IOException, InterruptedException, ProtocolException {
        try (SteadySource steady = SteadySource.begin(server, another, random)) {
            leaveAcknowledgementsUnread();
            leaveErrorsUnread();
            auditAndResume();
            steady.finish();
        }
        return "agents that read nothing";
    }

    private RawAgent openWithUnreadStream() throws IOException, InterruptedException, ProtocolException {
        network.expect(null);
        RawAgent agent = replication.openSession(network.endpoint(server.endpoint()));
        agent.openNextEpoch();
        network.link(1).flow(Way.TO_AGENT).hold();
        return agent;
    }

    private void leaveAcknowledgementsUnread() throws IOException, InterruptedException, ProtocolException {
        change();
        try (RawAgent agent = openWithUnreadStream()) {
            replication.send(agent, () -> {});
            DirtySource.Piece zeros = replication.source().dirty().stream()
                    .filter(DirtySource.Piece::isZero)
                    .findFirst()
                    .orElseThrow();
            RawStream unread = agent.streams().getFirst();
            long endNanos = System.nanoTime() + UNREAD.toNanos();
            long pingedNanos = System.nanoTime() - PING_INTERVAL.toNanos();
            while (System.nanoTime() < endNanos) {
                if (System.nanoTime() - pingedNanos >= PING_INTERVAL.toNanos()) {
                    pingedNanos = System.nanoTime();
                    for (RawStream stream : agent.streams()) {
                        stream.connection().ping();
                    }
                }
                if (unread.hasRoom(zeros.volume(), zeros.windowBytes())) {
                    replication.send(agent, zeros);
                }
                requireUntroubled(agent);
            }
            if (agent.unacknowledgedBytes() == 0) {
                throw new AssertionError("acknowledgements came through a network that passes nothing on");
            }
            network.link(1).flow(Way.TO_AGENT).resume();
            agent.commit();
            for (RawStream stream : agent.streams()) {
                stream.awaitAllDurable();
            }
            agent.bye();
        }
        replication.assertIdentical();
    }

    private static void requireUntroubled(RawAgent agent) throws InterruptedException {
        RawConnection.Received told = agent.control().poll(UNREAD_INTERVAL);
        if (told != null) {
            throw new AssertionError("an agent reads no acknowledgements, and is told " + RawConnection.describe(told));
        }
        for (RawConnection connection : agent.connections()) {
            if (connection.isEnded()) {
                throw new AssertionError("an agent reads no acknowledgements, and is left: "
                        + connection.ended().join());
            }
        }
    }

    private void leaveErrorsUnread() throws IOException, InterruptedException, ProtocolException {
        long told = told(REASONS_TO_LEAVE);
        CompletableFuture<String> ended = new CompletableFuture<>();
        try (RawAgent agent = openWithUnreadStream()) {
            RawConnection data = agent.streams().getFirst().connection();
            ended = data.ended();
            long epochThatIsNotOpen = agent.openedEpoch() + 1;
            RawConnection other = agent.streams().getLast().connection();
            // Also where the server reads no further, so that sending blocks.
            data.ended().completeOnTimeout(NOT_LEFT, LEFT_WITHIN.toSeconds(), TimeUnit.SECONDS);
            data.ended().thenRun(() -> network.link(1).reset());
            long pingedNanos = System.nanoTime();
            while (!data.isEnded()) {
                long nowNanos = System.nanoTime();
                if (nowNanos - pingedNanos > PING_INTERVAL.toNanos()) {
                    pingedNanos = nowNanos;
                    other.ping();
                }
                data.fence(epochThatIsNotOpen);
            }
        } catch (IOException e) {
            // Ended while it sent.
        }
        if (NOT_LEFT.equals(ended.getNow(""))) {
            throw new AssertionError("not noticed: an agent that reads none of many answers");
        }
        awaitTold(told + 1, REASONS_TO_LEAVE);
    }

    /** No fault of the network may show a fault of the server's program. */
    void assertServerIsSound() throws IOException {
        if (!server.isAlive()) {
            throw new AssertionError("the server has ended by itself");
        }
        List<String> faults = server.logSinceStart()
                .lines()
                .filter(line ->
                        line.contains(" ERROR ") || line.contains("fault of this program") || line.contains("LEAK"))
                .toList();
        if (!faults.isEmpty()) {
            throw new AssertionError("the server told of " + faults.size() + " faults: " + faults.getFirst());
        }
    }

    @Override
    public void close() throws IOException {
        network.close();
        server.close();
    }
}
