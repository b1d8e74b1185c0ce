package org.replicationserver.agent;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.ConnectOptions;
import io.vertx.core.net.KeyCertOptions;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetClientOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.TrustOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketException;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.PinnedTrustManager;
import org.replicationserver.cert.Refusal;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens connections to the server. Event loop only, but for names and files, which a helper thread looks up.
 *
 * <p>The first connection of a session or speed test looks up the server's address and reads the pins again; the others take
 * both as they are then. Connections go to an address, so that TLS has no name to send.
 */
final class ServerDialer {
    private static final Logger LOG = LoggerFactory.getLogger(ServerDialer.class);
    private static final int CONNECT_MILLIS = 10_000;

    /** ECDHE and AEAD only; the names of TLS 1.2 and 1.3. */
    private static final List<String> CIPHER_SUITES = List.of(
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384");

    private final ServerLookup lookup;
    private final Context eventLoop;
    private final Executor helper;
    private final NetClient client;
    private final ChannelGroup open = new DefaultChannelGroup(ImmediateEventExecutor.INSTANCE);

    // event loop
    private ServerLookup.@Nullable Found server;
    private int attempts;

    // written by the event loop, read by handshakes
    private volatile Set<Pin> acceptedPins = Set.of();

    // written by handshakes, read by the event loop
    private volatile @Nullable Refusal lastRefusal;

    ServerDialer(
            Vertx vertx, Context eventLoop, Executor helper, ServerLookup lookup, Identity identity, TlsEngine engine) {
        this.lookup = lookup;
        this.eventLoop = eventLoop;
        this.helper = helper;
        this.client = vertx.createNetClient(options(identity, engine));
    }

    private NetClientOptions options(Identity identity, TlsEngine engine) {
        PinnedTrustManager trust =
                PinnedTrustManager.forAgent(() -> acceptedPins, Clock.systemUTC(), refusal -> lastRefusal = refusal);
        NetClientOptions options = new NetClientOptions()
                .setTcpNoDelay(true)
                .setTcpKeepAlive(true)
                .setConnectTimeout(CONNECT_MILLIS)
                .setSsl(true)
                .setUseAlpn(true)
                .setApplicationLayerProtocols(List.of(ProtocolLimits.ALPN))
                // Pins replace names.
                .setHostnameVerificationAlgorithm("")
                .setSslEngineOptions(engine.toOptions())
                .setKeyCertOptions(KeyCertOptions.wrap(identity.keyManager()))
                .setTrustOptions(TrustOptions.wrap(trust))
                .setEnabledSecureTransportProtocols(Set.of("TLSv1.2", "TLSv1.3"))
                .setSslHandshakeTimeout(CONNECT_MILLIS)
                .setSslHandshakeTimeoutUnit(TimeUnit.MILLISECONDS);
        CIPHER_SUITES.forEach(options::addEnabledCipherSuite);
        return options;
    }

    /**
     * Waits until the connections are closed that their owners have ended. The server closes what has told it BYE or ERROR, {@link AgentSocket}
     * what it leaves open. Not on the event loop.
     *
     * @return false if one is still open when the time is over
     */
    boolean awaitClosed(long millis) {
        return open.newCloseFuture().awaitUninterruptibly(millis);
    }

    /** Opens a connection; the link hears of it on the event loop, whatever happens: it would wait for ever otherwise. */
    void dial(AgentLink link) {
        if (link.isFirst()) {
            helper.execute(() -> lookUp(link));
        } else {
            eventLoop.runOnContext(_ -> connect(link));
        }
    }

    private void lookUp(AgentLink link) {
        try {
            ServerLookup.Found found = lookup.find();
            eventLoop.runOnContext(_ -> {
                acceptedPins = found.pins();
                server = found;
                attempts++;
                connect(link);
            });
        } catch (LookupException e) {
            LinkFailure failure = new LinkFailure(
                    e.isExpected() ? LinkFailure.Kind.SERVER_AWAITED : LinkFailure.Kind.SERVER_UNKNOWN,
                    String.valueOf(e.getMessage()));
            eventLoop.runOnContext(_ -> link.closed(failure));
        } catch (IOException | RuntimeException | Error e) {
            LinkFailure failure = LinkFailure.lost("cannot look up the server or its pins: " + TlsFailures.textOf(e));
            eventLoop.runOnContext(_ -> link.closed(failure));
        }
    }

    private void connect(AgentLink link) {
        try {
            open(link);
        } catch (RuntimeException e) {
            link.closed(LinkFailure.lost("cannot connect: " + TlsFailures.textOf(e)));
        }
    }

    private void open(AgentLink link) {
        ServerLookup.Found found = server;
        if (found == null) {
            throw new IllegalStateException("not the first connection, and none was before it");
        }
        List<InetAddress> addresses = found.addresses();
        InetAddress address = addresses.get(Math.floorMod(attempts - 1, addresses.size()));
        ConnectOptions options = new ConnectOptions()
                .setHost(address.getHostAddress())
                .setPort(found.port())
                .setSsl(true);
        client.connect(options).onComplete(result -> {
            if (result.succeeded()) {
                handOver(link, result.result());
            } else {
                link.closed(classify(address, found, result.cause()));
            }
        });
    }

    private LinkFailure classify(InetAddress address, ServerLookup.Found found, Throwable cause) {
        if (cause instanceof SocketException) {
            String host = address.getHostAddress();
            String place = (host.contains(":") ? "[" + host + "]" : host) + ":" + found.port() + " of " + found.name();
            return LinkFailure.lost(Advice.unreachable(
                    place, TlsFailures.textOf(cause), lookup.mayChange() == ServerLookup.Change.SERVER));
        }
        LinkFailure failure = TlsFailures.classify(cause);
        Refusal refusal = lastRefusal;
        return failure.kind() == LinkFailure.Kind.SERVER_NOT_PINNED && refusal != null
                ? new LinkFailure(
                        failure.kind(), Advice.serverRefused(found.name(), refusal, acceptedPins, lookup.mayChange()))
                : failure;
    }

    /** A link must hear of its connection whatever happens, or its session would wait for ever. */
    private void handOver(AgentLink link, NetSocket socket) {
        try {
            connected(link, socket);
        } catch (RuntimeException e) {
            LOG.error("a connection cannot be used", e);
            socket.close();
            link.closed(LinkFailure.lost("cannot be used: " + e));
        }
    }

    private void connected(AgentLink link, NetSocket socket) {
        SSLSession tls = socket.sslSession();
        if (tls == null) {
            link.closed(LinkFailure.lost("closed by the server right after the handshake"));
            return;
        }
        // A session that could be resumed would skip the check of the pin.
        tls.invalidate();
        if (!ProtocolLimits.ALPN.equals(socket.applicationLayerProtocol())) {
            socket.close();
            link.closed(new LinkFailure(LinkFailure.Kind.NOT_BRP, "the peer does not speak " + ProtocolLimits.ALPN));
            return;
        }
        ChannelHandlerContext vertxHandler = ((NetSocketInternal) socket).channelHandlerContext();
        AgentSocket transport = new AgentSocket(link);
        vertxHandler.pipeline().addBefore(vertxHandler.name(), "agent-socket", transport);
        open.add(vertxHandler.channel());
        if (vertxHandler.channel().isActive()) {
            link.opened(transport);
        } else {
            // The end of the channel was told before our handler could hear it.
            link.closed(LinkFailure.lost("closed by the server right after the handshake"));
        }
    }
}
