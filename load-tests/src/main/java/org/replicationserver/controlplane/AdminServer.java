package org.replicationserver.controlplane;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What an operator asks of the simulator, as JSON over plain HTTP on the loopback only. Any thread.
 *
 * <p>A request must name the loopback as its host: a page in a browser of this machine, under whatever name, is not let in.
 */
final class AdminServer implements AutoCloseable {
    private static final int BODY_BYTES_MAX = 1024 * 1024;
    private static final int LISTED_MAX = 1000;
    private static final int OK = 200;
    private static final int BAD_REQUEST = 400;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;

    private interface Action {
        JsonObject run(JsonObject body) throws IOException;
    }

    private record Reply(int status, JsonObject body) {}

    private final ControlPlaneSimulator simulator;
    private final Map<String, Action> actions = new LinkedHashMap<>();
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpServer server;

    private AdminServer(ControlPlaneSimulator simulator, int port) throws IOException {
        this.simulator = simulator;
        addViews();
        addActions();
        this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", this::handle);
        server.setExecutor(executor);
    }

    /** Starts one; on a free port if it is 0. */
    static AdminServer start(ControlPlaneSimulator simulator, int port) throws IOException {
        AdminServer admin = new AdminServer(simulator, port);
        admin.server.start();
        return admin;
    }

    URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    private void addViews() {
        Fleet fleet = simulator.fleet();
        actions.put("GET /", _ -> new JsonObject().put("requests", new JsonArray(List.copyOf(actions.keySet()))));
        actions.put(
                "GET /fleet",
                _ -> new JsonObject()
                        .put("replicationServers", list(fleet.replicationServers(), AdminServer::json))
                        .put("sourceServers", list(fleet.sourceServers(), AdminServer::json)));
        actions.put("GET /commands", _ -> new JsonObject().put("commands", commands()));
        actions.put(
                "GET /messages",
                _ -> new JsonObject()
                        .put("total", fleet.messagesTotal())
                        .put("messages", list(fleet.messages(), AdminServer::json)));
        actions.put(
                "GET /irregularities",
                _ -> new JsonObject().put("irregularities", list(fleet.irregularities(), AdminServer::json)));
        actions.put("GET /violations", _ -> texts(simulator.violations()));
        actions.put(
                "GET /exchanges",
                _ -> new JsonObject().put("exchanges", list(List.copyOf(simulator.exchanges()), AdminServer::json)));
        actions.put(
                "GET /snapshots",
                _ -> new JsonObject()
                        .put("announcedGroupIds", new JsonArray(fleet.announcedSnapshotGroups()))
                        .put("groups", list(fleet.snapshotGroups(), JsonObject::copy))
                        .put("openRequestIds", new JsonArray(fleet.snapshotRequests())));
        actions.put("GET /logs", _ -> new JsonObject().put("logs", list(fleet.logs(), JsonObject::copy)));
        actions.put("GET /metrics", _ -> new JsonObject().put("metrics", list(fleet.metrics(), JsonObject::copy)));
        actions.put(
                "GET /faults",
                _ -> new JsonObject().put("faults", list(simulator.faults().inForce(), AdminServer::json)));
    }

    private void addActions() {
        Fleet fleet = simulator.fleet();
        actions.put("POST /source-servers", body -> {
            List<SourceDisk> disks =
                    objects(body, "disks").stream().map(SourceDisk::of).toList();
            fleet.registerAgent(text(body, "sourceServerId"), text(body, "agentPin"), disks);
            return new JsonObject();
        });
        actions.put("POST /assignments", this::assign);
        actions.put("POST /commands", body -> {
            JsonObject command = Objects.requireNonNullElse(body.getJsonObject("command"), new JsonObject());
            return commandId(fleet.issue(replicationServer(body), command));
        });
        actions.put("POST /snapshot-requests", body -> {
            String requestId = fleet.requestSnapshot(text(body, "sourceServerId"));
            return new JsonObject().put("snapshotRequestId", requestId);
        });
        actions.put("POST /snapshot-credits", body -> {
            fleet.setSnapshotCredits(text(body, "sourceServerId"), body.getInteger("credits", 0));
            return new JsonObject();
        });
        actions.put("POST /addresses", body -> {
            fleet.setAddress(replicationServer(body), text(body, "address"));
            return new JsonObject();
        });
        actions.put("POST /faults", body -> {
            simulator.faults().inject(fault(body));
            return new JsonObject();
        });
        actions.put("DELETE /faults", _ -> {
            simulator.faults().clear();
            return new JsonObject();
        });
        actions.put("POST /clock", body -> {
            simulator.shiftClock(Duration.ofSeconds(body.getLong("aheadSeconds", 0L)));
            return new JsonObject();
        });
        actions.put("POST /down", _ -> {
            simulator.goDown();
            return new JsonObject();
        });
        actions.put("POST /up", _ -> {
            simulator.comeUp();
            return new JsonObject();
        });
    }

    private JsonObject assign(JsonObject body) {
        String sourceServerId = text(body, "sourceServerId");
        String replicationServerId = replicationServer(body);
        if (!body.containsKey("disks")) {
            return commandId(simulator.fleet().move(sourceServerId, replicationServerId));
        }
        List<VolumeTarget> volumes =
                objects(body, "disks").stream().map(VolumeTarget::of).toList();
        return commandId(simulator.fleet().assign(sourceServerId, replicationServerId, volumes));
    }

    /** One that has come: a mistyped id would wait for a replication server that never does. */
    private String replicationServer(JsonObject body) {
        String id = text(body, "replicationServerId");
        if (!simulator.fleet().knowsReplicationServer(id)) {
            List<String> known = simulator.fleet().replicationServers().stream()
                    .map(ReplicationServerView::replicationServerId)
                    .toList();
            throw new NoSuchElementException("replication server " + id + "; allowed: one that has called, "
                    + (known.isEmpty() ? "which none has yet" : known));
        }
        return id;
    }

    private static JsonObject commandId(String id) {
        return new JsonObject().put("commandId", id);
    }

    private static Fault fault(JsonObject body) {
        String error = body.getString("error");
        return new Fault(
                Fault.Kind.valueOf(text(body, "kind")),
                body.getString("operation"),
                error == null ? null : ErrorCode.valueOf(error),
                Duration.ofMillis(body.getLong("delayMillis", 0L)),
                body.getInteger("retryAfterSeconds", -1),
                body.getInteger("count", 0));
    }

    private static String text(JsonObject body, String name) {
        String value = body.getString(name);
        if (value == null) {
            throw new IllegalArgumentException(name + ": missing");
        }
        return value;
    }

    private static List<JsonObject> objects(JsonObject body, String name) {
        return body.getJsonArray(name, new JsonArray()).stream()
                .map(JsonObject.class::cast)
                .toList();
    }

    private JsonArray commands() {
        JsonArray commands = new JsonArray();
        for (ReplicationServerView known : simulator.fleet().replicationServers()) {
            for (CommandView view : simulator.fleet().commands(known.replicationServerId())) {
                commands.add(new JsonObject()
                        .put("replicationServerId", view.replicationServerId())
                        .put("command", view.command())
                        .put("deliveries", view.deliveries())
                        .put("result", view.result()));
            }
        }
        return commands;
    }

    private static JsonObject json(ReplicationServerView view) {
        return new JsonObject()
                .put("replicationServerId", view.replicationServerId())
                .put("address", view.address())
                .put("replicationServer", view.self())
                .put("lastSeen", view.lastSeen().toString())
                .put("sourceServerIds", new JsonArray(view.sourceServerIds()));
    }

    private static JsonObject json(SourceServerView view) {
        return new JsonObject()
                .put("sourceServerId", view.sourceServerId())
                .put("agentPins", new JsonArray(view.agentPins()))
                .put("disks", view.disks())
                .put("desiredState", view.desiredState())
                .put("replicationServerId", view.replicationServerId())
                .put("paired", view.paired())
                .put("association", view.association())
                .put("record", view.record())
                .put("dataReplicationInfo", view.info())
                .put("stateChanges", list(view.stateChanges(), AdminServer::json));
    }

    private static JsonObject json(Irregularity irregularity) {
        return new JsonObject()
                .put("receivedDateTime", irregularity.receivedAt().toString())
                .put("replicationServerId", irregularity.replicationServerId())
                .put("outboxId", irregularity.outboxId())
                .put("kind", irregularity.kind().name())
                .put("text", irregularity.text());
    }

    private static JsonObject json(Exchange exchange) {
        JsonObject json = new JsonObject()
                .put("receivedDateTime", exchange.receivedAt().toString())
                .put("operation", exchange.operation())
                .put("requestId", exchange.requestId())
                .put("status", exchange.status());
        putIfKnown(json, "invocationId", exchange.invocationId());
        putIfKnown(json, "attempt", exchange.attempt());
        putIfKnown(
                json,
                "fault",
                exchange.fault() == null ? null : exchange.fault().name());
        return json;
    }

    /** As it was injected. */
    private static JsonObject json(Fault fault) {
        JsonObject json = new JsonObject().put("kind", fault.kind().name());
        putIfKnown(json, "operation", fault.operation());
        putIfKnown(json, "error", fault.error() == null ? null : fault.error().name());
        return json.put("delayMillis", fault.delay().toMillis())
                .put("retryAfterSeconds", fault.retryAfterSeconds())
                .put("count", fault.count());
    }

    private static void putIfKnown(JsonObject json, String name, @Nullable String value) {
        if (value != null) {
            json.put(name, value);
        }
    }

    private static JsonObject json(StateChange change) {
        return new JsonObject()
                .put("observedDateTime", change.observedAt().toString())
                .put("replicationServerId", change.replicationServerId())
                .put("previousState", change.previousState())
                .put("state", change.state());
    }

    private static JsonObject json(ReceivedMessage message) {
        return new JsonObject()
                .put("receivedDateTime", message.receivedAt().toString())
                .put("operation", message.operation())
                .put("request", message.body().copy());
    }

    /** The newest. */
    private static <T> JsonArray list(List<T> values, Function<T, JsonObject> json) {
        return new JsonArray(values.subList(Math.max(0, values.size() - LISTED_MAX), values.size()).stream()
                .map(json)
                .toList());
    }

    private static JsonObject texts(Collection<?> values) {
        return new JsonObject()
                .put(
                        "list",
                        new JsonArray(values.stream()
                                .skip(Math.max(0, values.size() - LISTED_MAX))
                                .map(String::valueOf)
                                .toList()));
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX);
            Reply reply = reply(exchange, new String(body, StandardCharsets.UTF_8));
            byte[] answer = (reply.body().encodePrettily() + "\n").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(reply.status(), answer.length);
            exchange.getResponseBody().write(answer);
        }
    }

    private Reply reply(HttpExchange exchange, String body) {
        if (!isLoopback(exchange.getRequestHeaders().getFirst("Host"))) {
            return failure(FORBIDDEN, "host: allowed: 127.0.0.1 or localhost");
        }
        String request =
                exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
        Action action = actions.get(request);
        if (action == null) {
            return failure(NOT_FOUND, request + "; allowed: " + actions.keySet());
        }
        try {
            return new Reply(OK, action.run(new JsonObject(body.isBlank() ? "{}" : body)));
        } catch (NoSuchElementException e) {
            return failure(NOT_FOUND, "there is no " + e.getMessage());
        } catch (DecodeException | ClassCastException e) {
            return failure(BAD_REQUEST, "body: allowed: a JSON object with members of the right types");
        } catch (IllegalArgumentException | IllegalStateException | IOException e) {
            return failure(BAD_REQUEST, String.valueOf(e.getMessage()));
        }
    }

    private static boolean isLoopback(@Nullable String host) {
        String name = Objects.requireNonNullElse(host, "").replaceFirst(":[0-9]+$", "");
        return name.equals("127.0.0.1") || name.equals("localhost");
    }

    private static Reply failure(int status, String message) {
        return new Reply(status, new JsonObject().put("message", message));
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }
}
