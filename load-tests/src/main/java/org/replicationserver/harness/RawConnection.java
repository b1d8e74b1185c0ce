package org.replicationserver.harness;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.PinnedTrustManager;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.Body;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameReader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * One connection of a test's agent over real TLS. The test's threads send, a thread of the connection receives: it answers PING,
 * hands acknowledgements to the stream and keeps the other frames for {@link #await}.
 */
public final class RawConnection implements AutoCloseable {
    public static final Duration PATIENCE = Duration.ofSeconds(30);

    static {
        // Servers of this process rely on it, and it must be before the first TLS context, which may be ours.
        TlsEngine.forbidResumptionAndRenegotiation();
    }

    /** A frame that came. */
    public record Received(FrameType type, ByteBuffer payload) {
        public JsonBody json() throws ProtocolException {
            return JsonBody.parse(payload.duplicate());
        }
    }

    /** Takes the payload of a DURABLE_ACK, on the receiving thread. */
    public interface AckListener {
        void acknowledged(ByteBuffer payload) throws ProtocolException;
    }

    /** Counts what goes over the wire, TLS included. */
    private static final class CountingSocket extends Socket {
        final AtomicLong sentBytes = new AtomicLong();

        @Override
        public OutputStream getOutputStream() throws IOException {
            return new FilterOutputStream(super.getOutputStream()) {
                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    out.write(bytes, offset, length);
                    sentBytes.addAndGet(length);
                }
            };
        }
    }

    private final CountingSocket wire;
    private final SSLSocket socket;
    private final boolean splitsFrames;
    private final OutputStream out;
    private final FrameWriter writer = new FrameWriter();
    private final BlockingQueue<Received> inbox = new LinkedBlockingQueue<>();
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private final AtomicLong pongs = new AtomicLong();
    private volatile @Nullable AckListener acks;

    private RawConnection(CountingSocket wire, SSLSocket socket, boolean splitsFrames) throws IOException {
        this.wire = wire;
        this.socket = socket;
        this.splitsFrames = splitsFrames;
        this.out = socket.getOutputStream();
        ended.thenRun(() -> inbox.add(new Received(FrameType.BYE, ByteBuffer.allocate(0))));
        Thread.ofPlatform().daemon().name("raw-agent-" + socket.getLocalPort()).start(this::receive);
    }

    /** Connects and shakes hands; nothing is sent yet. */
    public static RawConnection open(Endpoint endpoint, AgentKey key) throws IOException {
        CountingSocket socketBelow = new CountingSocket();
        try {
            socketBelow.connect(endpoint.socketAddress(), (int) PATIENCE.toMillis());
            socketBelow.setTcpNoDelay(true);
            SSLSocket socket = (SSLSocket) context(endpoint, key)
                    .getSocketFactory()
                    .createSocket(
                            socketBelow,
                            endpoint.socketAddress().getHostString(),
                            endpoint.socketAddress().getPort(),
                            true);
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setApplicationProtocols(new String[] {ProtocolLimits.ALPN});
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            return new RawConnection(socketBelow, socket, endpoint.splitsFrames());
        } catch (IOException e) {
            socketBelow.close();
            throw e;
        }
    }

    private static SSLContext context(Endpoint endpoint, AgentKey key) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(
                    new KeyManager[] {key.identity().keyManager()},
                    new TrustManager[] {
                        PinnedTrustManager.forAgent(
                                () -> Set.of(endpoint.pin()), Clock.systemUTC(), RawConnection::ignore)
                    },
                    null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static void ignore(Object refusal) {}

    /** Bytes that were handed to the socket, TLS included. */
    public long wireBytesSent() {
        return wire.sentBytes.get();
    }

    public int localPort() {
        return socket.getLocalPort();
    }

    public void listen(AckListener listener) {
        acks = listener;
    }

    // --- sending

    /** What a test sends that the writer has encoded, or that it has made up. */
    public synchronized void sendRaw(ByteBuffer bytes) throws IOException {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        if (splitsFrames && copy.length > 2) {
            out.write(copy, 0, 1);
            out.write(copy, 1, copy.length - 2);
            out.write(copy, copy.length - 1, 1);
        } else {
            out.write(copy);
        }
    }

    public synchronized void send(FrameType type, Body body) throws IOException {
        sendRaw(writer.json(type, body));
    }

    public synchronized void ping() throws IOException {
        sendRaw(writer.empty(FrameType.PING));
    }

    /** How many PONG came. */
    public long pongs() {
        return pongs.get();
    }

    public synchronized long fence(long epoch) throws IOException {
        sendRaw(writer.fence(epoch));
        return writer.lastSeq();
    }

    /** The header and then the payload of a DATA frame, which a test may cut. */
    public synchronized long data(BlockFrame frame) throws IOException {
        ByteBuffer bytes = frame.encode(writer);
        sendRaw(bytes);
        return writer.lastSeq();
    }

    public synchronized long zero(int volume, boolean mayDeallocate, long offsetBytes, long zeroBytes, long epoch)
            throws IOException {
        ByteBuffer header = ByteBuffer.allocate(FrameHeader.BLOCK_BYTES);
        long seq = writer.zero(header, volume, mayDeallocate, offsetBytes, zeroBytes, epoch);
        sendRaw(header.flip());
        return seq;
    }

    /** A DATA frame, for who sends it in pieces; it is the next that must be sent. */
    public synchronized ByteBuffer encode(BlockFrame frame) {
        return frame.encode(writer);
    }

    /** The beginning of a DATA frame whose rest never comes. */
    public synchronized void partOfData(BlockFrame frame, int bytes) throws IOException {
        ByteBuffer whole = frame.encode(writer);
        sendRaw(whole.limit(Math.min(bytes, whole.limit())));
    }

    // --- receiving

    private void receive() {
        FrameReader reader = new FrameReader(new Receiver());
        byte[] buffer = new byte[1 << 16];
        try {
            while (true) {
                int n = socket.getInputStream().read(buffer);
                if (n < 0) {
                    ended.complete("end of stream");
                    return;
                }
                reader.read(ByteBuffer.wrap(buffer, 0, n));
            }
        } catch (IOException e) {
            ended.complete(String.valueOf(e.getMessage()));
        } catch (ProtocolException | RuntimeException e) {
            ended.completeExceptionally(e);
        }
    }

    private final class Receiver implements FrameReader.Handler {
        @Override
        public FrameReader.Admission admit(FrameHeader header) {
            return FrameReader.Admission.TAKE;
        }

        @Override
        public ByteBuffer blockBuffer(FrameHeader header) {
            throw new IllegalStateException("a server sends no blocks");
        }

        @Override
        public void frame(FrameHeader header, ByteBuffer payload) throws ProtocolException {
            FrameType type = header.type();
            AckListener listener = acks;
            if (type == FrameType.PING) {
                pong();
            } else if (type == FrameType.DURABLE_ACK && listener != null) {
                listener.acknowledged(payload);
            } else if (type == FrameType.PONG) {
                pongs.incrementAndGet();
            } else if (type != null) {
                inbox.add(new Received(
                        type,
                        ByteBuffer.allocate(payload.remaining()).put(payload).flip()));
            }
        }

        @Override
        public void skipped(FrameHeader header) {}
    }

    private void pong() {
        try {
            synchronized (this) {
                sendRaw(writer.empty(FrameType.PONG));
            }
        } catch (IOException e) {
            ended.complete(String.valueOf(e.getMessage()));
        }
    }

    /** The next frame, or null if none came in time or the connection has ended. */
    @Nullable
    public Received poll(Duration timeout) throws InterruptedException {
        Received received = inbox.poll(timeout.toMillis(), TimeUnit.MILLISECONDS);
        return received == null || received.type() == FrameType.BYE ? null : received;
    }

    /** The next frame, which must be of this type. */
    public Received await(FrameType type) throws IOException, InterruptedException {
        return await(type, type);
    }

    /** The next frame of this type; frames of the other type before it are passed over. */
    public Received await(FrameType type, FrameType passedOver) throws IOException, InterruptedException {
        while (true) {
            Received received = poll(PATIENCE);
            if (received == null) {
                throw new IOException(type + " did not come: " + ended.getNow("nothing came"));
            }
            if (received.type() == type) {
                return received;
            }
            if (received.type() != passedOver) {
                throw new IOException(type + " did not come, but " + describe(received));
            }
        }
    }

    /** Waits for an ERROR, which must have this code. */
    public ErrorBody awaitError(ErrorCode code) throws IOException, InterruptedException, ProtocolException {
        ErrorBody error =
                ErrorBody.parse(await(FrameType.ERROR, FrameType.PROGRESS).json());
        if (error.code() != code.code()) {
            throw new AssertionError(code + " expected, came " + error);
        }
        return error;
    }

    public static String describe(Received received) {
        try {
            return received.type() + " " + received.json();
        } catch (ProtocolException e) {
            return received.type().name();
        }
    }

    public boolean isEnded() {
        return ended.isDone();
    }

    /** Completes with the reason when the server has closed or the connection broke. */
    public CompletableFuture<String> ended() {
        return ended;
    }

    /** Cuts the connection without a word: what is under way is lost, the server sees a reset. */
    public void cut() throws IOException {
        wire.setSoLinger(true, 0);
        ended.complete("cut by the test");
        wire.close();
    }

    @Override
    public void close() throws IOException {
        ended.complete("closed by the test");
        socket.close();
    }
}
