package org.replicationserver.controlplane;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.replicationserver.controlplane.AccessKey.Role;
import org.replicationserver.controlplane.CommandQueue.Delivery;
import org.replicationserver.controlplane.CommandQueue.Poll;

/** What each operation does. Confined to the event loop. */
final class Operations {
    private static final Set<String> OF_AGENTS = Set.of("RegisterAgentForMgn", "GetAgentRuntimeConfigurationForMgn");

    /**
     * Who sends a request.
     *
     * @param gone completes when its connection is closed
     */
    record Caller(Role role, String remoteAddress, Future<Void> gone) {}

    /**
     * What is answered.
     *
     * @param checkable the part of it that is as the document says
     */
    record Answer(JsonObject body, JsonObject checkable) {}

    private final Vertx vertx;
    private final Fleet fleet;

    Operations(Vertx vertx, Fleet fleet) {
        this.vertx = vertx;
        this.fleet = fleet;
    }

    /** Takes a request that is as the document says; fails with an {@link ApiException} if it is refused. */
    Future<Answer> call(String operation, JsonObject request, Caller caller) {
        try {
            Role expected = OF_AGENTS.contains(operation) ? Role.AGENT : Role.REPLICATION_SERVER;
            if (caller.role() != expected) {
                throw new ApiException(
                        ErrorCode.ACCESS_DENIED,
                        operation + ": credentials of " + caller.role() + "; allowed: of " + expected);
            }
            String replicationServerId = request.getString("replicationServerId");
            if (replicationServerId != null) {
                fleet.seen(replicationServerId);
            }
            return operation.equals("GetChannelCommandsForMgn")
                    ? commands(request, caller)
                    : Future.succeededFuture(answer(operation, request, caller)).map(body -> new Answer(body, body));
        } catch (ApiException e) {
            return Future.failedFuture(e);
        }
    }

    private JsonObject answer(String operation, JsonObject request, Caller caller) throws ApiException {
        if (request.containsKey("event")) {
            fleet.take(operation, request);
            return new JsonObject();
        }
        return switch (operation) {
            case "DescribeReplicationServerAssociationsForMgn" -> fleet.associations(request, caller.remoteAddress());
            case "NotifyAgentReplicationProgressForMgn" -> {
                fleet.periodicProgress(request);
                yield new JsonObject();
            }
            case "SendClientMetricsForMgn" -> {
                fleet.takeMetrics(request);
                yield new JsonObject();
            }
            case "SendClientLogsForMgn" -> {
                fleet.takeLogs(request);
                yield new JsonObject();
            }
            case "GetAgentSnapshotCreditsForMgn" -> fleet.snapshotCredits(request);
            case "StartSnapshotGroupForMgn" -> fleet.startSnapshotGroup(request);
            case "DescribeSnapshotRequestsForMgn" -> fleet.snapshotRequests(request);
            case "BatchDeleteSnapshotRequestForMgn" -> fleet.deleteSnapshotRequests(request);
            case "RegisterAgentForMgn" -> {
                fleet.agentCame(
                        request.getString("sourceServerId"),
                        request.getString("agentPin"),
                        request.getJsonArray("disks").stream()
                                .map(disk -> SourceDisk.of((JsonObject) disk))
                                .toList());
                yield new JsonObject();
            }
            case "GetAgentRuntimeConfigurationForMgn" -> fleet.agentConfiguration(request.getString("sourceServerId"));
            default ->
                throw new IllegalStateException("the document has an operation that is not known here: " + operation);
        };
    }

    private Future<Answer> commands(JsonObject request, Caller caller) {
        Promise<Answer> answer = Promise.promise();
        Context context = vertx.getOrCreateContext();
        int waitSeconds = request.getInteger("waitSeconds");
        // Whoever issues a command answers the poll, on whatever thread.
        Poll poll = fleet.poll(
                request.getString("replicationServerId"),
                waitSeconds > 0,
                request.getInteger("maxCommands"),
                deliveries -> context.runOnContext(_ -> answer.tryComplete(answer(deliveries))));
        if (waitSeconds > 0) {
            long timer = vertx.setTimer(TimeUnit.SECONDS.toMillis(waitSeconds), _ -> fleet.end(poll));
            answer.future().onComplete(_ -> vertx.cancelTimer(timer));
            caller.gone().onComplete(_ -> fleet.cancel(poll));
        }
        return answer.future();
    }

    private static Answer answer(List<Delivery> deliveries) {
        JsonArray all = new JsonArray();
        JsonArray checkable = new JsonArray();
        for (Delivery delivery : deliveries) {
            all.add(delivery.command());
            if (delivery.checked()) {
                checkable.add(delivery.command());
            }
        }
        return new Answer(new JsonObject().put("commands", all), new JsonObject().put("commands", checkable));
    }
}
