package org.replicationserver.cert;

import java.nio.ByteBuffer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLException;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * A handshake of two engines of the JDK in memory, driven until neither has anything to say. No threads, no time.
 *
 * <p>In TLS 1.3 the client is done before the server has seen its certificate, so only this point shows the outcome.
 */
final class Handshake {
    private static final int STEPS_MAX = 1_000;

    private final Side client;
    private final Side server;

    private Handshake(Side client, Side server) {
        this.client = client;
        this.server = server;
    }

    static Handshake run(String protocol, SSLContext clientContext, SSLContext serverContext) throws SSLException {
        SSLEngine clientEngine = clientContext.createSSLEngine();
        clientEngine.setUseClientMode(true);
        SSLEngine serverEngine = serverContext.createSSLEngine();
        serverEngine.setUseClientMode(false);
        serverEngine.setNeedClientAuth(true);
        for (SSLEngine engine : new SSLEngine[] {clientEngine, serverEngine}) {
            engine.setEnabledProtocols(new String[] {protocol});
            engine.beginHandshake();
        }
        Handshake handshake = new Handshake(new Side(clientEngine), new Side(serverEngine));
        handshake.drive();
        return handshake;
    }

    static SSLContext context(@Nullable X509ExtendedKeyManager keys, X509ExtendedTrustManager trust) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(
                keys == null ? null : new X509ExtendedKeyManager[] {keys},
                new X509ExtendedTrustManager[] {trust},
                null);
        return context;
    }

    SSLEngine serverEngine() {
        return server.engine;
    }

    boolean isConnected() {
        return client.isConnected() && server.isConnected();
    }

    /** What the server's side ended with, or null. */
    @Nullable
    Throwable serverFailure() {
        return server.failure;
    }

    /** What the client's side ended with, or null. */
    @Nullable
    Throwable clientFailure() {
        return client.failure;
    }

    private void drive() {
        for (int step = 0; step < STEPS_MAX; step++) {
            boolean clientMoved = client.step(server);
            boolean serverMoved = server.step(client);
            if (!clientMoved && !serverMoved) {
                return;
            }
        }
        throw new AssertionError("the handshake does not come to an end");
    }

    private static final class Side {
        private final SSLEngine engine;
        private final ByteBuffer inbound = ByteBuffer.allocate(1 << 20).flip();
        private @Nullable Throwable failure;

        Side(SSLEngine engine) {
            this.engine = engine;
        }

        boolean isConnected() {
            return failure == null && engine.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING;
        }

        boolean step(Side peer) {
            try {
                return switch (engine.getHandshakeStatus()) {
                    case NEED_TASK -> runTasks();
                    case NEED_WRAP -> wrapTo(peer);
                    case NEED_UNWRAP, NEED_UNWRAP_AGAIN, NOT_HANDSHAKING, FINISHED -> unwrap();
                };
            } catch (SSLException e) {
                boolean first = failure == null;
                failure = first ? e : failure;
                return first;
            }
        }

        private boolean runTasks() {
            for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                task.run();
            }
            return true;
        }

        private boolean wrapTo(Side peer) throws SSLException {
            ByteBuffer packet = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
            engine.wrap(ByteBuffer.allocate(0), packet);
            packet.flip();
            boolean produced = packet.hasRemaining();
            peer.inbound.compact().put(packet).flip();
            return produced;
        }

        private boolean unwrap() throws SSLException {
            int before = inbound.remaining();
            if (before == 0) {
                return false;
            }
            engine.unwrap(inbound, ByteBuffer.allocate(engine.getSession().getApplicationBufferSize()));
            return inbound.remaining() < before;
        }
    }
}
