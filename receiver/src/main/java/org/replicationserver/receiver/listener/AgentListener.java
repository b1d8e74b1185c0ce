package org.replicationserver.receiver.listener;

import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.socket.nio.NioChannelOption;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.ClientAuth;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.ServerSSLOptions;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.net.TrustOptions;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.BindException;
import java.net.SocketException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import jdk.net.ExtendedSocketOptions;
import org.replicationserver.cert.PeerIdentity;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.AgentConnection;
import org.replicationserver.receiver.session.PayloadMemory;
import org.replicationserver.receiver.session.Sessions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens on port 1500 and hands each authenticated connection to the sessions. Confined to the event loop on which it was started,
 * which serves all connections.
 */
public final class AgentListener {
    private static final Logger LOG = LoggerFactory.getLogger(AgentListener.class);
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final String ANY_IPV6 = "::";
    private static final String ANY_IPV4 = "0.0.0.0";

    /** ECDHE and AEAD only; the names of TLS 1.2 and 1.3. */
    private static final List<String> CIPHER_SUITES = List.of(
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384");

    /** A dead peer is found by keep-alive after 15 + 3 × 5 s, also where it is owed nothing. */
    private static final int KEEP_ALIVE_IDLE_SECONDS = 15;

    private static final int KEEP_ALIVE_INTERVAL_SECONDS = 5;
    private static final int KEEP_ALIVE_PROBES = 3;

    private final ListenerSettings settings;
    private final X509ExtendedKeyManager keys;
    private final X509ExtendedTrustManager trust;
    private final PeerIdentity identities;
    private final Sessions sessions;
    private final ListenerEvents events;
    private final NetServer server;
    private volatile long eventLoopThread;

    public AgentListener(
            Vertx vertx,
            ListenerSettings settings,
            X509ExtendedKeyManager keys,
            X509ExtendedTrustManager trust,
            PeerIdentity identities,
            Sessions sessions,
            ListenerEvents events) {
        this.settings = settings;
        this.keys = keys;
        this.trust = trust;
        this.identities = identities;
        this.sessions = sessions;
        this.events = events;
        this.server = vertx.createNetServer(options());
        server.connectHandler(this::connected);
        server.exceptionHandler(this::handshakeFailed);
    }

    /**
     * The memory that sessions use for payloads on this listener's connections. Pooled: Netty's default, the adaptive allocator, takes
     * large buffers from the operating system one by one and fills each with zeros.
     */
    public static PayloadMemory payloadMemory() {
        return new NettyPayloadMemory(PooledByteBufAllocator.DEFAULT);
    }

    private NetServerOptions options() {
        NetServerOptions options = new NetServerOptions()
                .setTcpNoDelay(true)
                .setTcpKeepAlive(true)
                .setAcceptBacklog(settings.backlog())
                .setReceiveBufferSize(settings.receiveBufferBytes())
                .setSsl(true)
                .setUseAlpn(true)
                .setSslEngineOptions(settings.engine().toOptions())
                .setKeyCertOptions(KeyCertOptions.wrap(keys))
                .setTrustOptions(TrustOptions.wrap(trustManager()))
                .setClientAuth(ClientAuth.REQUIRED)
                .setEnabledSecureTransportProtocols(settings.protocols())
                .setSslHandshakeTimeout(settings.handshakeTimeout().toMillis())
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS);
        CIPHER_SUITES.stream().filter(this::isOfEnabledProtocol).forEach(options::addEnabledCipherSuite);
        ServerSSLOptions ssl = options.getSslOptions();
        ssl.setApplicationLayerProtocols(List.of(ProtocolLimits.ALPN));
        return options;
    }

    private boolean isOfEnabledProtocol(String cipherSuite) {
        return settings.protocols().contains(cipherSuite.contains("_WITH_") ? "TLSv1.2" : "TLSv1.3");
    }

    private X509ExtendedTrustManager trustManager() {
        return settings.engine().resolve() == TlsEngine.OPENSSL ? new AlertingTrustManager(trust) : trust;
    }

    /** Begins to listen; completes with the port. Falls back to IPv4 where the machine has no IPv6. */
    public Future<Integer> listen() {
        eventLoopThread = Thread.currentThread().threadId();
        return server.listen(settings.port(), settings.address())
                .recover(failure -> {
                    // An address in use is a BindException; a missing family is its parent or an unsupported address.
                    boolean inUse = failure instanceof BindException;
                    if (!settings.address().equals(ANY_IPV6) || inUse) {
                        return Future.failedFuture(failure);
                    }
                    LOG.atInfo()
                            .addKeyValue("address", ANY_IPV4)
                            .log("IPv6 is off on this machine, listening on IPv4 only");
                    return server.listen(settings.port(), ANY_IPV4);
                })
                .map(NetServer::actualPort);
    }

    /**
     * Processor time of the event loop's thread since it began: TLS, frames and sessions of all source servers. Any thread, a few times a
     * second. 0 before {@link #listen}, and where the machine does not tell.
     */
    public long eventLoopCpuNanos() {
        long thread = eventLoopThread;
        boolean told = thread != 0 && THREADS.isThreadCpuTimeSupported() && THREADS.isThreadCpuTimeEnabled();
        return told ? Math.max(0, THREADS.getThreadCpuTime(thread)) : 0;
    }

    /** Accepts no more; connections that are open stay. */
    public Future<Void> close() {
        return server.close();
    }

    private void connected(NetSocket socket) {
        NetSocketInternal internal = (NetSocketInternal) socket;
        String remoteAddress = addressOf(socket.remoteAddress());
        SSLSession tls = socket.sslSession();
        if (tls == null) {
            // The peer was gone before its handshake was looked at.
            events.probed();
            return;
        }
        // A session that could be resumed would skip the check of the pin.
        tls.invalidate();
        if (!ProtocolLimits.ALPN.equals(socket.applicationLayerProtocol())) {
            events.wrongProtocol(remoteAddress);
            socket.close();
            return;
        }
        Optional<X509Certificate> certificate = certificateOf(socket);
        Optional<String> sourceServerId = certificate.flatMap(identities::sourceServerOf);
        ChannelHandlerContext vertxHandler = internal.channelHandlerContext();
        ChannelPipeline pipeline = vertxHandler.pipeline();
        AgentSocket transport = new AgentSocket(remoteAddress, ContextInternal.current());
        pipeline.addBefore(vertxHandler.name(), "agent-socket", transport);
        AgentConnection connection = sourceServerId
                .map(id -> sessions.accept(
                        transport, id, Pin.of(certificate.orElseThrow()).toString()))
                .orElse(null);
        if (connection == null) {
            events.notAssigned(remoteAddress);
            socket.close();
            return;
        }
        events.accepted(sourceServerId.get(), remoteAddress);
        setKeepAliveTimes(pipeline);
        transport.open(connection);
    }

    private static String addressOf(SocketAddress address) {
        String host = String.valueOf(address.host());
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.port();
    }

    private static Optional<X509Certificate> certificateOf(NetSocket socket) {
        try {
            return Optional.of((X509Certificate) socket.peerCertificates().getFirst());
        } catch (SSLPeerUnverifiedException e) {
            return Optional.empty();
        }
    }

    /** Vert.x sets these on native transports only. */
    private static void setKeepAliveTimes(ChannelPipeline pipeline) {
        pipeline.channel()
                .config()
                .setOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), KEEP_ALIVE_IDLE_SECONDS);
        pipeline.channel()
                .config()
                .setOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), KEEP_ALIVE_INTERVAL_SECONDS);
        pipeline.channel()
                .config()
                .setOption(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), KEEP_ALIVE_PROBES);
    }

    private void handshakeFailed(Throwable failure) {
        if (failure instanceof ClosedChannelException
                || failure.getCause() instanceof ClosedChannelException
                || failure instanceof SocketException) {
            events.probed();
        } else {
            events.handshakeFailed(reasonOf(failure));
        }
    }

    /** Where a certificate was refused, that says more than what the TLS engine makes of it. */
    private static String reasonOf(Throwable failure) {
        Throwable reason = failure;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertificateException) {
                reason = cause;
            }
        }
        return String.valueOf(reason.getMessage());
    }
}
