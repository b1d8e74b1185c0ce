package org.replicationserver.receiver;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.config.ConfigOptions;
import picocli.CommandLine;

/** Sends one command to the server that runs on this machine and prints its answer. */
final class AdminClient {
    /** A server that is well answers at once; one that is stopped takes connections all the same. */
    static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(10);

    /** What the server tells of every replication. */
    static final String STATUS = "/status";

    static final String VOLUMES = "/volumes";

    /** Opening a device may take its time. */
    static final Duration DEVICE_TIMEOUT = Duration.ofSeconds(60);

    /** No server gave an answer; the message is one line for the operator. */
    static class NoAnswerException extends Exception {
        private static final long serialVersionUID = 1;

        NoAnswerException(String message) {
            super(message);
        }
    }

    /** There is no server that could give one. */
    static final class NoServerException extends NoAnswerException {
        private static final long serialVersionUID = 1;

        NoServerException(String message) {
            super(message);
        }
    }

    private final Path socket;
    private final Duration timeout;

    AdminClient(Path socket, Duration timeout) {
        this.socket = socket;
        this.timeout = timeout;
    }

    /** Sends a command to the server of the configuration; returns the exit code. */
    static int run(ConfigOptions options, CommandLine commandLine, String command, Duration timeout) {
        return run(options, commandLine, command, timeout, AdminClient::result);
    }

    /**
     * The same for a command whose result is more than a line.
     *
     * @param text of the result; null where it is none that is known
     */
    static int run(
            ConfigOptions options,
            CommandLine commandLine,
            String command,
            Duration timeout,
            Function<JsonObject, @Nullable String> text) {
        try {
            Path socket = options.load().toServerConfig().adminSocket();
            return new AdminClient(socket, timeout).run(commandLine, command, text);
        } catch (ConfigException e) {
            e.lines().forEach(commandLine.getErr()::println);
            return ConfigException.EXIT_CODE;
        }
    }

    private static @Nullable String result(JsonObject told) {
        return told.getString("result");
    }

    int run(CommandLine commandLine, String command) {
        return run(commandLine, command, AdminClient::result);
    }

    private int run(CommandLine commandLine, String command, Function<JsonObject, @Nullable String> result) {
        try {
            AdminReply reply = ask(HttpMethod.POST, command);
            String text = reply.isDone() ? reply.text(result) : reply.refusal();
            (reply.isDone() ? commandLine.getOut() : commandLine.getErr()).println(text);
            return reply.isDone() ? 0 : ExitCode.REFUSED;
        } catch (NoAnswerException e) {
            commandLine.getErr().println(e.getMessage());
            return ExitCode.UNAVAILABLE;
        }
    }

    /** Prints what the server of the configuration tells; returns the exit code. */
    static int print(
            ConfigOptions options, CommandLine commandLine, String question, Function<JsonObject, String> text) {
        try {
            Path socket = options.load().toServerConfig().adminSocket();
            AdminReply reply = new AdminClient(socket, ANSWER_TIMEOUT).ask(HttpMethod.GET, question);
            commandLine.getOut().print(reply.text(text));
            commandLine.getOut().flush();
            return 0;
        } catch (ConfigException e) {
            e.lines().forEach(commandLine.getErr()::println);
            return ConfigException.EXIT_CODE;
        } catch (NoAnswerException e) {
            commandLine.getErr().println(e.getMessage());
            return ExitCode.UNAVAILABLE;
        }
    }

    /** What the server answers to a question that changes nothing. */
    JsonObject get(String question) throws NoAnswerException {
        return ask(HttpMethod.GET, question).told();
    }

    private AdminReply ask(HttpMethod method, String command) throws NoAnswerException {
        Vertx vertx = Vertx.vertx();
        HttpClient client = vertx.createHttpClient();
        try {
            return send(connect(client, method, command), method);
        } finally {
            // It must be held until here: a client that is garbage closes its connections.
            client.close();
            vertx.close();
        }
    }

    private HttpClientRequest connect(HttpClient client, HttpMethod method, String command) throws NoAnswerException {
        RequestOptions request = new RequestOptions()
                .setServer(SocketAddress.domainSocketAddress(socket.toString()))
                .setHost("localhost")
                .setMethod(method)
                .setURI(command);
        try {
            HttpClientRequest connected = await(client.request(request), method);
            // Without one the log tells of the connection's end too, in words of the network.
            connected.connection().exceptionHandler(told -> {});
            return connected;
        } catch (ExecutionException e) {
            throw nobodyListens();
        }
    }

    /** By what is there now, because the exceptions of the network differ by transport and system. */
    private NoAnswerException nobodyListens() {
        if (Files.notExists(socket)) {
            return new NoServerException("no server runs with this state.directory, there is no " + socket
                    + "; start the server, or name its configuration by --config or --set");
        }
        if (!Files.isWritable(socket)) {
            return new NoAnswerException(
                    "permission denied: " + socket + "; run this command as the user that the server runs as");
        }
        return new NoServerException(
                "nobody listens on " + socket + ", the server that made it has ended; start the server");
    }

    private AdminReply send(HttpClientRequest request, HttpMethod method) throws NoAnswerException {
        try {
            // Before anything is sent: a body that came before somebody asked for it would be lost.
            Future<AdminReply> reply = request.response().compose(this::whole);
            request.end();
            return await(reply, method);
        } catch (ExecutionException e) {
            throw new NoAnswerException("the server closed the connection without an answer: " + socket
                    + "; look into its log whether it ended and whether the command was carried out");
        }
    }

    private Future<AdminReply> whole(HttpClientResponse response) {
        return response.body().map(body -> new AdminReply(socket, response.statusCode(), body));
    }

    private <T> T await(Future<T> future, HttpMethod method) throws ExecutionException, NoAnswerException {
        try {
            return future.toCompletionStage().toCompletableFuture().get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new NoAnswerException("no answer within " + timeout.toSeconds() + " s from " + socket
                    + "; the server is stopped, overloaded or waits for a device: look at its process and its log"
                    + (method.equals(HttpMethod.GET) ? "" : "; the command may still be carried out"));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NoAnswerException(
                    "interrupted; the command may still be carried out: look into the server's log");
        }
    }
}
