package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.ConfiguredDirectory;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.control.AssociationLoop;
import org.replicationserver.receiver.control.AssociationStatus;
import org.replicationserver.receiver.control.AssociationStore;
import org.replicationserver.receiver.control.AssociationTaker;
import org.replicationserver.receiver.control.CommandHandlers;
import org.replicationserver.receiver.control.CommandLoop;
import org.replicationserver.receiver.control.ControlPlane;
import org.replicationserver.receiver.control.ControlPlaneException;
import org.replicationserver.receiver.control.ControlPlaneStatus;
import org.replicationserver.receiver.control.ControlThread;
import org.replicationserver.receiver.control.HttpControlPlane;
import org.replicationserver.receiver.control.LocalControlPlane;
import org.replicationserver.receiver.control.LogsLoop;
import org.replicationserver.receiver.control.MetricsLoop;
import org.replicationserver.receiver.control.Outbox;
import org.replicationserver.receiver.control.OutboxSender;
import org.replicationserver.receiver.control.ProgressLoop;
import org.replicationserver.receiver.control.ReplicationServerInfo;
import org.replicationserver.receiver.log.RecentLogs;
import org.replicationserver.receiver.replication.ControlPlaneFault;
import org.replicationserver.receiver.replication.ControlPlaneTrouble;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.server.ServerStartException.Fault;
import org.replicationserver.receiver.status.ResourceSampler;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What connects this server with its control plane, be it a file or the API over 443: what must survive a restart, and the threads that
 * ask and tell. The data path waits for none of it.
 */
final class ControlLink {
    private static final Logger LOG = LoggerFactory.getLogger(ControlLink.class);
    private static final Duration METRICS_INTERVAL = Duration.ofSeconds(60);
    private static final long LOGS_BYTES_PER_MINUTE = 256 * 1024;

    /** What a stop waits for the control plane to take what was reported last. */
    private static final Duration LAST_REPORTS_TIMEOUT = Duration.ofSeconds(3);

    private final ControlSettings settings;
    private final ControlPlane controlPlane;
    private final StopSteps stopSteps;

    /** Of what is kept for the API; null where the control plane is a file. */
    private final @Nullable Kept kept;

    private record Kept(HttpControlPlane client, StateDirectory state, Outbox outbox) {}

    /** What the control plane is found to be, as the models were told last; event loop only. */
    private @Nullable ControlPlaneStatus told;

    private ControlLink(ControlSettings settings, ControlPlane controlPlane, @Nullable Kept kept, StopSteps stopSteps) {
        this.settings = settings;
        this.controlPlane = controlPlane;
        this.kept = kept;
        this.stopSteps = stopSteps;
    }

    /** Opens what is on disk; nothing is asked or told yet. */
    static ControlLink open(ServerConfig config, StopSteps stopSteps) throws ServerStartException {
        ControlSettings settings = config.control();
        if (settings.mode() == ControlMode.LOCAL) {
            ControlPlane local =
                    new LocalControlPlane(config.serverId(), config.assignmentsFile(), config.volumePaths());
            return new ControlLink(settings, local, null, stopSteps);
        }
        try {
            Path directory = config.stateDirectory();
            // What is kept here saves work and reports; replication does not end for it.
            StateDirectory state = StateDirectory.open(
                    directory.resolve("control"),
                    cause -> LOG.atError()
                            .addKeyValue("cause", cause.getMessage())
                            .log("associations and commands are not kept any more, until the server is started again"));
            stopSteps.add("state of the control plane", state::close);
            Outbox outbox = Outbox.open(directory.resolve("outbox"), settings.outboxBytesMax(), Clock.systemUTC());
            stopSteps.add("outbox", outbox::close);
            HttpControlPlane client = clientOf(settings, config.aws());
            stopSteps.add("client of the control plane", client::close);
            return new ControlLink(settings, client, new Kept(client, state, outbox), stopSteps);
        } catch (IOException e) {
            throw new ServerStartException(Fault.FILES, ConfiguredDirectory.STATE.cannotBeUsed(config, e), e);
        }
    }

    private static HttpControlPlane clientOf(ControlSettings settings, AwsSettings aws) throws ServerStartException {
        try {
            return HttpControlPlane.open(settings, aws);
        } catch (IOException e) { // says which file of which key
            throw new ServerStartException(Fault.FILES, String.valueOf(e.getMessage()), e);
        }
    }

    /** Where reports go; null where there is nobody to tell. */
    @Nullable
    Outbox outbox() {
        return kept == null ? null : kept.outbox();
    }

    /** What the control plane was told of states; only where there is an outbox. */
    ToldStates toldStates() {
        return ToldStates.load(keptForTheApi().state());
    }

    /** What the control plane was told of sessions; only where there is an outbox. */
    ToldSessions toldSessions() {
        return ToldSessions.load(keptForTheApi().state());
    }

    /** What snapshot groups need; null where the control plane is a file, for which none are made. */
    SnapshotLink.@Nullable Kept keptForSnapshots() {
        return kept == null ? null : new SnapshotLink.Kept(kept.client(), kept.state(), kept.outbox());
    }

    private Kept keptForTheApi() {
        if (kept == null) {
            throw new IllegalStateException("nothing is told to a control plane that is a file");
        }
        return kept;
    }

    /** Under which id this server is known, as far as is known yet. */
    String replicatorId(String otherwise) {
        String known = controlPlane.knownReplicationServerId();
        return known == null ? otherwise : known;
    }

    /** The same; null if it is not known yet. */
    @Nullable
    String knownReplicatorId() {
        return controlPlane.knownReplicationServerId();
    }

    ControlPlane controlPlane() {
        return controlPlane;
    }

    /**
     * How it stands with the control plane, for the administrator's socket.
     *
     * @param associations null where nobody has been asked yet
     */
    JsonObject status(@Nullable AssociationStatus associations) {
        return ControlStatusJson.of(
                controlPlane.status(),
                associations,
                kept == null ? null : kept.outbox().status());
    }

    /** Begins to send what is in the outbox. Must be stopped after the sessions, whose last reports are then sent too. */
    void startSending(Runnable onRefused) {
        if (kept != null) {
            OutboxSender sender = new OutboxSender(controlPlane, kept.outbox(), onRefused);
            sender.start();
            stopSteps.add("sender of reports", () -> {
                awaitSent(kept.outbox());
                sender.close();
            });
        }
    }

    private static void awaitSent(Outbox outbox) throws InterruptedException {
        try {
            outbox.whenEmpty().get(LAST_REPORTS_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException _) {
            LOG.atInfo().addKeyValue("reports", outbox.status().entries()).log("reports wait for the next start");
        }
    }

    /** What else is told, and asked, once the server runs. */
    record Parts(
            Supplier<ReplicationServerInfo> server,
            AssociationTaker associations,
            Function<AssociationLoop, CommandHandlers> commands,
            Supplier<CompletableFuture<Map<String, JsonObject>>> infos,
            ResourceSampler sampler,
            RecentLogs recentLogs,
            Executor eventLoop) {}

    /** Begins to follow the control plane. */
    AssociationLoop follow(Parts parts) {
        Clock clock = Clock.systemUTC();
        AssociationLoop associations = new AssociationLoop(
                controlPlane,
                parts.server(),
                kept == null ? LocalControlPlane.INTERVAL : settings.associationsInterval(),
                kept == null ? null : new AssociationStore(kept.state()),
                parts.associations(),
                parts.eventLoop(),
                clock);
        if (kept != null) {
            start(
                    "metrics for the control plane",
                    new MetricsLoop(controlPlane, parts.sampler(), METRICS_INTERVAL, clock));
            start("logs for the control plane", new LogsLoop(controlPlane, parts.recentLogs(), LOGS_BYTES_PER_MINUTE));
            start(
                    "progress for the control plane",
                    new ProgressLoop(controlPlane, parts.infos(), settings.progressInterval(), clock));
        }
        start("associations", associations);
        if (kept != null) {
            start(
                    "commands",
                    new CommandLoop(
                            controlPlane,
                            settings.pollWaitSeconds(),
                            parts.commands().apply(associations),
                            kept.state(),
                            kept.outbox(),
                            clock));
        }
        return associations;
    }

    private void start(String part, ControlThread thread) {
        thread.start();
        stopSteps.add(part, thread::close);
    }

    /** Tells the models how it stands, if that has changed. Event loop. */
    void tellModels(Replications replications) {
        ControlPlaneStatus now = controlPlane.status();
        if (kept == null || now.equals(told)) {
            return;
        }
        // Also where calls have failed since: it was reached before it went away.
        if (now.lastAnswered() != null && (told == null || !now.lastAnswered().equals(told.lastAnswered()))) {
            replications.controlPlaneAuthenticated();
        }
        ControlPlaneStatus.Failure failure = now.lastFailure();
        if (now.failingSince() != null && failure != null) {
            replications.controlPlaneFailed(new ControlPlaneTrouble(
                    faultOf(failure.kind()), failure.sentence(), failure.nextAction(), now.nextAttempt()));
        }
        told = now;
    }

    private static ControlPlaneFault faultOf(ControlPlaneException.Kind kind) {
        return switch (kind) {
            case NO_METADATA, NO_CREDENTIALS, REFUSED_CREDENTIALS, CLOCK_SKEW, NOT_VALID, NOT_FOUND, CONFLICT ->
                ControlPlaneFault.NOT_AUTHENTICATED;
            case NAME_UNKNOWN, CONNECTION_REFUSED, UNREACHABLE, NO_TLS, UNTRUSTED, TIMEOUT, CIRCUIT_OPEN, CLOSED ->
                ControlPlaneFault.UNREACHABLE;
            case THROTTLED -> ControlPlaneFault.THROTTLED;
            case SERVER_FAULT -> ControlPlaneFault.SERVER_ERROR;
            case BAD_ANSWER -> ControlPlaneFault.BAD_ANSWER;
        };
    }
}
