package org.replicationserver.receiver;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigOptions;
import picocli.CommandLine;

/** Sends one command to the server that runs on this machine and prints its answer. */
final class AdminClient {
    private static final long TIMEOUT_SECONDS = 60;

    private record Answer(int status, JsonObject body) {}

    private AdminClient() {}

    /** Sends a command to the server of the configuration; returns the exit code. */
    static int run(ConfigOptions options, CommandLine commandLine, String path) {
        try {
            return post(
                    options.load().toServerConfig().adminSocket(), path, commandLine.getOut(), commandLine.getErr());
        } catch (ConfigException e) {
            e.lines().forEach(commandLine.getErr()::println);
            return ConfigException.EXIT_CODE;
        }
    }

    private static int post(Path socket, String path, PrintWriter out, PrintWriter err) {
        Vertx vertx = Vertx.vertx();
        try {
            Answer answer = vertx.createHttpClient()
                    .request(new RequestOptions()
                            .setServer(SocketAddress.domainSocketAddress(socket.toString()))
                            .setHost("localhost")
                            .setMethod(HttpMethod.POST)
                            .setURI(path))
                    .compose(HttpClientRequest::send)
                    .compose(AdminClient::read)
                    .toCompletionStage()
                    .toCompletableFuture()
                    .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            boolean done = answer.status() == 200;
            (done ? out : err).println(answer.body().getString(done ? "result" : "error"));
            return done ? 0 : ExitCode.REFUSED;
        } catch (Exception e) {
            err.println("no server answers on " + socket + ": is it running, with this state.directory?");
            return ExitCode.UNAVAILABLE;
        } finally {
            vertx.close();
        }
    }

    private static Future<Answer> read(HttpClientResponse response) {
        return response.body().map((Buffer body) -> new Answer(response.statusCode(), body.toJsonObject()));
    }
}
