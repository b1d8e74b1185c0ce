package org.replicationserver.demo;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentIdentity;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentStartException;
import org.replicationserver.agent.ReplicationAgent;
import org.replicationserver.agent.SourceDisk;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.cert.Pin;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.listener.TlsEngine;

/**
 * Where a story takes place: a disk to replicate, room for the replica, an agent. The thread of the run.
 *
 * @param work a directory that is removed at the end
 * @param streams data connections of the agent
 */
record Scene(Path work, DemoDisk disk, long diskBytes, int streams, Cleanup cleanup, Transcript transcript) {
    Path replica() {
        return work.resolve("volumes").resolve(LocalServer.VOLUME + ".img");
    }

    Path agentIdentity() {
        return work.resolve("agent");
    }

    List<SourceDisk> sources() {
        return List.of(new SourceDisk(LocalServer.DEVICE, disk.path()));
    }

    /** Of a server of its own with the replica as its volume. */
    LocalServer.Settings server(String name, LocalServer.@Nullable ControlPlane controlPlane) throws RunException {
        return new LocalServer.Settings(
                work.resolve(name), replica(), diskBytes, 0, agentPin(), TlsEngine.AUTO, List.of(), controlPlane);
    }

    void sayListening(LocalServer server) {
        transcript.say(
                "server: listening on port " + server.port() + ", TLS by " + server.engine() + ", " + server.pin());
    }

    Pin agentPin() throws RunException {
        try {
            return AgentIdentity.loadOrCreate(agentIdentity(), LocalServer.SOURCE_SERVER)
                    .pin();
        } catch (CertificateStoreException e) {
            throw new RunException("cannot make the agent's key: " + e.getMessage(), e);
        }
    }

    /** Starts the agent; its cycles after the first are begun by hand. */
    DemoAgent startAgent(AgentOptions options) throws RunException {
        AgentOptions complete =
                options.withStreams(streams).withQuietSource(true).withCycles(AgentOptions.ENDLESS, Watch.SYNC_TIMEOUT);
        try {
            return new DemoAgent(this, ReplicationAgent.start(complete, event -> sayOfAgent(event.text())));
        } catch (AgentStartException e) {
            throw new RunException("the agent does not start: " + e.getMessage(), e);
        }
    }

    /** When all is torn down the agent complains, which nobody needs to know. */
    private void sayOfAgent(String event) {
        if (!cleanup.isStopping()) {
            transcript.say("agent: " + event);
        }
    }
}
