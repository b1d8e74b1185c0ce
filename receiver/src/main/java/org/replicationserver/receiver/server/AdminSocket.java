package org.replicationserver.receiver.server;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.HoldAnswer;
import org.replicationserver.receiver.session.HoldRequest;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commands from the same machine: HTTP on a Unix socket in the state directory, for whoever may enter that directory. Event loop
 * only.
 *
 * <pre>
 * GET  /status                                 all that is known of every replication, limits of bandwidth, the control plane
 * GET  /volumes                                volumes that are assigned or attached, see {@link VolumeList}, and the port for agents, 0 at first
 * POST /volumes/{volumeId}/reopen              opens a volume that has failed or was not there; after a failure a full sync of it follows
 * POST /sources/{sourceServerId}/accept-agents forgets which agents were refused as duplicates
 * POST /sources/{sourceServerId}/rescan        has its disks compared or sent again by the agent
 * POST /sources/{sourceServerId}/rescan/{volumeId} the same of one disk
 * POST /sources/{sourceServerId}/throttle/{mbps} limits what a source server sends, instead of its schedule; 0 is no limit
 * POST /sources/{sourceServerId}/hold/{seconds}/{commitTimeoutSeconds} holds its volumes at the next commit, see {@link HoldsByHand}; who
 *                                              closes the connection before the answer does not want it any more
 * POST /sources/{sourceServerId}/release/{token} ends a hold; VALID, or 409 with EXPIRED
 * POST /throttle/{mbps}                        limits what all source servers together send; 0 is no limit
 * </pre>
 *
 * Answers are {@code 200 {"result": "..."}}, of a hold what it is, or 404, 409 or, after a fault of this program, 500 with
 * {@code {"error": "..."}}.
 */
final class AdminSocket {
    private static final Logger LOG = LoggerFactory.getLogger(AdminSocket.class);

    private final Path path;
    private final Sessions sessions;
    private final Supplier<JsonObject> status;
    private final Supplier<JsonObject> volumes;
    private final HoldsByHand holds;
    private final HttpServer server;

    AdminSocket(Vertx vertx, Path path, Sessions sessions, Supplier<JsonObject> status, Supplier<JsonObject> volumes) {
        this.path = path;
        this.sessions = sessions;
        this.status = status;
        this.volumes = volumes;
        this.holds = new HoldsByHand(sessions, volumes);
        this.server = vertx.createHttpServer(new HttpServerOptions()).requestHandler(this::handle);
    }

    /** Listens; a socket that a server left which was killed is replaced, because the state directory is locked by us. */
    Future<Void> listen() {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            return Future.failedFuture(e);
        }
        return server.listen(SocketAddress.domainSocketAddress(path.toString())).compose(listening -> {
            try {
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
                return Future.succeededFuture();
            } catch (IOException e) {
                return Future.failedFuture(e);
            }
        });
    }

    Future<Void> close() {
        return server.close();
    }

    private void handle(HttpServerRequest request) {
        switch (AdminCommand.of(request.method(), request.path())) {
            case AdminCommand.Status _ -> answer(request, status.get());
            case AdminCommand.Volumes _ -> answer(request, volumes.get());
            case AdminCommand.Reopen reopen -> reopen(request, reopen.volumeId());
            case AdminCommand.AcceptAgents accept -> acceptAgents(request, accept.sourceServerId());
            case AdminCommand.Rescan rescan -> rescan(request, rescan.sourceServerId(), rescan.volumeId());
            case AdminCommand.Throttle throttle -> throttle(request, throttle.sourceServerId(), throttle.mbps());
            case AdminCommand.Hold hold ->
                hold(request, hold.sourceServerId(), hold.seconds(), hold.commitTimeoutSeconds());
            case AdminCommand.Release release -> release(request, release.sourceServerId(), release.token());
            case null -> answer(request, 404, "error", "no such command");
        }
    }

    private void acceptAgents(HttpServerRequest request, String sourceServerId) {
        if (sessions.acceptAgents(sourceServerId)) {
            answer(request, 200, "result", "agents of " + sourceServerId + " are accepted again");
        } else {
            answer(request, 404, "error", "no source server " + sourceServerId + " is assigned");
        }
    }

    /** @param sourceServerId null for all together */
    private void throttle(HttpServerRequest request, @Nullable String sourceServerId, int mbps) {
        if (mbps > BandwidthSchedule.MBPS_MAX) {
            answer(request, 409, "error", "mbps=" + mbps + "; allowed: 0 to " + BandwidthSchedule.MBPS_MAX);
            return;
        }
        BandwidthSchedule bandwidth = BandwidthSchedule.always(mbps);
        if (sourceServerId == null) {
            sessions.limitServerByHand(bandwidth);
        } else if (!sessions.setBandwidth(sourceServerId, bandwidth)) {
            answer(request, 404, "error", "no source server " + sourceServerId + " is assigned");
            return;
        }
        String whose = sourceServerId == null ? "all source servers together" : "source server " + sourceServerId;
        String limit = mbps == 0 ? "no limit" : "a limit of " + mbps + " Mbps";
        answer(
                request,
                200,
                "result",
                whose + ": " + limit + " from now on, until another one is set or assigned or the server starts again");
    }

    private void reopen(HttpServerRequest request, String volumeId) {
        CompletionStage<Availability> reopened = sessions.reopen(volumeId);
        if (reopened == null) {
            answer(request, 404, "error", "no volume " + volumeId + " is assigned");
            return;
        }
        reopened.whenComplete((availability, fault) -> {
            if (fault != null) {
                answer(
                        request,
                        500,
                        "error",
                        "volume " + volumeId + " was not reopened: a fault of this program, see its log");
                return;
            }
            switch (availability) {
                case Availability.Open open -> {
                    LOG.atInfo().addKeyValue("volume", volumeId).log("volume reopened by hand");
                    answer(
                            request,
                            200,
                            "result",
                            "volume " + volumeId + " is open; after a failure a full sync of it follows");
                }
                case Availability.Unavailable none -> {
                    LOG.atWarn()
                            .addKeyValue("volume", volumeId)
                            .addKeyValue("cause", none.reason())
                            .log("volume was not reopened by hand");
                    answer(request, 409, "error", "volume " + volumeId + " was not reopened: " + none.reason());
                }
            }
        });
    }

    /** @param volumeId null for all of the source server */
    private void rescan(HttpServerRequest request, String sourceServerId, @Nullable String volumeId) {
        Set<String> assigned = sessions.volumesOf(sourceServerId);
        if (assigned == null) {
            answer(request, 404, "error", "no source server " + sourceServerId + " is assigned");
            return;
        }
        if (volumeId != null && !assigned.contains(volumeId)) {
            answer(
                    request,
                    404,
                    "error",
                    "no volume " + volumeId + " is assigned to source server " + sourceServerId + "; its volumes: "
                            + String.join(", ", new TreeSet<>(assigned)));
            return;
        }
        Set<String> wanted = volumeId == null ? assigned : Set.of(volumeId);
        sessions.rescan(sourceServerId, wanted).whenComplete((stored, fault) -> {
            if (fault != null) {
                answer(request, 500, "error", "a fault of this program, see its log");
                LOG.atError()
                        .setCause(fault)
                        .addKeyValue("source", sourceServerId)
                        .log("a fault of this program");
                return;
            }
            answer(
                    request,
                    200,
                    "result",
                    "the agent compares or sends again what is in " + String.join(", ", new TreeSet<>(wanted))
                            + "; `status` tells how far it is");
        });
    }

    private void hold(HttpServerRequest request, String sourceServerId, int seconds, int commitTimeoutSeconds) {
        HoldRequest wanted;
        try {
            wanted = HoldRequest.byHand(seconds, commitTimeoutSeconds);
        } catch (IllegalArgumentException e) {
            answer(request, 409, "error", String.valueOf(e.getMessage()));
            return;
        }
        CompletableFuture<HoldAnswer> asked = holds.hold(sourceServerId, wanted);
        request.response().closeHandler(gone -> asked.cancel(false));
        asked.thenAccept(answer -> {
            switch (answer) {
                case HoldAnswer.Held held ->
                    send(request, 200, holds.toJson(held))
                            // Nobody must be held whom nobody releases.
                            .onFailure(gone -> sessions.release(held.token()));
                case HoldAnswer.NotHeld none ->
                    answer(
                            request,
                            none.cause() == HoldAnswer.Cause.NOT_ASSIGNED ? 404 : 409,
                            "error",
                            HoldsByHand.text(sourceServerId, none));
            }
        });
    }

    private void release(HttpServerRequest request, String sourceServerId, String token) {
        switch (holds.release(sourceServerId, token)) {
            case VALID -> answer(request, 200, "result", "VALID");
            case EXPIRED -> answer(request, 409, "error", HoldsByHand.EXPIRED);
        }
    }

    private static void answer(HttpServerRequest request, JsonObject told) {
        send(request, 200, told);
    }

    private static void answer(HttpServerRequest request, int status, String member, String text) {
        send(request, status, new JsonObject().put(member, text));
    }

    private static Future<Void> send(HttpServerRequest request, int status, JsonObject told) {
        return request.response()
                .setStatusCode(status)
                .putHeader("content-type", "application/json")
                .end(told.toBuffer());
    }
}
