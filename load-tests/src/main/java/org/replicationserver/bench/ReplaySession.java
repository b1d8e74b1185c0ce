package org.replicationserver.bench;

import io.netty.handler.ssl.SslContext;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * One initial sync of prepared frames: HELLO to the committed epoch, as an agent that remembers nothing. Confined to the sender's
 * event loop, except for {@link #run}.
 *
 * <p>CONNECTING → ATTACHING → SENDING → COMMITTED → closed; whatever else happens fails the session with one line.
 */
final class ReplaySession implements ReplayLink.Owner {
    /** What the sync is of and where it goes. */
    record Target(int port, String sourceServerId, String deviceName, SslContext tls) {}

    private enum State {
        CONNECTING,
        ATTACHING,
        SENDING,
        COMMITTED
    }

    private final TlsClient client;
    private final Target target;
    private final PreparedFrames frames;
    private final int streamsWanted;
    private final ControlLink control = new ControlLink();
    private final List<ReplayStream> streams = new ArrayList<>();
    private final SessionOutcome outcome = new SessionOutcome();
    private State state = State.CONNECTING;
    private int attachedCount;
    private long epoch;
    private long beginNanos;

    private ReplaySession(TlsClient client, Target target, PreparedFrames frames, int streamsWanted) {
        this.client = client;
        this.target = target;
        this.frames = frames;
        this.streamsWanted = streamsWanted;
    }

    /** Sends everything and waits for the commit; returns the seconds from EPOCH_OPEN to the committed EPOCH_STATUS. */
    static double run(TlsClient client, Target target, PreparedFrames frames, int streams, Duration timeout)
            throws RunException, InterruptedException {
        ReplaySession session = new ReplaySession(client, target, frames, streams);
        client.execute(() -> client.connect(target.port(), target.tls(), session.control, session::notConnected));
        try {
            return session.outcome.await(timeout);
        } catch (TimeoutException e) {
            throw new RunException("no commit within " + timeout.toSeconds() + " s; " + session.progress(client), e);
        } finally {
            client.execute(session::end);
        }
    }

    private String progress(TlsClient onLoop) throws InterruptedException {
        CompletableFuture<String> text = new CompletableFuture<>();
        onLoop.execute(() -> text.complete("state " + state + ", "
                + streams.stream().map(ReplayStream::progress).collect(Collectors.joining(", "))));
        try {
            return text.get(1, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            return "the sender does not answer";
        }
    }

    private void notConnected(Throwable cause) {
        fail("cannot connect to port " + target.port() + ": " + cause.getMessage());
    }

    // --- from the links

    @Override
    public void fail(String what) {
        outcome.failed("the sync failed: " + what);
    }

    /** With it the session. */
    @Override
    public void closed() {
        fail("the server closed a connection in state " + state);
        outcome.closed();
    }

    void attached() {
        attachedCount++;
        if (attachedCount == streams.size()) {
            state = State.SENDING;
            beginNanos = System.nanoTime();
            control.send(FrameType.EPOCH_OPEN, new EpochOpen(epoch, false, frames.diskBytes()));
        }
    }

    void fenced() {
        if (streams.stream().allMatch(stream -> stream.fenceSeq() != 0)) {
            List<Long> fences = streams.stream().map(ReplayStream::fenceSeq).toList();
            control.send(FrameType.EPOCH_COMMIT, new EpochCommit(epoch, fences, System.currentTimeMillis()));
        }
    }

    private void end() {
        control.end();
        streams.forEach(ReplayLink::end);
    }

    /** The control connection. */
    private final class ControlLink extends ReplayLink {
        ControlLink() {
            super(ReplaySession.this);
        }

        @Override
        void opened() {
            byte[] instance = new byte[16];
            ThreadLocalRandom.current().nextBytes(instance);
            Hello.Disk disk = new Hello.Disk(target.deviceName(), frames.diskBytes(), 512);
            send(
                    FrameType.HELLO,
                    new Hello(
                            List.of(ProtocolLimits.VERSION),
                            List.of(),
                            target.sourceServerId(),
                            HexFormat.of().formatHex(instance),
                            streamsWanted,
                            List.of(disk),
                            null));
        }

        @Override
        void received(FrameType type, ByteBuffer payload) throws ProtocolException {
            switch (type) {
                case WELCOME -> welcomed(Welcome.parse(JsonBody.parse(payload)));
                case EPOCH_STATUS -> epochStatus(EpochStatus.parse(JsonBody.parse(payload)));
                case PING -> ControlLink.this.send(writer.empty(FrameType.PONG));
                case PONG, PROGRESS -> {
                    // The server is alive; how long that may last is the caller's to say.
                }
                default -> fail("the server sent " + type + " in state " + state);
            }
        }

        private void welcomed(Welcome welcome) {
            Welcome.Volume volume = welcome.volumes().getFirst();
            if (state != State.CONNECTING || volume.action() != Welcome.Action.RESCAN) {
                fail("WELCOME says " + volume.action() + " " + volume.reason() + " in state " + state);
                return;
            }
            if (1L << welcome.regionShift() < PreparedFrames.BLOCK_BYTES) {
                fail("regionShift=" + welcome.regionShift() + " makes regions smaller than a block of the bench");
                return;
            }
            state = State.ATTACHING;
            epoch = volume.committedEpoch() + 1;
            List<List<PreparedFrames.Block>> blocks = byStream(welcome.streams(), welcome.regionShift());
            for (int i = 0; i < welcome.streams(); i++) {
                streams.add(new ReplayStream(ReplaySession.this, i, welcome.generation(), blocks.get(i)));
            }
            streams.forEach(
                    stream -> client.connect(target.port(), target.tls(), stream, ReplaySession.this::notConnected));
        }

        /** The stream of a block of volume 0, section 7 of the specification. */
        private List<List<PreparedFrames.Block>> byStream(int count, int regionShift) {
            List<List<PreparedFrames.Block>> blocks = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                blocks.add(new ArrayList<>());
            }
            for (PreparedFrames.Block block : frames.blocks()) {
                blocks.get((int) ((block.offsetBytes() >> regionShift) % count)).add(block);
            }
            return blocks;
        }

        private void epochStatus(EpochStatus status) {
            if (state != State.SENDING || status.epoch() != epoch) {
                fail("EPOCH_STATUS of epoch " + status.epoch() + " in state " + state);
            } else if (status.committed()) {
                state = State.COMMITTED;
                outcome.done((System.nanoTime() - beginNanos) / 1e9);
                send(FrameType.BYE, new Bye("done"));
            } else {
                streams.forEach(stream -> stream.begin(epoch));
            }
        }
    }
}
