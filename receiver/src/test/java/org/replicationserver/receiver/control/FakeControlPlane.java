package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

/** A control plane in memory: answers what it is told to, fails as it is told to, and remembers what it was told. */
class FakeControlPlane implements ControlPlane {
    final List<SentReport> taken = new CopyOnWriteArrayList<>();
    final AtomicInteger asked = new AtomicInteger();
    final LinkedBlockingQueue<List<PolledCommand>> polls = new LinkedBlockingQueue<>();

    /** For how long each poll was asked to wait. */
    final List<Integer> waitsSeconds = new CopyOnWriteArrayList<>();

    /** Throws for polls that shall fail. */
    volatile Polling polling = () -> {};

    /** What comes back, or what is thrown, for a question of what is assigned. */
    volatile Answer associations = () -> AssociationsAnswer.of(Associations.NONE);

    /** Throws for reports that shall not be taken. */
    volatile Taking taking = report -> {};

    /** What is done by who waits until the circuit lets a call through. */
    volatile Awaiting awaiting = atMost -> true;

    interface Awaiting {
        boolean await(Duration atMost) throws InterruptedException;
    }

    final List<ClientLogs> logs = new CopyOnWriteArrayList<>();

    /** Throws for log records that shall not be taken. */
    volatile Logging logging = logs -> {};

    interface Logging {
        void take(ClientLogs logs) throws ControlPlaneException;
    }

    interface Answer {
        AssociationsAnswer answer() throws ControlPlaneException, InterruptedException;
    }

    interface Polling {
        void poll() throws ControlPlaneException;
    }

    interface Taking {
        void take(SentReport report) throws ControlPlaneException;
    }

    static ControlPlaneException failure(Kind kind) {
        return new ControlPlaneException(kind, "the control plane answered " + kind, "Do so.", "request-1", null, null);
    }

    @Override
    public String knownReplicationServerId() {
        return "i-0";
    }

    @Override
    public String replicationServerId() {
        return "i-0";
    }

    @Override
    public AssociationsAnswer describeAssociations(ReplicationServerInfo server, Duration timeout)
            throws ControlPlaneException, InterruptedException {
        asked.incrementAndGet();
        return associations.answer();
    }

    @Override
    public List<PolledCommand> getCommands(int waitSeconds, int commandsMax)
            throws ControlPlaneException, InterruptedException {
        waitsSeconds.add(waitSeconds);
        polling.poll();
        return polls.take();
    }

    @Override
    public void send(SentReport report) throws ControlPlaneException {
        taking.take(report);
        taken.add(report);
    }

    @Override
    public void sendProgress(String sourceServerId, Instant observed, JsonObject dataReplicationInfo)
            throws ControlPlaneException {}

    @Override
    public void sendMetrics(ClientMetrics metrics) {}

    @Override
    public void sendLogs(ClientLogs newLogs) throws ControlPlaneException {
        logging.take(newLogs);
        logs.add(newLogs);
    }

    @Override
    public boolean awaitAttempt(Duration atMost) throws InterruptedException {
        return awaiting.await(atMost);
    }

    @Override
    public ControlPlaneStatus status() {
        return ControlPlaneStatus.NOTHING_YET;
    }

    @Override
    public void close() {}
}
