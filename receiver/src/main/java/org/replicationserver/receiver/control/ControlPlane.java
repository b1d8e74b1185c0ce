package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The control plane, as this server sees it. Any thread but an event loop: calls block, for as long as {@code
 * control.call-timeout-seconds} at most, and end early with {@link InterruptedException} when their thread is interrupted.
 *
 * <p>A call that fails does so with a sentence for people. Nothing that is asked here is lost by a failure: whoever calls asks again,
 * and what must not be lost is in the {@link Outbox}.
 */
public interface ControlPlane extends AutoCloseable {

    /** Under which id the control plane knows this server; also what it calls the replicator. */
    String replicationServerId() throws ControlPlaneException, InterruptedException;

    /** The same if it is known already, else null; does not block. */
    @Nullable
    String knownReplicationServerId();

    /**
     * Introduces this server and asks which source servers are assigned to it.
     *
     * @param timeout at most so long, and no longer than any call
     */
    AssociationsAnswer describeAssociations(ReplicationServerInfo server, Duration timeout)
            throws ControlPlaneException, InterruptedException;

    /**
     * Asks for commands, and waits for some that no answer has carried yet; if it does not wait, for all that have no result, oldest
     * first. What a command lacks is told in its place, the others are not touched by it.
     *
     * @param waitSeconds how long the control plane shall wait if there is no new one, 0 to 20; should the call need another attempt, that
     *     one does not wait
     * @param commandsMax 1 to 16
     */
    List<PolledCommand> getCommands(int waitSeconds, int commandsMax)
            throws ControlPlaneException, InterruptedException;

    /** Tells what the outbox kept; the control plane takes it once, however often it is told. */
    void send(SentReport report) throws ControlPlaneException, InterruptedException;

    /**
     * Tells how far a replication is. Not durable: the newest wins.
     *
     * @param dataReplicationInfo the schema of that name
     */
    void sendProgress(String sourceServerId, Instant observed, JsonObject dataReplicationInfo)
            throws ControlPlaneException, InterruptedException;

    /** Sends samples. Not durable. */
    void sendMetrics(ClientMetrics metrics) throws ControlPlaneException, InterruptedException;

    /** Sends log records. Not durable. */
    void sendLogs(ClientLogs logs) throws ControlPlaneException, InterruptedException;

    /**
     * Waits as long as calls would not even be tried, because the control plane asked for time or too many have failed.
     *
     * @return false, as soon as that is known, if that is longer than {@code atMost}
     */
    boolean awaitAttempt(Duration atMost) throws InterruptedException;

    ControlPlaneStatus status();

    /** Ends all calls that are under way; further ones fail. */
    @Override
    void close();
}
