package org.replicationserver.receiver.server;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.PeerIdentity;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.PinRegistry;
import org.replicationserver.cert.PinnedTrustManager;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ConfiguredDirectory;
import org.replicationserver.receiver.config.ControlSettings.ControlMode;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.config.VolumePaths;
import org.replicationserver.receiver.control.AssociationLoop;
import org.replicationserver.receiver.control.DataReplicationInfoJson;
import org.replicationserver.receiver.control.Outbox;
import org.replicationserver.receiver.control.ReplicationServerInfo;
import org.replicationserver.receiver.listener.AgentListener;
import org.replicationserver.receiver.listener.ListenerSettings;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.log.RecentLogs;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.replication.DataReplicationInfo;
import org.replicationserver.receiver.replication.ReplicationListener;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.replication.SoftwareTrouble;
import org.replicationserver.receiver.replication.StageClocks;
import org.replicationserver.receiver.server.ServerStartException.Fault;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.RoundReports;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceClocks;
import org.replicationserver.receiver.session.SpeedTestRuntime;
import org.replicationserver.receiver.software.SoftwareException;
import org.replicationserver.receiver.software.SoftwareService;
import org.replicationserver.receiver.staging.NvmeScanner;
import org.replicationserver.receiver.staging.StagingWatch;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.receiver.status.ResourceSampler;
import org.replicationserver.receiver.status.ServerEvents;
import org.replicationserver.receiver.status.VolumeMeters;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The replication server: everything is constructed here, top to bottom, and stopped in reverse. {@link #start} and {@link #stop}
 * are called by one thread that is not the event loop.
 */
public final class ReplicationServer {
    private static final Logger LOG = LoggerFactory.getLogger(ReplicationServer.class);

    /** Of this software, as others are told. */
    public static final String VERSION = "0.1.0";

    private static final long TICK_MILLIS = 250;
    private static final double NANOS_PER_SECOND = 1e9;

    /** Beyond the deadline that agents were told: to make durable what had been received by then. */
    private static final Duration FINISH_TIMEOUT = Duration.ofSeconds(20);

    /** What a start waits for volumes to open. */
    private static final Duration VOLUMES_TIMEOUT = Duration.ofSeconds(10);

    private final ServerConfig config;
    private final Identity identity;
    private final Vertx vertx;
    private final Context loop;
    private final Sessions sessions;
    private final AgentListener listener;
    private final AdminSocket admin;
    private final AssignedSources assignedSources;
    private final AssociationApplier applier;
    private final StagingVolumes volumes;
    private final Replications replications;
    private final ControlLink controlLink;
    private final MeterRegistry metrics;
    private final SoftwareService software;
    private final Executor eventLoop;
    private final StopSteps stopSteps;
    private final StagingWatch watch;
    private final InstanceLimitClock instanceLimit;

    /** What else looks at the time; event loop. */
    private final List<Runnable> onTick = new ArrayList<>();

    private final Instant started = Instant.now();

    /** 0 until it listens. Set by main, any thread reads it. */
    private volatile int port;

    /** Null until the control plane is followed. Any thread. */
    private volatile @Nullable AssociationLoop associations;

    /** @param stopSteps is given a step for each part that must be stopped, also when a later part cannot be made */
    private ReplicationServer(
            ServerConfig config,
            ReplicationSettings replicationSettings,
            MeterRegistry metrics,
            ServerFiles files,
            ControlLink controlLink,
            DeviceOpener devices,
            StopSteps stopSteps) {
        this.config = config;
        this.metrics = metrics;
        this.controlLink = controlLink;
        this.stopSteps = stopSteps;
        this.identity = files.identity();
        PinRegistry pins = new PinRegistry();

        TlsEngine.forbidResumptionAndRenegotiation();
        this.vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
        stopSteps.add("event loop", () -> await(vertx.close()));
        this.loop = vertx.getOrCreateContext();
        this.eventLoop = task -> loop.runOnContext(ignored -> task.run());

        SessionClock clock = SessionClock.system();
        ServerEvents counters = new ServerEvents(metrics, clock);
        Checkpoints checkpoints = new Checkpoints(files.replications(), eventLoop);
        List<SessionEvents> told = new ArrayList<>();
        List<ReplicationListener> stateListeners = new ArrayList<>(List.of(new StateLog()));
        this.replications = new Replications(
                clock,
                replicationSettings,
                () -> controlLink.replicatorId(config.serverId()),
                config.control().mode() == ControlMode.HTTPS,
                this::clocks,
                (source, before, after, why, moment) ->
                        stateListeners.forEach(one -> one.stateChanged(source, before, after, why, moment)),
                checkpoints::store);
        told.add(counters);
        told.add(replications);
        Outbox outbox = controlLink.outbox();
        if (outbox != null) {
            ControlReports reported = new ControlReports(
                    outbox::append,
                    controlLink.toldStates(),
                    controlLink.toldSessions(),
                    replications,
                    clock,
                    eventLoop);
            onLoopLater(reported::tellFormerSessions);
            told.add(reported);
            stateListeners.add(reported);
            onTick.add(reported::tick);
        }
        this.software = new SoftwareService(config.software(), config.aws(), this::tellSoftware);
        software.begin();
        SessionEvents events = new SessionEventsFan(told);
        StateRecords records = new StateRecords(
                files.state(),
                eventLoop,
                events::recordLost,
                id -> checkpoints.load(id).thenAccept(kept -> kept.ifPresent(one -> replications.restore(id, one))));
        RoundReports reports = new RoundReports(eventLoop);
        NvmeScanner scanner = NvmeScanner.ofThisMachine();
        VolumePaths volumePaths = config.volumePaths();
        this.volumes = new StagingVolumes(
                config.volumes(),
                volumePaths,
                config.sessions().regionShift(),
                new VolumeLocator(scanner),
                eventLoop,
                System::nanoTime,
                devices,
                reports);
        VolumeMeters meters = new VolumeMeters(metrics, volumes::writer);
        stopSteps.add("meters of volumes", () -> onLoopAndWait(() -> meters.keepOnly(Set.of())));
        stopSteps.add("volumes", () -> await(Future.fromCompletionStage(volumes.closeAll())));
        this.sessions = new Sessions(
                config.sessions(),
                clock,
                events,
                AgentListener.payloadMemory(),
                volumes,
                records,
                eventLoop,
                this::after,
                new SecureRandom(),
                new SpeedTestRuntime(
                        BackgroundExecutor.start("speed-test", SpeedTestRuntime.TASKS_MAX), this::eventLoopCpuNanos));
        reports.to(sessions);
        this.watch = new StagingWatch(
                scanner, config.volumes().statisticsDirectory(), () -> onLoopLater(sessions::devicesChanged));
        stopSteps.add("watch of EBS volumes", watch::close);
        this.instanceLimit = new InstanceLimitClock(watch::statistics, System::nanoTime);
        onLoopLater(() -> sessions.setServerBandwidth(configuredBandwidth()));
        this.assignedSources = new AssignedSources(pins, sessions, meters);
        this.applier = new AssociationApplier(assignedSources, volumePaths, sessions, configuredBandwidth());
        PinnedTrustManager trust = PinnedTrustManager.forServer(pins, Clock.systemUTC(), counters::certificateRefused);
        this.listener = new AgentListener(
                vertx,
                listenerSettings(config),
                identity.keyManager(),
                trust,
                new PeerIdentity(pins),
                sessions,
                new PeerEvents(counters, replications, applier::isOfNotTaken));
        stopSteps.add("listener", () -> await(listener.close()));
        this.admin = new AdminSocket(vertx, config.adminSocket(), sessions, this::statusNow, this::volumesNow);
        stopSteps.add("admin socket", () -> await(admin.close()));
        stopSteps.add("counters of replications", () -> onLoopAndWait(replications::keepAll));
        controlLink.startSending(() -> {
            if (associations != null) {
                associations.askNow();
            }
        });
        stopSteps.add("sessions", this::finishSessions);
        FunctionCounter.builder(
                        "replication_event_loop_cpu_seconds", listener, l -> l.eventLoopCpuNanos() / NANOS_PER_SECOND)
                .register(metrics);
        Gauge.builder("replication_connections", sessions, Sessions::connectionCount)
                .register(metrics);
    }

    /**
     * Opens the volumes on real devices and image files, and listens; see the other {@code start}.
     */
    public static ReplicationServer start(
            ServerConfig config,
            List<AssignedSource> assigned,
            MeterRegistry metrics,
            Consumer<Throwable> onStateFailure)
            throws ServerStartException {
        return start(
                config,
                assigned,
                metrics,
                onStateFailure,
                spec -> LinuxBlockDevice.open(spec.path(), spec.openOptions()));
    }

    /**
     * Opens the volumes and listens.
     *
     * @param devices opens the devices of volumes; tests put devices here that stall, fail or forget
     * @param onStateFailure told when the state cannot be kept any more; the process must end then
     * @throws ServerStartException with a line for the operator; nothing is left running
     */
    public static ReplicationServer start(
            ServerConfig config,
            List<AssignedSource> assigned,
            MeterRegistry metrics,
            Consumer<Throwable> onStateFailure,
            DeviceOpener devices)
            throws ServerStartException {
        return start(config, ReplicationSettings.defaults(), assigned, metrics, onStateFailure, devices);
    }

    /** The same, with other times and limits of what is told of replications; tests have no minutes. */
    public static ReplicationServer start(
            ServerConfig config,
            ReplicationSettings replicationSettings,
            List<AssignedSource> assigned,
            MeterRegistry metrics,
            Consumer<Throwable> onStateFailure,
            DeviceOpener devices)
            throws ServerStartException {
        StopSteps stopSteps = new StopSteps();
        try {
            ServerFiles files = ServerFiles.open(config, onStateFailure, stopSteps);
            CertificateExpiry.tell(files.identity().notAfter(), Instant.now(), config.certDirectory());
            ControlLink controlLink = ControlLink.open(config, stopSteps);
            ReplicationServer server =
                    new ReplicationServer(config, replicationSettings, metrics, files, controlLink, devices, stopSteps);
            server.listenToAdministrators();
            server.watch.start();
            server.openVolumes(assigned);
            server.listen();
            return server;
        } catch (RuntimeException e) {
            stopSteps.run();
            throw new ServerStartException(Fault.UNAVAILABLE, String.valueOf(e.getMessage()), e);
        } catch (ServerStartException e) {
            stopSteps.run();
            throw e;
        }
    }

    private static ListenerSettings listenerSettings(ServerConfig config) {
        return new ListenerSettings(
                config.listen().address(),
                config.listen().port(),
                config.listen().backlog(),
                config.listen().receiveBufferBytes(),
                config.tls().engine(),
                config.tls().protocols(),
                config.tls().handshakeTimeout());
    }

    /** Agents are not kept waiting for a device that does not answer: what opens later is told to them then. */
    private void openVolumes(List<AssignedSource> assigned) {
        CompletableFuture<Void> opened = new CompletableFuture<>();
        onLoopLater(() -> assignedSources
                .change(assigned)
                .whenComplete((done, fault) -> opened.complete(null))); // a fault was told, and is of one source server
        try {
            opened.get(VOLUMES_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            LOG.atWarn()
                    .addKeyValue("waitedSeconds", VOLUMES_TIMEOUT.toSeconds())
                    .log("not all volumes are open, listening without them");
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Before anything is opened, so that a preflight sees that a server is here. */
    private void listenToAdministrators() throws ServerStartException {
        onLoop(admin::listen, this::cannotMakeAdminSocket);
    }

    private void listen() throws ServerStartException {
        port = onLoop(listener::listen, this::cannotListen);
        onLoopLater(() -> replications.listensOn(port));
        onLoopLater(() -> vertx.setPeriodic(TICK_MILLIS, ignored -> tick()));
        LOG.atInfo()
                .addKeyValue("port", port)
                .addKeyValue("pin", identity.pin())
                .addKeyValue("engine", config.tls().engine().resolve())
                .addKeyValue("protocols", config.tls().protocols())
                .log("listening");
    }

    private void tick() {
        sessions.tick();
        controlLink.tellModels(replications);
        instanceLimit.keepOnly(assignedSources.sourceServerIds());
        replications.tick();
        onTick.forEach(Runnable::run);
    }

    private long eventLoopCpuNanos() {
        return listener.eventLoopCpuNanos();
    }

    private StageClocks clocks(String sourceServerId) {
        SourceClocks clocks = sessions.clocks(sourceServerId);
        return clocks == null
                ? new StageClocks(0, 0, 0, 0, 0, 0, 0, 0, StageClocks.UNKNOWN, 0)
                : new StageClocks(
                        clocks.throttlePausedNanos(),
                        clocks.memoryPausedNanos(),
                        clocks.holdNanos(),
                        clocks.deviceBusyNanos(),
                        clocks.expandBusyNanos(),
                        listener.eventLoopCpuNanos(),
                        clocks.windowUsedUpNanos(),
                        clocks.blocksUnderWayNanos(),
                        instanceLimit.nanos(sourceServerId, assignedSources.volumeIdsOf(sourceServerId)),
                        clocks.blocksUnderWay());
    }

    /**
     * Follows the control plane from now on: what it assigns replaces what was assigned at the start.
     *
     * @param recentLogs that are sent to it
     */
    public void follow(RecentLogs recentLogs) {
        BootCheck bootCheck =
                BootCheck.start(config, port, sessions, assignedSources::current, replications, eventLoop);
        stopSteps.add("look at what the server needs", bootCheck::stop);
        SnapshotLink.Kept kept = controlLink.keptForSnapshots();
        SnapshotLink snapshots = kept == null
                ? null
                : SnapshotLink.start(
                        config,
                        kept,
                        new SessionHolds(assignedSources, sessions, eventLoop),
                        replications,
                        metrics,
                        eventLoop,
                        stopSteps);
        associations = controlLink.follow(new ControlLink.Parts(
                this::info,
                applier,
                loop -> new ServerCommands(
                                sessions,
                                assignedSources,
                                volumes,
                                loop,
                                Objects.requireNonNull(snapshots, "commands come from a control plane only"),
                                controlLink.controlPlane(),
                                recentLogs,
                                this::info,
                                this::drain,
                                software,
                                eventLoop)
                        .handlers(),
                this::infos,
                new ResourceSampler(Path.of("/proc"), assignedSources::volumeIds, volumes::writer, watch::statistics),
                recentLogs,
                eventLoop));
    }

    private ReplicationServerInfo info() {
        return new ReplicationServerInfo(
                identity.pin(), null, port, ReplicationServer.VERSION, ProtocolLimits.ALPN, started);
    }

    private CompletableFuture<Map<String, JsonObject>> infos() {
        return CompletableFuture.supplyAsync(
                () -> {
                    Map<String, JsonObject> infos = new LinkedHashMap<>();
                    for (String id : replications.sourceServerIds()) {
                        DataReplicationInfo info = replications.info(id);
                        if (info != null) {
                            infos.put(id, DataReplicationInfoJson.of(info));
                        }
                    }
                    return infos;
                },
                eventLoop);
    }

    /** What is told of the whole server; event loop. */
    private JsonObject statusNow() {
        AssociationLoop followed = associations;
        return ServerStatus.of(
                replications,
                applier.notTaken(),
                sessions,
                controlLink.knownReplicatorId(),
                controlLink.status(followed == null ? null : followed.status()),
                software.status());
    }

    /** A fetch has begun or ended; any thread. */
    private void tellSoftware(SoftwareService.FetchState state) {
        SoftwareException failure = state.failure();
        onLoopLater(() -> {
            if (failure != null) {
                replications.softwareFailed(new SoftwareTrouble(
                        state.object(), failure.kind().name(), failure.sentence(), failure.nextAction()));
            } else if (state.isDone()) {
                replications.softwareInstalled();
            } else {
                replications.softwareFetching();
            }
        });
    }

    /** What is told of volumes; event loop. */
    private JsonObject volumesNow() {
        return VolumeList.of(watch, assignedSources.current(), volumes).put("port", port);
    }

    /** What the administrator's socket tells of the whole server. Any thread but the event loop. */
    public JsonObject status() {
        return CompletableFuture.supplyAsync(this::statusNow, eventLoop).join();
    }

    /** Asks all agents to finish, for good. */
    private CompletionStage<Void> drain() {
        sessions.drain();
        replications.serverDrained();
        return noSessions();
    }

    /** The port that agents connect to. */
    public int port() {
        return port;
    }

    /** What agents must pin. */
    public Pin pin() {
        return identity.pin();
    }

    /**
     * Stops in order: no new sessions; agents are asked to finish; what was received becomes durable and is acknowledged; the
     * writers force once more and close their devices; the state directory is closed. Collects what fails and goes on.
     */
    public void stop() {
        LOG.atInfo()
                .addKeyValue("drainSeconds", config.sessions().drainTimeout().toSeconds())
                .log("stopping, agents are asked to finish");
        stopSteps.run();
        LOG.info("stopped");
    }

    private void finishSessions() {
        onLoopLater(sessions::shutdown);
        if (!awaitNoSessions(config.sessions().drainTimeout())) {
            onLoopLater(sessions::finishAll);
            if (!awaitNoSessions(FINISH_TIMEOUT)) {
                LOG.atWarn()
                        .addKeyValue("waitedSeconds", FINISH_TIMEOUT.toSeconds())
                        .log("sessions did not finish");
            }
        }
    }

    private boolean awaitNoSessions(Duration timeout) {
        CompletableFuture<Void> none = new CompletableFuture<>();
        onLoopLater(() -> noSessions().thenRun(() -> none.complete(null)));
        try {
            none.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException | ExecutionException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Done when no session is open or opening. Event loop. */
    private CompletionStage<Void> noSessions() {
        CompletableFuture<Void> none = new CompletableFuture<>();
        vertx.setPeriodic(10, id -> {
            if (!sessions.hasSessions()) {
                vertx.cancelTimer(id);
                none.complete(null);
            }
        });
        return none;
    }

    private void onLoopAndWait(Runnable task) throws Exception {
        CompletableFuture.runAsync(task, eventLoop).get(FINISH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static <T> T await(Future<T> future) throws Exception {
        return future.toCompletionStage().toCompletableFuture().get(FINISH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    }

    private BandwidthSchedule configuredBandwidth() {
        return BandwidthSchedule.always(config.throttleServerMbps());
    }

    /** More exact than Vert.x's timers, which count in milliseconds. */
    private Runnable after(long delayNanos, Runnable task) {
        ScheduledFuture<?> scheduled =
                ((ContextInternal) loop).nettyEventLoop().schedule(task, delayNanos, TimeUnit.NANOSECONDS);
        return () -> scheduled.cancel(false);
    }

    private void onLoopLater(Runnable task) {
        loop.runOnContext(ignored -> task.run());
    }

    private <T> T onLoop(Supplier<Future<T>> task, Function<Throwable, ServerStartException> failure)
            throws ServerStartException {
        Promise<T> promise = Promise.promise();
        onLoopLater(() -> task.get().onComplete(promise));
        try {
            return await(promise.future());
        } catch (Exception e) {
            throw failure.apply(e.getCause() == null ? e : e.getCause());
        }
    }

    private ServerStartException cannotListen(Throwable cause) {
        String text = "cannot listen on " + config.listen().address() + " port "
                + config.listen().port() + ": " + cause.getMessage();
        return new ServerStartException(Fault.UNAVAILABLE, text, cause);
    }

    private ServerStartException cannotMakeAdminSocket(Throwable cause) {
        IOException why = cause instanceof IOException io ? io : new IOException(cause);
        return new ServerStartException(Fault.FILES, ConfiguredDirectory.STATE.cannotBeUsed(config, why), cause);
    }
}
