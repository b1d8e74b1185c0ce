package org.replicationserver.integration;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** What an operator can do to the server of a test, as commands for the runner of {@code ./run conformance}. */
final class OperatorDesk implements AutoCloseable {
    private static final int DONE = 200;
    private static final int FAILED = 500;

    /** Done when it returns. */
    interface Operation {
        void run() throws Exception;
    }

    private final Map<String, Operation> operations = new LinkedHashMap<>();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer server;

    OperatorDesk() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(executor);
        server.start();
    }

    OperatorDesk on(String name, Operation operation) {
        operations.put(name, operation);
        server.createContext("/" + name, exchange -> answer(exchange, operation));
        return this;
    }

    private static void answer(HttpExchange exchange, Operation operation) throws IOException {
        try (exchange) {
            int status = DONE;
            String text = "done";
            try {
                operation.run();
            } catch (Exception | AssertionError e) {
                status = FAILED;
                text = String.valueOf(e);
            }
            byte[] body = text.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    /** Each is a command that ends when the operation is done, with another exit code than 0 if it failed. */
    List<String> options() {
        List<String> options = new ArrayList<>();
        for (String name : operations.keySet()) {
            String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/" + name;
            options.addAll(List.of(
                    "--operator",
                    name + "=python3 -c \"import urllib.request as request; request.urlopen('" + url + "')\""));
        }
        return options;
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }
}
