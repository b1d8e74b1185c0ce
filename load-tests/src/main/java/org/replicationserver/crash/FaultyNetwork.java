package org.replicationserver.crash;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.Endpoint;

/**
 * The network between agents and a server. It passes on what comes, until something befalls a connection: at a chosen place of it, or when it
 * is told so. Of TLS it knows no more than where records end. Any thread.
 */
final class FaultyNetwork implements AutoCloseable {
    private static final int CONNECT_TIMEOUT_MILLIS = 10_000;
    private static final int READ_BYTES = 64 * 1024;

    /** The less the kernel takes from a server, the sooner the server sees that nobody reads. */
    private static final int RECEIVE_BUFFER_BYTES = 64 * 1024;

    /** What is kept of a flow, for who wants to see it or to send it again. */
    private static final int RECORDED_BYTES_MAX = 4 << 20;

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
        private final Flow toServer;
        private final Flow toAgent;

        private Link(Socket agent, Socket to, @Nullable Fault fault) {
            this.agent = agent;
            this.to = to;
            this.toServer = new Flow(this, agent, to, fault != null && fault.way() == Way.TO_SERVER ? fault : null);
            this.toAgent = new Flow(this, to, agent, fault != null && fault.way() == Way.TO_AGENT ? fault : null);
        }

        private void start() {
            Thread.ofVirtual().name("flow-to-server").start(toServer::run);
            Thread.ofVirtual().name("flow-to-agent").start(toAgent::run);
        }

        Flow flow(Way way) {
            return way == Way.TO_SERVER ? toServer : toAgent;
        }

        boolean isOver() {
            return toServer.hasEnded() && toAgent.hasEnded();
        }

        /** Who still sends is not heard, and may end in its own time. */
        private void cut() {
            toServer.silence();
            toAgent.silence();
            shutDown(agent);
            shutDown(to);
        }

        private static void shutDown(Socket socket) {
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

        private void flowEnded() {
            if (isOver()) {
                end();
            }
        }
    }

    private enum Pace {
        PASSING,
        /** A byte a second. */
        DRIBBLING,
        /** Nothing is read any more. */
        HELD,
        /** What comes is thrown away. */
        SILENT
    }

    /** One way of a connection. A thread of its own passes bytes on. */
    final class Flow {
        private final Link link;
        private final Socket from;
        private final Socket to;
        private final CountDownLatch released = new CountDownLatch(1);
        private volatile Pace pace = Pace.PASSING;
        private volatile long endedNanos;
        private volatile boolean ended;

        // its thread only
        private long passedBytes;

        // under the monitor
        private final ByteArrayOutputStream recorded = new ByteArrayOutputStream();
        private final TlsRecords records = new TlsRecords();
        private @Nullable Fault fault;

        private Flow(Link link, Socket from, Socket to, @Nullable Fault fault) {
            this.link = link;
            this.from = from;
            this.to = to;
            this.fault = fault;
        }

        // --- what is told it

        void silence() {
            pace = Pace.SILENT;
        }

        void dribble() {
            pace = Pace.DRIBBLING;
        }

        /** Reads no more, until {@link #resume}: the sender can send no more than the sockets hold. */
        synchronized void hold() {
            pace = Pace.HELD;
        }

        synchronized void resume() {
            pace = Pace.PASSING;
            notifyAll();
        }

        private void release() {
            released.countDown();
            synchronized (this) {
                notifyAll();
            }
        }

        // --- what it tells

        /** Whether its sender has ended the connection. */
        boolean hasEnded() {
            return ended;
        }

        /** When its sender ended the connection, on the clock of {@link System#nanoTime}. */
        long endedNanos() {
            return endedNanos;
        }

        /** The first few MiB of what was passed on. */
        synchronized byte[] recorded() {
            return recorded.toByteArray();
        }

        /** Records that were passed on up to the newest with application data. */
        synchronized int recordsOfSession() {
            return records.untilApplicationData();
        }

        /** Bytes of these records. */
        synchronized long bytesOfSession() {
            return records.endOf(records.untilApplicationData());
        }

        /** Where a byte is that was passed on. */
        synchronized Place placeOf(long at) {
            return records.placeOf(at);
        }

        // --- the thread

        private void run() {
            byte[] buffer = new byte[READ_BYTES];
            try {
                InputStream in = from.getInputStream();
                pass(buffer, 0);
                while (true) {
                    awaitRoom();
                    int n = in.read(buffer);
                    if (n < 0) {
                        break;
                    }
                    awaitRoom();
                    pass(buffer, n);
                }
                ended();
                if (pace != Pace.SILENT) {
                    Link.shutDown(to);
                }
            } catch (IOException e) {
                ended();
                if (pace != Pace.SILENT) {
                    link.reset();
                }
            } catch (InterruptedException e) {
                ended();
            }
            link.flowEnded();
        }

        private void ended() {
            endedNanos = System.nanoTime();
            ended = true;
        }

        private synchronized void awaitRoom() throws InterruptedException {
            while (pace == Pace.HELD && released.getCount() > 0) {
                wait();
            }
        }

        /** Passes bytes on, and does at its place what is to happen. */
        private void pass(byte[] buffer, int n) throws IOException, InterruptedException {
            int done = 0;
            Fault due;
            long at;
            synchronized (this) {
                records.read(buffer, n);
                due = fault;
                at = due == null ? -1 : records.byteAt(due.place());
            }
            if (due != null && at >= 0 && at - passedBytes <= (due.kind() == Kind.FLIP ? n - 1 : n)) {
                done = (int) Math.max(0, at - passedBytes);
                write(buffer, 0, done);
                synchronized (this) {
                    fault = null;
                }
                happen(due, buffer, done);
            }
            write(buffer, done, n - done);
        }

        private void happen(Fault due, byte[] buffer, int at) throws IOException, InterruptedException {
            happened(due);
            switch (due.kind()) {
                case CUT -> link.cut();
                case RESET -> link.reset();
                case SILENCE -> silence();
                case DRIBBLE -> dribble();
                case FLIP -> buffer[at] ^= (byte) (1 << due.bit());
                case REPEAT -> {
                    byte[] again;
                    synchronized (this) {
                        again = records.last(recorded.toByteArray(), due.place().records());
                    }
                    to.getOutputStream().write(again);
                }
            }
        }

        private void write(byte[] buffer, int offset, int length) throws IOException, InterruptedException {
            if (length == 0) {
                return;
            }
            passedBytes += length;
            synchronized (this) {
                if (recorded.size() + length <= RECORDED_BYTES_MAX) {
                    recorded.write(buffer, offset, length);
                }
            }
            try {
                switch (pace) {
                    case SILENT -> {}
                    case DRIBBLING -> {
                        for (int i = 0; i < length && !released.await(1, TimeUnit.SECONDS); i++) {
                            to.getOutputStream().write(buffer, offset + i, 1);
                        }
                    }
                    case PASSING, HELD -> to.getOutputStream().write(buffer, offset, length);
                }
            } catch (IOException e) {
                if (pace != Pace.SILENT) {
                    throw e;
                }
            }
        }
    }
}
