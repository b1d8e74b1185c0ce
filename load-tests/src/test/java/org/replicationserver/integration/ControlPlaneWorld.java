package org.replicationserver.integration;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateEncodingException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AssignedServer;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.controlplane.ApiClient;
import org.replicationserver.controlplane.ControlPlaneSimulator;
import org.replicationserver.controlplane.InstanceMetadataStub;
import org.replicationserver.controlplane.InstanceMetadataStub.Instance;

/** A control plane, and what servers and agents need to find it and to be believed by it. */
final class ControlPlaneWorld implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path directory;
    private final ControlPlaneSimulator simulator;
    private final Path authority;
    private final List<Runnable> closes = new ArrayList<>();

    ControlPlaneWorld(Path directory) throws IOException, CertificateEncodingException {
        this.directory = directory;
        this.simulator = ControlPlaneSimulator.start();
        this.authority = directory.resolve("authority.pem");
        closes.add(simulator::close);
        try (Writer pem = Files.newBufferedWriter(authority)) {
            Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
            pem.write("-----BEGIN CERTIFICATE-----\n"
                    + lines.encodeToString(simulator.authority().getEncoded()) + "\n-----END CERTIFICATE-----\n");
        }
    }

    /** PEM file of the certificate that the control plane's is trusted by. */
    Path authority() {
        return authority;
    }

    ControlPlaneSimulator simulator() {
        return simulator;
    }

    /** A server in a process of its own on an instance of this id, which shares its volumes with all others of this world. */
    ServerProcess.Plan server(String instanceId) throws IOException {
        Path own = Files.createDirectories(directory.resolve(instanceId));
        return ServerProcess.in(own)
                .jvm("-Daws.ec2MetadataServiceEndpoint=" + instance(instanceId).endpoint())
                .set("image.directory=" + images())
                .set("control.mode=https")
                .set("control.endpoint=" + simulator.endpoint())
                .set("control.ca-file=" + authority)
                .set("control.associations-interval-seconds=1");
    }

    Path images() {
        return directory.resolve("volumes");
    }

    InstanceMetadataStub instance(String instanceId) throws IOException {
        InstanceMetadataStub stub = InstanceMetadataStub.start(
                new Instance(instanceId, simulator.region(), "replication-server"), simulator.accessKeys(), 0);
        closes.add(stub::close);
        return stub;
    }

    /** An agent that asks this control plane where to connect. */
    AgentOptions agent(String sourceServerId, SourceDisk... disks) {
        ApiClient client = simulator.agentClient();
        closes.add(client::close);
        return AgentOptions.of(
                List.of(disks),
                new AssignedServer(client),
                sourceServerId,
                directory.resolve("agent-" + sourceServerId));
    }

    @Override
    public void close() {
        closes.reversed().forEach(Runnable::run);
    }
}
