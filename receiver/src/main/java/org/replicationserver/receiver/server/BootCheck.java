package org.replicationserver.receiver.server;

import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.preflight.Finding;
import org.replicationserver.receiver.preflight.Finding.Verdict;
import org.replicationserver.receiver.preflight.Preflight;
import org.replicationserver.receiver.preflight.Preflight.Checked;
import org.replicationserver.receiver.preflight.PreflightCheck;
import org.replicationserver.receiver.preflight.PreflightChecks;
import org.replicationserver.receiver.preflight.RunningServer;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.replication.ServerTrouble;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks once at what the server needs of its machine, beside the server, and tells what it lacks. On a virtual thread of its own.
 *
 * <p>Services on port 443 are left to their clients, which call them anyway and tell of each trouble.
 */
final class BootCheck {
    private static final Logger LOG = LoggerFactory.getLogger(BootCheck.class);

    /** What the event loop knows. */
    private record Seen(List<AssignedSource> assigned, RunningServer running) {}

    private final Thread thread;

    private BootCheck(Thread thread) {
        this.thread = thread;
    }

    /**
     * Begins; the server listens already.
     *
     * @param assigned what is assigned now; called on the event loop
     */
    static BootCheck start(
            ServerConfig config,
            int port,
            Sessions sessions,
            Supplier<List<AssignedSource>> assigned,
            Replications replications,
            Executor eventLoop) {
        CompletableFuture<Seen> seen =
                CompletableFuture.supplyAsync(() -> new Seen(assigned.get(), running(port, sessions)), eventLoop);
        return new BootCheck(
                Thread.ofVirtual().name("boot-check").start(() -> look(config, seen, replications, eventLoop)));
    }

    private static void look(
            ServerConfig config, CompletableFuture<Seen> seen, Replications replications, Executor eventLoop) {
        try {
            List<PreflightCheck> checks = PreflightChecks.ofMachine(
                    config, Clock.systemUTC(), seen.get().assigned(), seen.get().running());
            List<Checked> found = Preflight.run(checks, Preflight.TIMEOUT);
            found.forEach(BootCheck::tell);
            found.stream()
                    .filter(one -> one.finding().verdict().isFailure() && PreflightChecks.isOfTheServer(one.name()))
                    .findFirst()
                    .ifPresent(one -> eventLoop.execute(() -> replications.serverTrouble(troubleOf(one))));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            LOG.atError()
                    .setCause(e.getCause())
                    .log("a fault of this program kept the server from looking at what it needs");
        }
    }

    private static RunningServer running(int port, Sessions sessions) {
        Map<String, @Nullable String> volumes = new LinkedHashMap<>();
        sessions.volumes().forEach((id, availability) -> volumes.put(id, troubleOf(availability)));
        return new RunningServer(port, volumes);
    }

    /** Why a volume takes no writes; null if it does. One that has failed stays open until it is reopened. */
    static @Nullable String troubleOf(Availability availability) {
        return switch (availability) {
            case Availability.Open(Volume volume) -> {
                VolumeFailure failure = volume.failure();
                yield failure == null ? null : failure.summary();
            }
            case Availability.Unavailable none -> none.reason();
        };
    }

    private static void tell(Checked one) {
        Finding finding = one.finding();
        boolean wanting = finding.verdict().isFailure() || finding.verdict() == Verdict.WARN;
        (wanting ? LOG.atWarn() : LOG.atDebug())
                .addKeyValue("check", one.name())
                .addKeyValue("verdict", finding.verdict())
                .addKeyValue("found", finding.text())
                .addKeyValue("nextAction", finding.fix())
                .log(wanting ? "something that the server needs is wanting" : "looked at what the server needs");
    }

    private static ServerTrouble troubleOf(Checked one) {
        return new ServerTrouble(
                one.name() + ": " + one.finding().text(), one.finding().fix());
    }

    /** Ends it, wherever it is. */
    void stop() throws InterruptedException {
        thread.interrupt();
        thread.join();
    }
}
