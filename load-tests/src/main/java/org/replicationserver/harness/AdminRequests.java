package org.replicationserver.harness;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/** Requests to the administrator's socket of a server, without a process for each. Any thread. */
public final class AdminRequests implements AutoCloseable {
    /** What was answered. */
    public record Reply(int status, JsonObject body) {
        public boolean isDone() {
            return status == 200;
        }
    }

    private final Vertx vertx = Vertx.vertx();
    private final HttpClient client = vertx.createHttpClient();
    private final SocketAddress socket;

    /** @param directory of the {@link ServerProcess} */
    public AdminRequests(Path directory) {
        socket = SocketAddress.domainSocketAddress(
                ServerProcess.stateDirectory(directory).resolve("admin.socket").toString());
    }

    public CompletableFuture<Reply> get(String question) {
        return ask(HttpMethod.GET, question);
    }

    public CompletableFuture<Reply> post(String command) {
        return ask(HttpMethod.POST, command);
    }

    private CompletableFuture<Reply> ask(HttpMethod method, String what) {
        RequestOptions request = new RequestOptions()
                .setServer(socket)
                .setHost("localhost")
                .setMethod(method)
                .setURI(what);
        return client.request(request)
                .compose(connected -> connected.send().compose(AdminRequests::whole))
                .toCompletionStage()
                .toCompletableFuture();
    }

    private static Future<Reply> whole(HttpClientResponse response) {
        return response.body().map(body -> new Reply(response.statusCode(), body.toJsonObject()));
    }

    @Override
    public void close() {
        client.close();
        vertx.close().toCompletionStage().toCompletableFuture().join();
    }
}
