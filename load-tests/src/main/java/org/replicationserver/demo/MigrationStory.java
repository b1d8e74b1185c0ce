package org.replicationserver.demo;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.replicationserver.agent.AgentOptions;
import org.replicationserver.agent.AgentReport;
import org.replicationserver.agent.AssignedServer;
import org.replicationserver.cert.Pin;
import org.replicationserver.controlplane.Fleet;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.controlplane.ReplicationServerView;
import org.replicationserver.controlplane.StateChange;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.Mebibytes;
import org.replicationserver.process.RunException;

/**
 * A migration that a control plane leads: pairing, a limit of bandwidth in the middle of the initial sync, an outage of the control
 * plane, the replacement of the server, the stop. The thread of the run.
 */
final class MigrationStory {
    private static final String FIRST = "i-0123456789abcdef0";
    private static final String SECOND = "i-0fedcba9876543210";
    private static final String SOURCE = LocalServer.SOURCE_SERVER;

    /** Long enough for a server to notice, and to wait between its attempts. */
    private static final Duration OUTAGE_MIN = Duration.ofSeconds(5);

    private final Scene scene;
    private final LocalControlPlane controlPlane;
    private final Sightings sightings;
    private double serverCpuSeconds;

    private MigrationStory(Scene scene, LocalControlPlane controlPlane) {
        this.scene = scene;
        this.controlPlane = controlPlane;
        this.sightings = new Sightings(controlPlane, scene.transcript());
    }

    /** A {@link Story}. */
    static Story.End play(Scene scene) throws RunException, InterruptedException {
        try (LocalControlPlane controlPlane =
                LocalControlPlane.start(scene.work().resolve("control-plane"))) {
            return new MigrationStory(scene, controlPlane).play();
        }
    }

    private Story.End play() throws RunException, InterruptedException {
        say("control plane: " + controlPlane.simulator().endpoint());
        try (LocalServer first = boot(FIRST, "first")) {
            long syncNanos = System.nanoTime();
            try (DemoAgent agent = scene.startAgent(AgentOptions.of(
                    scene.sources(), new AssignedServer(controlPlane.agentClient()), SOURCE, scene.agentIdentity()))) {
                pair(agent, first);
                new ThrottleStep(agent, first, controlPlane, sightings).run(FIRST);
                outage(agent, first);
                continuous(agent, first);
                replace(agent, first);
                return new Story.End(
                        agent.report(),
                        (System.nanoTime() - syncNanos) / 1e9,
                        serverCpuSeconds,
                        Account.of(controlPlane.simulator()));
            }
        }
    }

    private Fleet fleet() {
        return controlPlane.fleet();
    }

    private void say(String line) {
        scene.transcript().say(line);
    }

    /**
     * Starts a server on a new instance, and waits until the control plane knows it.
     *
     * @param directory of its own; short, since the path of the socket there must be
     */
    private LocalServer boot(String instanceId, String directory) throws RunException, InterruptedException {
        LocalServer.ControlPlane access = controlPlane.instance(instanceId);
        say("instance: " + instanceId + ", metadata at " + access.instanceMetadata());
        LocalServer server = LocalServer.start(scene.server(directory, access), scene.cleanup());
        try {
            scene.sayListening(server);
            authenticate(server, instanceId);
            return server;
        } catch (RunException | InterruptedException e) {
            server.close();
            throw e;
        }
    }

    private void authenticate(LocalServer server, String id) throws RunException, InterruptedException {
        new Watch(server, null)
                .await("the introduction of " + id, Watch.STEP_TIMEOUT, () -> controlPlane.knowsServer(id));
        ReplicationServerView known = fleet().replicationServer(id);
        JsonObject self = known.self() == null ? new JsonObject() : known.self();
        Pin pin = Pin.parse(self.getJsonObject("pins").getString("current"));
        if (!pin.equals(server.pin())) {
            throw new RunException("the control plane was told pin " + pin + ", but the server has " + server.pin());
        }
        say("authenticate: by signed requests the control plane knows " + id + " at " + known.address() + ":"
                + self.getInteger("port") + " with " + pin);
    }

    private void pair(DemoAgent agent, LocalServer server) throws RunException, InterruptedException {
        Watch watch = agent.watch(server);
        watch.await("the registration of the agent", Watch.STEP_TIMEOUT, controlPlane::knowsSource);
        say("pair: the agent has registered " + SOURCE + " with "
                + controlPlane.source().agentPins().getLast());
        VolumeTarget volume = new VolumeTarget(LocalServer.DEVICE, LocalServer.VOLUME, null, true);
        watch.awaitSuccess(controlPlane, fleet().assign(SOURCE, FIRST, List.of(volume)));
        say("pair: PAIR_SOURCE_SERVER to " + FIRST + " SUCCEEDED");
    }

    private void outage(DemoAgent agent, LocalServer server) throws RunException, InterruptedException {
        long downNanos = System.nanoTime();
        controlPlane.goDown();
        long toldBefore = fleet().messagesTotal();
        AgentReport before = agent.report();
        agent.requireUnfinished("the control plane could go down");
        say("outage: the control plane is down, at " + agent.durablePercent() + " % of the initial sync");
        agent.awaitCommit(1, server);
        agent.watch(server)
                .await(
                        "the end of the outage",
                        Watch.STEP_TIMEOUT,
                        () -> System.nanoTime() - downNanos >= OUTAGE_MIN.toNanos());
        say("outage: " + Mebibytes.text(agent.report().durableBytes() - before.durableBytes())
                + " became durable meanwhile, and the initial sync is committed; the control plane heard of "
                + (fleet().messagesTotal() - toldBefore) + " reports");
        controlPlane.comeUp();
        double seconds = (System.nanoTime() - downNanos) / 1e9;
        awaitContinuous(agent, server, FIRST, 1);
        say(String.format(
                Locale.ROOT,
                "outage: over after %.1f s; %d reports of that time have arrived, irregularities: %d",
                seconds,
                fleet().messagesTotal() - toldBefore,
                fleet().irregularities().size()));
    }

    private void awaitContinuous(DemoAgent agent, LocalServer server, String id, long epoch)
            throws RunException, InterruptedException {
        agent.watch(server)
                .await(
                        "the report that " + id + " is CONTINUOUS after epoch " + epoch,
                        Watch.STEP_TIMEOUT,
                        () -> controlPlane.isTold("CONTINUOUS", id) && controlPlane.isCommitted(epoch));
    }

    private void continuous(DemoAgent agent, LocalServer server) throws RunException, InterruptedException {
        say("continuous: the control plane sees " + lastSight());
        runCycle(1, agent, server, FIRST);
    }

    private String lastSight() {
        JsonObject info = controlPlane.source().info();
        return info == null ? "nothing" : Sightings.text(info) + ", " + Sightings.lag(info);
    }

    private void runCycle(int cycle, DemoAgent agent, LocalServer server, String id)
            throws RunException, InterruptedException {
        agent.runCycle(cycle, server);
        awaitContinuous(agent, server, id, cycle + 1);
        say("cycle " + cycle + ": the control plane sees epoch " + (cycle + 1) + " committed, " + lastSight());
    }

    private void replace(DemoAgent agent, LocalServer first) throws RunException, InterruptedException {
        serverCpuSeconds += first.usage().cpuSeconds();
        AgentReport before = agent.report();
        first.kill();
        agent.awaitLoss();
        say("replacement: " + FIRST + " killed with SIGKILL");
        try (LocalServer second = boot(SECOND, "second")) {
            Watch watch = agent.watch(second);
            watch.awaitSuccess(controlPlane, fleet().move(SOURCE, SECOND));
            say("replacement: " + SOURCE + " moved, PAIR_SOURCE_SERVER to " + SECOND
                    + " SUCCEEDED; the killed one cannot answer UNPAIR_SOURCE_SERVER");
            watch.await(
                    "a session with " + SECOND,
                    Watch.STEP_TIMEOUT,
                    () -> agent.report().sessions() > before.sessions());
            runCycle(2, agent, second, SECOND);
            requireNoRescan(before, agent.report());
            stop(agent, second);
            serverCpuSeconds += second.usage().cpuSeconds();
        }
    }

    private void requireNoRescan(AgentReport before, AgentReport after) throws RunException {
        long sent = after.rawBytesSent() - before.rawBytesSent();
        boolean rescanned = controlPlane.source().stateChanges().stream()
                .map(StateChange::state)
                .anyMatch("RESCAN"::equals);
        if (rescanned || sent >= scene.diskBytes()) {
            throw new RunException("the replacement made the agent send everything again: " + Mebibytes.text(sent));
        }
        long twice = after.bytesResent() - before.bytesResent();
        say("replacement: no rescan, " + Mebibytes.text(sent) + " sent to " + SECOND + ", "
                + (twice == 0 ? "nothing twice" : Mebibytes.text(twice) + " of them a second time"));
    }

    private void stop(DemoAgent agent, LocalServer server) throws RunException, InterruptedException {
        Watch watch = agent.watch(server);
        watch.awaitSuccess(controlPlane, fleet().issue(SECOND, "STOP_REPLICATION", SOURCE));
        watch.await("the report of the stop", Watch.STEP_TIMEOUT, () -> controlPlane.isTold("STOPPED", SECOND));
        say("stop: STOP_REPLICATION SUCCEEDED, the control plane sees "
                + controlPlane.source().state());
        agent.end();
    }
}
