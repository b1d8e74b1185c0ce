package org.replicationserver.bench;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * One comparison of a whole volume with prepared hashes, one offer after the other, in a session of its own. Confined to the sender's
 * event loop, except for {@link #run}.
 */
final class OfferSession implements ReplayLink.Owner {
    private final TlsClient client;
    private final ReplaySession.Target target;
    private final long diskBytes;
    private final List<HashOffer> offers;
    private final Control control = new Control();
    private final SessionOutcome outcome = new SessionOutcome();
    private int next;
    private long beginNanos;

    private OfferSession(TlsClient client, ReplaySession.Target target, long diskBytes, List<HashOffer> offers) {
        this.client = client;
        this.target = target;
        this.diskBytes = diskBytes;
        this.offers = offers;
    }

    /**
     * Offers everything and waits for the last answer; returns the seconds from the first offer on.
     *
     * @throws RunException also if a block differs
     */
    static double run(
            TlsClient client, ReplaySession.Target target, long diskBytes, List<HashOffer> offers, Duration timeout)
            throws RunException, InterruptedException {
        OfferSession session = new OfferSession(client, target, diskBytes, offers);
        client.execute(() -> client.connect(target.port(), target.tls(), session.control, session::notConnected));
        try {
            return session.outcome.await(timeout);
        } catch (TimeoutException e) {
            throw new RunException("no answer to all offers within " + timeout.toSeconds() + " s", e);
        } finally {
            client.execute(session.control::end);
        }
    }

    private void notConnected(Throwable cause) {
        fail("cannot connect to port " + target.port() + ": " + cause.getMessage());
    }

    @Override
    public void fail(String what) {
        outcome.failed("the comparison failed: " + what);
    }

    @Override
    public void closed() {
        fail("the server closed a connection after " + next + " of " + offers.size() + " offers");
        outcome.closed();
    }

    private final class Control extends ReplayLink {
        Control() {
            super(OfferSession.this);
        }

        @Override
        void opened() {
            byte[] instance = new byte[16];
            ThreadLocalRandom.current().nextBytes(instance);
            send(
                    FrameType.HELLO,
                    new Hello(
                            List.of(ProtocolLimits.VERSION),
                            List.of(Features.HASH_OFFER),
                            target.sourceServerId(),
                            HexFormat.of().formatHex(instance),
                            1,
                            List.of(new Hello.Disk(target.deviceName(), diskBytes, 512)),
                            null));
        }

        @Override
        void received(FrameType type, ByteBuffer payload) throws ProtocolException {
            switch (type) {
                case WELCOME -> {
                    Welcome welcome = Welcome.parse(JsonBody.parse(payload));
                    client.connect(
                            target.port(),
                            target.tls(),
                            new Stream(welcome.generation()),
                            OfferSession.this::notConnected);
                }
                case HASH_DIFF -> answered(HashDiff.read(payload));
                case PING -> Control.this.send(writer.empty(FrameType.PONG));
                case PONG, PROGRESS -> {
                    // The server is alive; how long that may last is the caller's to say.
                }
                default -> fail("the server sent " + type);
            }
        }

        private void answered(HashDiff diff) {
            if (!diff.differing().isEmpty()) {
                fail(diff.differing().cardinality() + " blocks differ of " + diff.range());
            } else if (next < offers.size()) {
                offerNext();
            } else {
                outcome.done((System.nanoTime() - beginNanos) / 1e9);
                send(FrameType.BYE, new Bye("done"));
            }
        }

        private void begin() {
            beginNanos = System.nanoTime();
            offerNext();
        }

        private void offerNext() {
            Control.this.send(writer.offer(offers.get(next++)));
        }
    }

    /** A session without it is ended. */
    private final class Stream extends ReplayLink {
        private final long generation;

        Stream(long generation) {
            super(OfferSession.this);
            this.generation = generation;
        }

        @Override
        void opened() {
            send(FrameType.ATTACH, new Attach(generation, 0));
        }

        @Override
        void received(FrameType type, ByteBuffer payload) {
            if (type == FrameType.ATTACHED) {
                control.begin();
            }
        }
    }
}
