package org.replicationserver.demo;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentOutcome;
import org.replicationserver.agent.AgentReport;
import org.replicationserver.agent.AgentStartException;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.ServerAddress;
import org.replicationserver.agent.ServerPins;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Pin;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.listener.TlsEngine;

/** One run of the demo, step by step. One thread; the agent has its own. */
final class Demo implements AutoCloseable {
    private static final Duration SYNC_TIMEOUT = Duration.ofMinutes(10);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);
    private static final long POLL_MILLIS = 5;
    private static final Duration LOOK_AT_SERVER = Duration.ofMillis(200);

    /** When so many hundredths of the disk are known to be durable the server is killed; more are by then. */
    private static final int KILL_FROM_PERCENT = 20;

    private static final int CYCLES = 2;

    /** What both disks hold in the end. */
    record Comparison(String sourceHash, String replicaHash) {
        static Comparison of(Path source, Path replica, long bytes) throws RunException {
            return new Comparison(DemoDisk.sha256(source, bytes), DemoDisk.sha256(replica, bytes));
        }

        boolean identical() {
            return sourceHash.equals(replicaHash);
        }

        String text() {
            return identical()
                    ? "replica identical: sha256=" + replicaHash
                    : "REPLICA DIFFERS: source sha256=" + sourceHash + " replica sha256=" + replicaHash;
        }
    }

    private final PrintWriter out;
    private final int streams;
    private final Cleanup cleanup = new Cleanup();
    private final long startedNanos = System.nanoTime();
    private double serverCpuSeconds;

    Demo(PrintWriter out, int streams) {
        this.out = out;
        this.streams = streams;
    }

    /**
     * Returns whether the replica is identical.
     *
     * @throws InterruptedException if the process was told to stop
     */
    boolean run(@Nullable Path source, long imageBytes) throws RunException, InterruptedException {
        try {
            return replicateAndProve(source, imageBytes);
        } catch (RunException e) {
            if (cleanup.isStopping()) {
                throw new InterruptedException("told to stop");
            }
            throw e;
        }
    }

    private boolean replicateAndProve(@Nullable Path source, long imageBytes)
            throws RunException, InterruptedException {
        Path work = cleanup.directory(Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
        DemoDisk disk = DemoDisk.of(source, imageBytes, work, out);
        long diskBytes = disk.sizeBytes();
        say("source: " + Mebibytes.text(diskBytes) + ", " + disk.description());

        Path identity = work.resolve("agent");
        Path replica = work.resolve("volumes").resolve("replica.img");
        LocalServer.Settings settings = new LocalServer.Settings(
                work.resolve("server"), replica, diskBytes, 0, agentPin(identity), TlsEngine.AUTO, List.of());
        AgentReport report;
        double seconds;
        try (LocalServer first = LocalServer.start(settings, cleanup)) {
            say("server: listening on port " + first.port() + ", TLS by " + first.engine() + ", " + first.pin());
            long syncNanos = System.nanoTime();
            ReplicationAgent agent = startAgent(disk, first, identity);
            try {
                report = replicate(agent, disk, first, settings);
            } finally {
                agent.stop();
            }
            seconds = (System.nanoTime() - syncNanos) / 1e9;
        }
        return prove(disk, replica, diskBytes, report, seconds);
    }

    private static Pin agentPin(Path identity) throws RunException {
        try {
            return AgentIdentity.loadOrCreate(identity, LocalServer.SOURCE_SERVER)
                    .pin();
        } catch (CertificateStoreException e) {
            throw new RunException("cannot make the agent's key: " + e.getMessage(), e);
        }
    }

    private ReplicationAgent startAgent(DemoDisk disk, LocalServer server, Path identity) throws RunException {
        AgentOptions options = AgentOptions.of(
                        List.of(new SourceDisk(LocalServer.DEVICE, disk.path())),
                        new ServerAddress("127.0.0.1", server.port()),
                        ServerPins.of(server.pin()),
                        LocalServer.SOURCE_SERVER,
                        identity)
                .withStreams(streams)
                .withQuietSource(true)
                .withCycles(AgentOptions.ENDLESS, SYNC_TIMEOUT);
        try {
            return ReplicationAgent.start(options, event -> sayOfAgent(event.text()));
        } catch (AgentStartException e) {
            throw new RunException("the agent does not start: " + e.getMessage(), e);
        }
    }

    private AgentReport replicate(
            ReplicationAgent agent, DemoDisk disk, LocalServer first, LocalServer.Settings settings)
            throws RunException, InterruptedException {
        awaitDurable(agent, first, settings.diskBytes() * KILL_FROM_PERCENT / 100);
        serverCpuSeconds += first.usage().cpuSeconds();
        first.kill();
        say("server: killed with SIGKILL at " + percentWhenKilled(agent, settings.diskBytes())
                + " % of the initial sync");
        try (LocalServer second = LocalServer.start(settings.withPort(first.port()), cleanup)) {
            say("server: started again");
            awaitCommit(agent, second, 1);
            say("initial sync: committed");
            for (int cycle = 1; cycle <= CYCLES; cycle++) {
                say("cycle " + cycle + ": " + disk.change(cycle));
                agent.cycleNow();
                awaitCommit(agent, second, cycle + 1);
                say("cycle " + cycle + ": committed");
            }
            agent.stop();
            if (agent.awaitEnd(STOP_TIMEOUT) == null) {
                throw new RunException("the agent did not end within " + STOP_TIMEOUT.toSeconds() + " s");
            }
            serverCpuSeconds += second.usage().cpuSeconds();
            return agent.report();
        }
    }

    private static void awaitDurable(ReplicationAgent agent, LocalServer server, long bytes)
            throws RunException, InterruptedException {
        long deadline = System.nanoTime() + SYNC_TIMEOUT.toNanos();
        while (agent.report().durableBytes() < bytes) {
            server.requireAlive();
            requireRunning(agent, deadline, "the initial sync");
            Thread.sleep(POLL_MILLIS);
        }
    }

    /** What was acknowledged up to the kill: counted once the agent has noticed it, and before another server is there. */
    private static long percentWhenKilled(ReplicationAgent agent, long diskBytes)
            throws RunException, InterruptedException {
        long deadline = System.nanoTime() + STOP_TIMEOUT.toNanos();
        while (agent.report().phase() != AgentReport.Phase.CONNECTING) {
            requireRunning(agent, deadline, "the loss of the server");
            Thread.sleep(POLL_MILLIS);
        }
        AgentReport report = agent.report();
        if (report.committedEpoch() > 0 || report.durableBytes() >= diskBytes) {
            throw new RunException("the initial sync was complete before the server could be killed;"
                    + " a larger disk takes longer, see --size");
        }
        return report.durableBytes() * 100 / diskBytes;
    }

    private static void awaitCommit(ReplicationAgent agent, LocalServer server, long epoch)
            throws RunException, InterruptedException {
        long deadline = System.nanoTime() + SYNC_TIMEOUT.toNanos();
        while (!agent.awaitCommitted(epoch, LOOK_AT_SERVER)) {
            server.requireAlive();
            requireRunning(agent, deadline, "the commit of epoch " + epoch);
        }
    }

    private static void requireRunning(ReplicationAgent agent, long deadlineNanos, String awaited) throws RunException {
        AgentReport report = agent.report();
        AgentOutcome outcome = report.outcome();
        if (outcome != null) {
            throw new RunException("waiting for " + awaited + " the agent ended: " + outcome.text());
        }
        if (System.nanoTime() > deadlineNanos) {
            throw new RunException("waiting for " + awaited + " takes too long: the agent is "
                    + report.phase().name().toLowerCase(Locale.ROOT) + ", durable are "
                    + Mebibytes.text(report.durableBytes()));
        }
    }

    private boolean prove(DemoDisk disk, Path replica, long diskBytes, AgentReport report, double seconds)
            throws RunException, InterruptedException {
        Comparison comparison = Comparison.of(disk.path(), replica, diskBytes);
        boolean identical = comparison.identical();
        say("");
        row("disk", Mebibytes.text(diskBytes));
        row("sent, expanded", Mebibytes.text(report.rawBytesSent()));
        row("sent, on the wire", Mebibytes.text(report.wireBytesSent()));
        row("sent again after the kill", Mebibytes.text(report.bytesResent()));
        row("commits", Long.toString(report.commits()));
        row("sessions", Long.toString(report.sessions()));
        row("time of replication", String.format(Locale.ROOT, "%.1f s", seconds));
        row("CPU of the server", String.format(Locale.ROOT, "%.1f s, starts included", serverCpuSeconds));
        row("file system of the replica", identical ? disk.check(replica) : "not checked");
        row("time in all", String.format(Locale.ROOT, "%.1f s", (System.nanoTime() - startedNanos) / 1e9));
        say("");
        say(comparison.text());
        return identical;
    }

    private void row(String name, String value) {
        say(String.format(Locale.ROOT, "  %-28s %s", name, value));
    }

    /** When all is torn down the agent complains, which nobody needs to know. */
    private void sayOfAgent(String event) {
        if (!cleanup.isStopping()) {
            say("agent: " + event);
        }
    }

    private synchronized void say(String line) {
        out.println(line);
        out.flush();
    }

    @Override
    public void close() {
        cleanup.close();
    }
}
