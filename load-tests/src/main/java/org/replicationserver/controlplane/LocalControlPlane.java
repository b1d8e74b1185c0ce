package org.replicationserver.controlplane;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/** A control plane in this process for servers that run here, and the metadata services of their instances. One thread. */
public final class LocalControlPlane implements AutoCloseable {
    private static final String ROLE = "AWSApplicationMigrationReplicationServerRole";

    private final ControlPlaneSimulator simulator;
    private final Path authority;

    /** The newest first. */
    private final Deque<Runnable> closes = new ArrayDeque<>();

    private LocalControlPlane(ControlPlaneSimulator simulator, Path authority) {
        this.simulator = simulator;
        this.authority = authority;
        closes.push(simulator::close);
    }

    /** Starts one that writes the certificate of its authority to a directory. */
    public static LocalControlPlane start(Path directory) throws RunException {
        try {
            return new LocalControlPlane(
                    ControlPlaneSimulator.start(SimulatorOptions.forTests().withDirectory(directory)),
                    directory.resolve(ControlPlaneSimulator.AUTHORITY_FILE));
        } catch (IOException e) {
            throw new RunException("the control plane does not start: " + e.getMessage(), e);
        }
    }

    public ControlPlaneSimulator simulator() {
        return simulator;
    }

    /** The simulator's. */
    public Fleet fleet() {
        return simulator.fleet();
    }

    /** What a server on a new instance of this id needs. */
    public LocalServer.ControlPlane instance(String instanceId) throws RunException {
        InstanceMetadataStub.Instance instance =
                new InstanceMetadataStub.Instance(instanceId, simulator.region(), ROLE);
        try {
            InstanceMetadataStub metadata = InstanceMetadataStub.start(instance, simulator.accessKeys(), 0);
            closes.push(metadata::close);
            return new LocalServer.ControlPlane(simulator.endpoint(), authority, metadata.endpoint());
        } catch (IOException e) {
            throw new RunException(
                    "the metadata of instance " + instanceId + " cannot be served: " + e.getMessage(), e);
        }
    }

    /** A client for an agent, with credentials of its own. */
    public ApiClient agentClient() {
        ApiClient client = simulator.agentClient();
        closes.push(client::close);
        return client;
    }

    /** Whether a replication server has introduced itself. */
    public boolean knowsServer(String replicationServerId) {
        return fleet().replicationServer(replicationServerId).self() != null;
    }

    /** Whether the agent of the source server has registered. */
    public boolean knowsSource() {
        return fleet().sourceServers().stream()
                .anyMatch(source -> source.sourceServerId().equals(LocalServer.SOURCE_SERVER));
    }

    /** The source server, whose agent must have registered. */
    public SourceServerView source() {
        return fleet().sourceServer(LocalServer.SOURCE_SERVER);
    }

    /** Whether the newest that it was told of the source server is this state, by this replication server. */
    public boolean isTold(String state, String replicationServerId) {
        JsonObject info = source().info();
        return info != null
                && source().state().equals(state)
                && info.getString("replicatorId").equals(replicationServerId);
    }

    /** Whether it was told that the epoch is committed. */
    public boolean isCommitted(long epoch) {
        JsonObject known = source().record();
        return known != null && Long.parseLong(known.getString("committedEpoch")) >= epoch;
    }

    /**
     * Returns whether a command was executed; false as long as it is not answered.
     *
     * @throws RunException if it was answered with anything but success
     */
    public boolean hasSucceeded(String commandId) throws RunException {
        CommandView command = fleet().command(commandId);
        JsonObject result = command.result();
        if (result == null) {
            return false;
        }
        if (!command.status().equals("SUCCEEDED")) {
            throw new RunException(command.replicationServerId() + " answered "
                    + command.command().getString("type") + " with " + command.status() + ": "
                    + result.getString("message", "without a reason"));
        }
        return true;
    }

    /** From now on nobody is there. */
    public void goDown() throws RunException {
        try {
            simulator.goDown();
        } catch (IOException e) {
            throw new RunException("the control plane does not go down: " + e.getMessage(), e);
        }
    }

    /** Answers again, at the same place. */
    public void comeUp() throws RunException {
        try {
            simulator.comeUp();
        } catch (IOException e) {
            throw new RunException("the control plane does not come up: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        closes.forEach(Runnable::run);
    }
}
