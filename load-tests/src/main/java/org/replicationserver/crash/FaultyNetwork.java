package org.replicationserver.crash;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.Endpoint;

/**
 * The network between agents and a server. It passes on what comes, until something befalls a connection: at a chosen place of it, or when it
 * is told so. Of TLS it knows no more than where records end. Any thread.
 */
final class FaultyNetwork implements AutoCloseable {
    private static final int CONNECT_TIMEOUT_MILLIS = 10_000;

    /** The less the kernel takes from a server, the sooner the server sees that nobody reads. */
    private static final int RECEIVE_BUFFER_BYTES = 64 * 1024;

    enum Way {
        TO_SERVER,
        TO_AGENT
    }

    enum Kind {
        /** Both ways end, and each side is told so as of an orderly end. */
        CUT,
        /** Both sides are told that the connection was reset; what is under way is lost. */
        RESET,
        /** From there on all is lost, and nobody is told. */
        SILENCE,
        /** One bit is changed. */
        FLIP,
        /** The record that ends there comes twice. */
        REPEAT,
        /** From there on a byte a second is passed on. */
        DRIBBLE
    }

    /**
     * A place in a flow.
     *
     * @param records that are passed on before it
     * @param bytes after the end of these records, or before it if negative
     */
    record Place(int records, long bytes) {}

    /**
     * Something that befalls a connection, once.
     *
     * @param connection its number
     * @param bit of the byte at the place, for {@link Kind#FLIP}
     */
    record Fault(Kind kind, int connection, Way way, Place place, int bit) {
        Fault(Kind kind, int connection, Way way, Place place) {
            this(kind, connection, way, place, 0);
        }
    }

    private final ServerSocket listener;
    private final InetSocketAddress server;
    private final Thread acceptor;

    // under the monitor
    private final List<Link> open = new ArrayList<>();
    private List<Link> links = new ArrayList<>();
    private @Nullable Fault expected;
    private boolean happened;

    private FaultyNetwork(ServerSocket listener, InetSocketAddress server) {
        this.listener = listener;
        this.server = server;
        this.acceptor = Thread.ofVirtual().name("faulty-network").start(this::accept);
    }

    static FaultyNetwork before(Endpoint server) throws IOException {
        return new FaultyNetwork(new ServerSocket(0, 0, InetAddress.getLoopbackAddress()), server.socketAddress());
    }

    /** Where agents find the server, in the place of its own endpoint. */
    Endpoint endpoint(Endpoint ofServer) {
        return new Endpoint(listener.getLocalPort(), ofServer.pin(), ofServer.splitsFrames());
    }

    /** From now on connections are numbered from 0, in the order in which they are opened, and this befalls one of them. */
    synchronized void expect(@Nullable Fault fault) {
        links = new ArrayList<>();
        expected = fault;
        happened = false;
    }

    /** Whether it did, since {@link #expect}. */
    synchronized boolean hasHappened() {
        return happened;
    }

    /** The connections since {@link #expect}. */
    synchronized List<Link> links() {
        return List.copyOf(links);
    }

    synchronized Link link(int number) {
        return links.get(number);
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                join(listener.accept());
            } catch (IOException e) {
                // Closed, or an agent that is gone already.
            }
        }
    }

    private void join(Socket agent) throws IOException {
        Socket to = new Socket();
        try {
            agent.setTcpNoDelay(true);
            to.setTcpNoDelay(true);
            to.setReceiveBufferSize(RECEIVE_BUFFER_BYTES);
            to.connect(server, CONNECT_TIMEOUT_MILLIS);
        } catch (IOException e) {
            agent.close();
            to.close();
            return;
        }
        Link link;
        synchronized (this) {
            Fault fault = expected != null && expected.connection() == links.size() ? expected : null;
            link = new Link(agent, to, fault);
            links.add(link);
            open.removeIf(Link::isOver);
            open.add(link);
        }
        link.start();
    }

    private synchronized void happened(Fault fault) {
        if (fault.equals(expected)) {
            happened = true;
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        List<Link> left;
        synchronized (this) {
            left = List.copyOf(open);
        }
        left.forEach(Link::end);
        acceptor.interrupt();
    }

    /** A connection: of an agent to here, and from here to the server. */
    final class Link {
        private final Socket agent;
        private final Socket to;
        private final FaultyFlow toServer;
        private final FaultyFlow toAgent;

        private Link(Socket agent, Socket to, @Nullable Fault fault) {
            this.agent = agent;
            this.to = to;
            this.toServer =
                    new FaultyFlow(this, agent, to, fault != null && fault.way() == Way.TO_SERVER ? fault : null);
            this.toAgent = new FaultyFlow(this, to, agent, fault != null && fault.way() == Way.TO_AGENT ? fault : null);
        }

        private void start() {
            Thread.ofVirtual().name("flow-to-server").start(toServer::run);
            Thread.ofVirtual().name("flow-to-agent").start(toAgent::run);
        }

        FaultyFlow flow(Way way) {
            return way == Way.TO_SERVER ? toServer : toAgent;
        }

        boolean isOver() {
            return toServer.hasEnded() && toAgent.hasEnded();
        }

        /** Who still sends is not heard, and may end in its own time. */
        void cut() {
            toServer.silence();
            toAgent.silence();
            shutDown(agent);
            shutDown(to);
        }

        static void shutDown(Socket socket) {
            try {
                socket.shutdownOutput();
            } catch (IOException e) {
                // It is over.
            }
        }

        void reset() {
            for (Socket socket : List.of(agent, to)) {
                try {
                    socket.setSoLinger(true, 0);
                } catch (IOException e) {
                    // It is closed.
                }
            }
            end();
        }

        private void end() {
            toServer.release();
            toAgent.release();
            for (Socket socket : List.of(agent, to)) {
                try {
                    socket.close();
                } catch (IOException e) {
                    // Then it is over as well.
                }
            }
        }

        void happened(Fault fault) {
            FaultyNetwork.this.happened(fault);
        }

        void flowEnded() {
            if (isOver()) {
                end();
            }
        }
    }
}
