package org.replicationserver.harness;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetSocket;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A network between agent and server that can be slow, and that can be cut. One event loop, of its own. */
public final class NetworkProxy implements AutoCloseable {
    private static final long TURN_MILLIS = 10;
    private static final long UNLIMITED = Long.MAX_VALUE;

    private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    private final NetServer server;
    private final NetClient client = vertx.createNetClient();

    // event loop only
    private final Set<NetSocket> sockets = new LinkedHashSet<>();
    private final Set<NetSocket> waiting = new LinkedHashSet<>();
    private long bytesPerSecond = UNLIMITED;
    private double tokens;

    private NetworkProxy(int serverPort) {
        this.server = vertx.createNetServer().connectHandler(agent -> {
            agent.pause();
            client.connect(serverPort, "127.0.0.1")
                    .onSuccess(to -> join(agent, to))
                    .onFailure(gone -> agent.close());
        });
    }

    public static NetworkProxy to(int serverPort) throws IOException, InterruptedException {
        NetworkProxy proxy = new NetworkProxy(serverPort);
        try {
            proxy.server
                    .listen(0, "127.0.0.1")
                    .toCompletionStage()
                    .toCompletableFuture()
                    .get(10, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("the proxy cannot listen: " + e, e);
        }
        proxy.vertx.setPeriodic(TURN_MILLIS, turn -> proxy.refill());
        return proxy;
    }

    public int port() {
        return server.actualPort();
    }

    /** Lets so many bytes through in a second, from agent to server, of all connections together. */
    public void limit(long newBytesPerSecond) {
        vertx.runOnContext(now -> {
            bytesPerSecond = newBytesPerSecond;
            tokens = Math.min(tokens, 0);
        });
    }

    public void unlimit() {
        limit(UNLIMITED);
    }

    /** Ends all connections, as a network that breaks does. */
    public void cut() {
        vertx.runOnContext(now -> List.copyOf(sockets).forEach(NetSocket::close));
    }

    private void join(NetSocket agent, NetSocket to) {
        sockets.add(agent);
        sockets.add(to);
        agent.handler(bytes -> {
            to.write(bytes);
            tokens -= bytes.length();
            if (to.writeQueueFull()) {
                agent.pause();
                to.drainHandler(room -> resume(agent));
            } else if (isSpent()) {
                agent.pause();
                waiting.add(agent);
            }
        });
        to.handler(agent::write);
        agent.closeHandler(closed -> gone(agent, to));
        to.closeHandler(closed -> gone(to, agent));
        agent.exceptionHandler(broken -> {});
        to.exceptionHandler(broken -> {});
        agent.resume();
    }

    private boolean isSpent() {
        return bytesPerSecond != UNLIMITED && tokens <= 0;
    }

    private void resume(NetSocket agent) {
        if (isSpent()) {
            waiting.add(agent);
        } else {
            agent.resume();
        }
    }

    private void refill() {
        double turn = bytesPerSecond * (TURN_MILLIS / 1000.0);
        tokens = Math.min(tokens + turn, turn);
        if (!isSpent()) {
            Set<NetSocket> ready = new LinkedHashSet<>(waiting);
            waiting.clear();
            ready.forEach(NetSocket::resume);
        }
    }

    private void gone(NetSocket socket, NetSocket other) {
        sockets.remove(socket);
        waiting.remove(socket);
        other.close();
    }

    @Override
    public void close() {
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }
}
