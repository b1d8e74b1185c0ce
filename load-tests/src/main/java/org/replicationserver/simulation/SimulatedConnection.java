package org.replicationserver.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentLink;
import org.replicationserver.agent.FrameBuffer;
import org.replicationserver.agent.LinkFailure;
import org.replicationserver.agent.LinkTransport;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.SourceThrottle;
import org.replicationserver.receiver.session.Transport;

/** A TLS connection between an agent and a server: no byte is changed, but it may be cut or fall silent at any moment. */
final class SimulatedConnection {
    private static final int TO_SERVER_BYTES_MAX = 512 * 1024;
    private static final int TO_AGENT_BYTES_MAX = 64 * 1024;
    private static final int TYPE_AT = 4;
    private static final long LINGER_NANOS = 1_000_000_000L;
    private static final long NOTICE_MILLIS_MAX = 200;

    /** Half a minute, and how often it is looked at. */
    private static final long NOTICE_NANOS_MAX = TimeUnit.SECONDS.toNanos(35);

    private final AgentLink link;
    private final SimulatedProcess agent;
    private final SimulatedProcess server;
    private final ReplicatedSource source;
    private final FrameWatch watch;
    private final VirtualTime time;
    private final Pipe toServer;
    private final Pipe toAgent;
    private final Dice dice;
    private final AgentEnd agentEnd = new AgentEnd();
    private final ServerEnd serverEnd = new ServerEnd();

    SimulatedConnection(
            AgentLink link, SimulatedProcess agent, SimulatedServer server, ReplicatedSource source, Dice dice) {
        this.link = link;
        this.agent = agent;
        this.server = server.process();
        this.source = source;
        this.time = source.time();
        this.watch = new FrameWatch(source.model(), server.site(source));
        this.toServer = new Pipe(time, dice);
        this.toAgent = new Pipe(time, dice);
        this.dice = dice;
    }

    Transport serverTransport() {
        return serverEnd;
    }

    /** The handshake is over on both sides. */
    void open(AgentConnection connection) {
        serverEnd.connection = connection;
        link.opened(agentEnd);
    }

    boolean isOver() {
        return (agentEnd.ended || !agent.isAlive()) && (serverEnd.closed || !server.isAlive());
    }

    // --- faults

    /** What is under way is lost, and both sides are told soon, one after the other. */
    void cut() {
        toServer.cut();
        toAgent.cut();
        agent.later(dice.millisUpTo(NOTICE_MILLIS_MAX), () -> agentEnd.lost("connection reset"));
        server.later(dice.millisUpTo(NOTICE_MILLIS_MAX), () -> serverEnd.broke("connection reset"));
    }

    /** Nobody is told; who hears nothing any more must find out by itself. */
    void fallSilent(boolean forServer, boolean forAgent) {
        if (forServer && toServer.fallSilent()) {
            time.later(NOTICE_NANOS_MAX, this::checkThatServerNoticed);
        }
        if (forAgent && toAgent.fallSilent()) {
            long sinceNanos = time.nanos();
            time.later(NOTICE_NANOS_MAX, () -> checkThatAgentNoticed(sinceNanos));
        }
    }

    private void checkThatServerNoticed() {
        if (server.isAlive() && !serverEnd.ended && serverEnd.isReading()) {
            throw new Violation("I12", "a server hears nothing on a connection and keeps it");
        }
    }

    private void checkThatAgentNoticed(long sinceNanos) {
        if (agent.isAlive() && !agentEnd.ended && !agent.hasStoodStillSince(sinceNanos)) {
            throw new Violation("I12", "an agent hears nothing on a connection and keeps it");
        }
    }

    private final class AgentEnd implements LinkTransport {
        private final List<byte[]> unsent = new ArrayList<>();
        private boolean ended;
        private boolean full;

        @Override
        public void write(ByteBuffer frame) {
            byte[] bytes = new byte[frame.remaining()];
            frame.get(frame.position(), bytes);
            unsent.add(bytes);
        }

        @Override
        public void write(FrameBuffer frame) {
            write(frame.bytes());
            frame.release();
        }

        @Override
        public void flush() {
            for (byte[] bytes : unsent) {
                byte[] arriving = flipped(bytes);
                watch.sentByAgent(bytes, arriving);
                toServer.send(arriving, serverEnd::arrived);
            }
            unsent.clear();
            full = !isWritable();
        }

        /** Blocks are checked end to end, whatever TLS does; other frames rely on it. */
        private byte[] flipped(byte[] frame) {
            if (frame[TYPE_AT] != FrameType.DATA.code()
                    || !dice.percent(source.faults().flips())) {
                return frame;
            }
            byte[] wrong = frame.clone();
            int at = dice.percent(50) ? dice.below(FrameHeader.BLOCK_BYTES) : dice.below(wrong.length);
            wrong[at] ^= (byte) (1 << dice.below(8));
            return wrong;
        }

        private void taken(int bytes) {
            toServer.taken(bytes);
            if (full && isWritable() && !ended) {
                full = false;
                agent.run(() -> {
                    if (!ended) {
                        link.writable();
                    }
                });
            }
        }

        @Override
        public boolean isWritable() {
            return toServer.bytesUnderWay() < TO_SERVER_BYTES_MAX;
        }

        @Override
        public boolean isDrained() {
            return isWritable();
        }

        @Override
        public void end() {
            flush();
            ended = true;
            toServer.arrive(serverEnd::closedByPeer);
        }

        private void arrived(byte[] bytes) {
            agent.run(() -> {
                toAgent.taken(bytes.length);
                if (!ended) {
                    link.received(ByteBuffer.wrap(bytes));
                }
                serverEnd.drained();
            });
        }

        private void lost(String text) {
            if (!ended) {
                ended = true;
                link.closed(LinkFailure.lost(text));
            }
        }
    }

    private final class ServerEnd implements Transport {
        private final ArrayDeque<ByteBuffer> waiting = new ArrayDeque<>();
        private @Nullable AgentConnection connection;
        private boolean paused;
        private boolean ended;
        private boolean closed;
        private boolean full;

        // --- from the network

        private void arrived(byte[] bytes) {
            if (!server.isAlive() || ended) {
                agentEnd.taken(bytes.length);
                return;
            }
            ByteBuffer input = ByteBuffer.wrap(bytes);
            if (paused) {
                waiting.add(input);
            } else {
                read(input);
            }
        }

        private void read(ByteBuffer input) {
            if (!opened().received(input) && !ended) {
                waiting.addFirst(input);
                paused = true;
            } else {
                agentEnd.taken(input.capacity());
                watch.takenByServer(input.capacity());
            }
        }

        private AgentConnection opened() {
            AgentConnection open = connection;
            if (open == null) {
                throw new IllegalStateException("not open");
            }
            return open;
        }

        private void closedByPeer() {
            if (!server.isAlive()) {
                return;
            }
            ended = true;
            close();
            toAgent.arrive(() -> agentClosed("closed by the server"));
        }

        private void broke(String cause) {
            if (!closed) {
                ended = true;
                opened().broke(cause);
                close();
            }
        }

        private void close() {
            if (!closed) {
                closed = true;
                waiting.clear();
                opened().closed();
            }
        }

        private void drained() {
            if (full && isWritable() && !ended && server.isAlive()) {
                full = false;
                opened().writable();
            }
        }

        // --- from the session

        @Override
        public void write(ByteBuffer frame) {
            byte[] bytes = new byte[frame.remaining()];
            frame.get(frame.position(), bytes);
            watch.sentByServer(bytes);
            toAgent.send(bytes, agentEnd::arrived);
            full = !isWritable();
        }

        @Override
        public boolean isWritable() {
            return toAgent.bytesUnderWay() < TO_AGENT_BYTES_MAX;
        }

        @Override
        public boolean isReading() {
            return !paused;
        }

        @Override
        public void resumeReading() {
            if (!paused || ended) {
                return;
            }
            paused = false;
            while (!paused && !waiting.isEmpty()) {
                read(waiting.remove());
            }
        }

        @Override
        public void throttle(SourceThrottle throttle) {} // it has tests of its own

        @Override
        public void end() {
            if (!ended) {
                ended = true;
                waiting.clear();
                watch.closedByServer();
                toAgent.arrive(() -> agentClosed("closed by the server"));
                server.later(LINGER_NANOS, this::close);
            }
        }

        @Override
        public String remoteAddress() {
            return "192.0.2.1:50000";
        }
    }

    private void agentClosed(String text) {
        agent.run(() -> agentEnd.lost(text));
    }

    /** A process, perhaps of this connection, is gone: the kernel of a machine that is still there says so, that of one without power does not. */
    void processIsGone(SimulatedProcess process, boolean silently) {
        if (agent != process && server != process) {
            return;
        }
        if (silently) {
            fallSilent(true, true);
        } else {
            cut();
        }
    }
}
