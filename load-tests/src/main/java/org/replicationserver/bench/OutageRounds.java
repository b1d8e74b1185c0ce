package org.replicationserver.bench;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.controlplane.SourceDisk;
import org.replicationserver.controlplane.VolumeTarget;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;
import org.replicationserver.process.Waiting;

/**
 * Two servers that control planes lead, in turns: the control plane of the one answers, that of the other went away when it had paired
 * the source server. The first round of each is not counted, so that both are warm. The thread of the run.
 */
final class OutageRounds {
    private static final Duration STEP_TIMEOUT = Duration.ofSeconds(30);

    private final Conditions conditions;
    private final Syncs syncs;
    private final Cleanup cleanup;

    OutageRounds(Conditions conditions, Syncs syncs, Cleanup cleanup) {
        this.conditions = conditions;
        this.syncs = syncs;
        this.cleanup = cleanup;
    }

    PairResult run() throws RunException, InterruptedException {
        Path directories = syncs.work().resolve("control-planes");
        try (LocalControlPlane answering = LocalControlPlane.start(directories.resolve("answering"));
                LocalControlPlane away = LocalControlPlane.start(directories.resolve("away"));
                LocalServer first = start("answering", answering);
                LocalServer second = start("away", away)) {
            away.goDown();
            return measure(first, second);
        }
    }

    private LocalServer start(String name, LocalControlPlane controlPlane) throws RunException, InterruptedException {
        String instanceId = "i-" + name;
        LocalServer.Settings settings = syncs.server(name, controlPlane.instance(instanceId));
        LocalServer server = LocalServer.start(settings, cleanup);
        try {
            pair(server, instanceId, settings.image(), controlPlane);
            return server;
        } catch (RunException | InterruptedException e) {
            server.close();
            throw e;
        }
    }

    private void pair(LocalServer server, String instanceId, Path volume, LocalControlPlane controlPlane)
            throws RunException, InterruptedException {
        await("the introduction of " + instanceId, server, () -> controlPlane.knowsServer(instanceId));
        controlPlane
                .fleet()
                .registerAgent(
                        LocalServer.SOURCE_SERVER,
                        syncs.agent().pin().toString(),
                        List.of(new SourceDisk(
                                LocalServer.DEVICE, syncs.frames().diskBytes())));
        String commandId = controlPlane
                .fleet()
                .assign(
                        LocalServer.SOURCE_SERVER,
                        instanceId,
                        List.of(new VolumeTarget(LocalServer.DEVICE, LocalServer.VOLUME, volume.toString(), true)));
        await("the pairing by " + instanceId, server, () -> controlPlane.hasSucceeded(commandId));
    }

    private static void await(String awaited, LocalServer server, Waiting.Reached reached)
            throws RunException, InterruptedException {
        Waiting.until(awaited, STEP_TIMEOUT, () -> "", () -> {
            server.requireAlive();
            return reached.test();
        });
    }

    private PairResult measure(LocalServer answering, LocalServer away) throws RunException, InterruptedException {
        PairResult result = new PairResult(
                conditions,
                answering.engine(),
                PairResult.Side.of("control plane answers", "answering"),
                PairResult.Side.of("control plane away", "away"));
        syncs.run(answering, "answering, cold");
        syncs.run(away, "away, cold");
        for (int round = 1; round <= conditions.settings().rounds(); round++) {
            result.base.add(syncs.run(answering, "answering " + round).sample());
            result.measured.add(syncs.run(away, "away " + round).sample());
        }
        syncs.requireIdentical(syncs.volumes().resolve("answering.img"), "replica");
        syncs.requireIdentical(syncs.volumes().resolve("away.img"), "replica of the control plane that is away");
        return result;
    }
}
