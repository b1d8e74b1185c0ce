package org.replicationserver.demo;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import org.replicationserver.agent.AssignedServer;
import org.replicationserver.agent.ServerLookup;
import org.replicationserver.controlplane.ApiClient;
import org.replicationserver.controlplane.CommandView;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.InstanceMetadataStub;
import org.replicationserver.controlplane.InstanceMetadataStub.Instance;
import org.replicationserver.controlplane.SimulatorOptions;
import org.replicationserver.controlplane.SourceServerView;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/** The control plane of a demo, in its process, and the metadata services of the instances. The thread of the run. */
final class DemoControlPlane implements AutoCloseable {
    private static final String ROLE = "AWSApplicationMigrationReplicationServerRole";

    private final ControlPlaneSimulator simulator;
    private final Path authority;
    private final Deque<Runnable> closes = new ArrayDeque<>();

    private DemoControlPlane(ControlPlaneSimulator simulator, Path authority) {
        this.simulator = simulator;
        this.authority = authority;
        closes.push(simulator::close);
    }

    /** Starts one that writes the certificate of its authority to a directory. */
    static DemoControlPlane start(Path directory) throws RunException {
        try {
            return new DemoControlPlane(
                    ControlPlaneSimulator.start(SimulatorOptions.forTests().withDirectory(directory)),
                    directory.resolve(ControlPlaneSimulator.AUTHORITY_FILE));
        } catch (IOException e) {
            throw new RunException("the control plane does not start: " + e.getMessage(), e);
        }
    }

    ControlPlaneSimulator simulator() {
        return simulator;
    }

    Fleet fleet() {
        return simulator.fleet();
    }

    /** What a server on a new instance of this id needs. */
    LocalServer.ControlPlane instance(String instanceId) throws RunException {
        Instance instance = new Instance(instanceId, simulator.region(), ROLE);
        try {
            InstanceMetadataStub metadata = InstanceMetadataStub.start(instance, simulator.accessKeys(), 0);
            closes.push(metadata::close);
            return new LocalServer.ControlPlane(simulator.endpoint(), authority, metadata.endpoint());
        } catch (IOException e) {
            throw new RunException(
                    "the metadata of instance " + instanceId + " cannot be served: " + e.getMessage(), e);
        }
    }

    /** For an agent, with credentials of its own. */
    ServerLookup lookup() {
        ApiClient client = simulator.agentClient();
        closes.push(client::close);
        return new AssignedServer(client);
    }

    boolean knowsSource() {
        return fleet().sourceServers().stream()
                .anyMatch(source -> source.sourceServerId().equals(LocalServer.SOURCE_SERVER));
    }

    /** The source server, whose agent must have registered. */
    SourceServerView source() {
        return fleet().sourceServer(LocalServer.SOURCE_SERVER);
    }

    /** Whether the newest that it was told of the source server is this state, by this replication server. */
    boolean isTold(String state, String replicationServerId) {
        JsonObject info = source().info();
        return info != null
                && source().state().equals(state)
                && info.getString("replicatorId").equals(replicationServerId);
    }

    /** Whether it was told that the epoch is committed. */
    boolean isCommitted(long epoch) {
        JsonObject known = source().record();
        return known != null && Long.parseLong(known.getString("committedEpoch")) >= epoch;
    }

    /**
     * Waits until a command was executed.
     *
     * @throws RunException if it was answered with anything but success
     */
    CommandView awaitSuccess(String commandId, Watch watch) throws RunException, InterruptedException {
        String type = fleet().command(commandId).command().getString("type");
        watch.await(
                "the result of " + type,
                Watch.STEP_TIMEOUT,
                () -> fleet().command(commandId).result() != null);
        CommandView answered = fleet().command(commandId);
        if (!answered.status().equals("SUCCEEDED")) {
            String message = Objects.requireNonNull(answered.result()).getString("message", "without a reason");
            throw new RunException(answered.replicationServerId() + " answered " + type + " with " + answered.status()
                    + ": " + message);
        }
        return answered;
    }

    /** From now on nobody is there. */
    void goDown() throws RunException {
        try {
            simulator.goDown();
        } catch (IOException e) {
            throw new RunException("the control plane does not go down: " + e.getMessage(), e);
        }
    }

    /** Answers again, at the same place. */
    void comeUp() throws RunException {
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
