package org.replicationserver.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AssignedServer;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ConfigException;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.receiver.server.ServerStartException;
import org.replicationserver.volume.VolumeRegistry.DeviceOpener;

/** A control plane, and what servers and agents need to find it and to be believed by it. */
final class ControlPlaneWorld implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final String METADATA = "aws.ec2MetadataServiceEndpoint";

    private final Path directory;
    private final LocalControlPlane controlPlane;

    ControlPlaneWorld(Path directory) throws RunException {
        this.directory = directory;
        this.controlPlane = LocalControlPlane.start(directory.resolve("control-plane"));
    }

    ControlPlaneSimulator simulator() {
        return controlPlane.simulator();
    }

    /** What a server on a new instance of this id needs. */
    LocalServer.ControlPlane instance(String instanceId) throws RunException {
        return controlPlane.instance(instanceId);
    }

    /** A server in a process of its own on an instance of this id, which shares its volumes with all others of this world. */
    ServerProcess.Plan server(String instanceId) throws IOException, RunException {
        Path own = Files.createDirectories(directory.resolve(instanceId));
        LocalServer.ControlPlane access = instance(instanceId);
        return ServerProcess.in(own)
                .jvm("-D" + METADATA + "=" + access.instanceMetadata())
                .set("image.directory=" + images())
                .set("control.mode=https")
                .set("control.endpoint=" + access.endpoint())
                .set("aws.ca-file=" + access.authority())
                .set("control.associations-interval-seconds=1");
    }

    /** A server in this process on an instance of this id, without volumes; one at a time. */
    InProcessServer serverHere(
            String instanceId, ReplicationSettings replicationSettings, DeviceOpener devices, String... settings)
            throws RunException, ConfigException, ServerStartException {
        LocalServer.ControlPlane access = instance(instanceId);
        System.setProperty(METADATA, access.instanceMetadata().toString());
        List<String> all = new ArrayList<>(List.of(
                "control.mode=https",
                "control.endpoint=" + access.endpoint(),
                "aws.ca-file=" + access.authority(),
                "control.associations-interval-seconds=1",
                "control.progress-interval-seconds=1"));
        all.addAll(List.of(settings));
        return InProcessServer.start(directory, replicationSettings, List.of(), devices, all.toArray(String[]::new))
                .follow();
    }

    Path images() {
        return directory.resolve("volumes");
    }

    /** An agent that asks this control plane where to connect. */
    AgentOptions agent(String sourceServerId, SourceDisk... disks) {
        return AgentOptions.of(
                List.of(disks),
                new AssignedServer(controlPlane.agentClient()),
                sourceServerId,
                directory.resolve("agent-" + sourceServerId));
    }

    @Override
    public void close() {
        System.clearProperty(METADATA);
        controlPlane.close();
    }
}
