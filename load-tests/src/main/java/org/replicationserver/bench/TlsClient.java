package org.replicationserver.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.ApplicationProtocolConfig.Protocol;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectedListenerFailureBehavior;
import io.netty.handler.ssl.ApplicationProtocolConfig.SelectorFailureBehavior;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.PinnedTrustManager;
import org.replicationserver.process.RunException;

/** Opens TLS 1.2 connections to this machine, all on one event loop: BoringSSL where it loads, so that the sender costs little. */
final class TlsClient implements AutoCloseable {
    private static final String LOOPBACK = "127.0.0.1";
    private static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(10);

    /** Enough that a stream never runs dry, little enough that what is under way stays in the caches. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(512 * 1024, 1024 * 1024);

    private final MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final EventLoop loop = group.next();

    /**
     * Settings of connections to one server.
     *
     * @param client what this side shows, or null for nothing
     * @param protocol for ALPN, or null for none
     */
    static SslContext context(Pin server, @Nullable Identity client, @Nullable String protocol) throws RunException {
        try {
            SslContextBuilder builder = SslContextBuilder.forClient()
                    .sslProvider(provider())
                    .trustManager(PinnedTrustManager.forAgent(() -> Set.of(server), Clock.systemUTC(), refusal -> {}))
                    // Pins stand for names.
                    .endpointIdentificationAlgorithm(null)
                    .protocols("TLSv1.2")
                    .ciphers(List.of("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
            if (client != null) {
                builder.keyManager(client.keyManager());
            }
            if (protocol != null) {
                builder.applicationProtocolConfig(new ApplicationProtocolConfig(
                        Protocol.ALPN,
                        SelectorFailureBehavior.NO_ADVERTISE,
                        SelectedListenerFailureBehavior.ACCEPT,
                        protocol));
            }
            return builder.build();
        } catch (SSLException e) {
            throw new RunException("TLS of the sender: " + e.getMessage(), e);
        }
    }

    private static SslProvider provider() {
        return OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK;
    }

    /** The engine of this side, for the report. */
    static String engine() {
        return OpenSsl.isAvailable() ? "openssl" : "jdk";
    }

    /** Runs a task on the event loop of all connections. */
    void execute(Runnable task) {
        loop.execute(task);
    }

    /** Connects; the handler hears of the handshake's end, the consumer of a connection that could not be made. */
    void connect(int port, SslContext tls, ChannelInboundHandlerAdapter handler, Consumer<Throwable> onFailure) {
        new Bootstrap()
                .group(loop)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        SslHandler ssl = tls.newHandler(channel.alloc());
                        ssl.setHandshakeTimeout(HANDSHAKE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
                        channel.pipeline().addLast(ssl, handler);
                    }
                })
                .connect(LOOPBACK, port)
                .addListener((ChannelFutureListener) connected -> {
                    if (connected.cause() != null) {
                        onFailure.accept(connected.cause());
                    }
                });
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(5, TimeUnit.SECONDS);
    }
}
