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
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.PeerIdentity;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.PinRegistry;
import org.replicationserver.cert.PinnedTrustManager;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ConfiguredDirectory;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.listener.AgentListener;
import org.replicationserver.receiver.listener.ListenerSettings;
import org.replicationserver.receiver.listener.TlsEngine;
import org.replicationserver.receiver.server.ServerStartException.Fault;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
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
    private static final long TICK_MILLIS = 250;
    private static final double NANOS_PER_SECOND = 1e9;

    /** Beyond the deadline that agents were told: to make durable what had been received by then. */
    private static final Duration FINISH_TIMEOUT = Duration.ofSeconds(20);

    private final ServerConfig config;
    private final Identity identity;
    private final Vertx vertx;
    private final Context loop;
    private final Sessions sessions;
    private final AgentListener listener;
    private final AdminSocket admin;
    private final StopSteps stopSteps;

    private int port;

    /** @param stopSteps is given a step for each part that must be stopped, also when a later part cannot be made */
    private ReplicationServer(
            ServerConfig config,
            List<AssignedSource> assigned,
            MeterRegistry metrics,
            ServerFiles files,
            DeviceOpener devices,
            StopSteps stopSteps) {
        List<SourceAssignment> assignments =
                assigned.stream().map(AssignedSource::assignment).toList();
        this.config = config;
        this.stopSteps = stopSteps;
        this.identity = files.identity();
        PinRegistry pins = new PinRegistry();
        pins.replaceAll(pinsOf(assigned));

        TlsEngine.forbidResumptionAndRenegotiation();
        this.vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
        stopSteps.add("event loop", () -> await(vertx.close()));
        this.loop = vertx.getOrCreateContext();
        Executor eventLoop = task -> loop.runOnContext(ignored -> task.run());

        SessionClock clock = SessionClock.system();
        ServerEvents events = new ServerEvents(metrics, clock);
        StateRecords records = new StateRecords(files.state(), eventLoop, events::recordLost);
        StagingVolumes.createMissingImages(assignments, records);
        StagingVolumes volumes = new StagingVolumes(
                config.volumes(), config.sessions().regionShift(), eventLoop, System::nanoTime, devices, events);
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
                assignments);
        sessions.setServerBandwidth(BandwidthSchedule.always(config.throttleServerMbps()));
        for (AssignedSource source : assigned) {
            sessions.setBandwidth(source.assignment().sourceServerId(), source.bandwidth());
        }
        volumes.openAll(assignments, records, sessions);
        for (SourceAssignment source : assignments) {
            for (VolumeAssignment volume : source.volumes()) {
                VolumeMeters.register(metrics, volume.volumeId(), () -> volumes.writer(volume.volumeId()));
            }
        }
        PinnedTrustManager trust = PinnedTrustManager.forServer(pins, Clock.systemUTC(), events::certificateRefused);
        this.listener = new AgentListener(
                vertx,
                listenerSettings(config),
                identity.keyManager(),
                trust,
                new PeerIdentity(pins),
                sessions,
                events);
        stopSteps.add("listener", () -> await(listener.close()));
        this.admin = new AdminSocket(vertx, config.adminSocket(), sessions);
        stopSteps.add("admin socket", () -> await(admin.close()));
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
        StopSteps stopSteps = new StopSteps();
        try {
            ServerFiles files = ServerFiles.open(config, onStateFailure, stopSteps);
            CertificateExpiry.tell(files.identity().notAfter(), Instant.now(), config.certDirectory());
            ReplicationServer server = new ReplicationServer(config, assigned, metrics, files, devices, stopSteps);
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

    private static Map<Pin, String> pinsOf(List<AssignedSource> assigned) {
        Map<Pin, String> pins = new HashMap<>();
        for (AssignedSource source : assigned) {
            for (String pin : source.agentPins()) {
                pins.put(Pin.parse(pin), source.assignment().sourceServerId());
            }
        }
        return pins;
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

    private void listen() throws ServerStartException {
        port = onLoop(listener::listen, this::cannotListen);
        onLoop(admin::listen, this::cannotMakeAdminSocket);
        onLoopLater(() -> vertx.setPeriodic(TICK_MILLIS, ignored -> sessions.tick()));
        LOG.info(
                "listening: port={} pin={} engine={} protocols={}",
                port,
                identity.pin(),
                config.tls().engine().resolve(),
                config.tls().protocols());
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
        LOG.info(
                "stopping: agents get {} s to finish",
                config.sessions().drainTimeout().toSeconds());
        stopSteps.run();
        LOG.info("stopped");
    }

    private void finishSessions() {
        onLoopLater(sessions::shutdown);
        if (!awaitNoSessions(config.sessions().drainTimeout())) {
            onLoopLater(sessions::finishAll);
            if (!awaitNoSessions(FINISH_TIMEOUT)) {
                LOG.warn("sessions did not finish within {} s", FINISH_TIMEOUT.toSeconds());
            }
        }
    }

    private boolean awaitNoSessions(Duration timeout) {
        CountDownLatch none = new CountDownLatch(1);
        onLoopLater(() -> vertx.setPeriodic(10, id -> {
            if (!sessions.hasSessions()) {
                vertx.cancelTimer(id);
                none.countDown();
            }
        }));
        try {
            return none.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static <T> T await(Future<T> future) throws Exception {
        return future.toCompletionStage().toCompletableFuture().get(FINISH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
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
