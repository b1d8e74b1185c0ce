package org.replicationserver.bench;

import java.io.PrintWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.Identity;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/**
 * The server in turns with the floor, so that every round of the one is divided by the other of the same moment:
 *
 * <ol>
 *   <li>The floor runs once and is not counted, so that the sender is warm.
 *   <li>For each start: a new server writes the image to a volume that it has not seen (cold), then the floor writes its file.
 *   <li>The last server stays. It writes the image again in a new session (warm), then the floor writes its file again; and so on.
 *   <li>Both files are compared with the image: a figure of wrong work is none.
 * </ol>
 *
 * The thread of the run.
 */
final class FloorRounds {
    private final Syncs syncs;
    private final Bench.Settings settings;
    private final Cleanup cleanup;
    private final Path floorFile;
    private final @Nullable FloorProgram floor;
    private final BenchResult result;

    FloorRounds(Conditions conditions, Syncs syncs, Cleanup cleanup, PrintWriter out)
            throws RunException, InterruptedException {
        this.syncs = syncs;
        this.settings = conditions.settings();
        this.cleanup = cleanup;
        this.floorFile = syncs.volumes().resolve("floor.img");
        this.floor = compileFloor(out);
        this.result = new BenchResult(conditions);
    }

    private @Nullable FloorProgram compileFloor(PrintWriter out) throws RunException, InterruptedException {
        Identity identity = syncs.identity("floor", CertificateProfile.ofServer("floor"));
        FloorProgram.Credentials credentials = new FloorProgram.Credentials(
                syncs.identities().resolve("floor.cert.pem"),
                syncs.identities().resolve("floor.key.pem"),
                identity.pin());
        try {
            return FloorProgram.compile(syncs.work(), credentials);
        } catch (FloorProgram.Unavailable e) {
            out.println("floor: left out, and the ratios with it: " + e.getMessage());
            return null;
        }
    }

    BenchResult run() throws RunException, InterruptedException {
        if (floor != null) {
            BlankFile.make(floorFile, syncs.frames().diskBytes());
            runFloor(floor);
        }
        for (int start = 1; start <= settings.starts(); start++) {
            LocalServer.Settings serverSettings = syncs.server("server-" + start, null);
            try (LocalServer server = LocalServer.start(serverSettings, cleanup)) {
                result.started(server.engine(), server.usage().cpuSeconds());
                result.cold.add(sync(server, "cold " + start), floor("floor " + start));
                for (int round = 1; start == settings.starts() && round <= settings.rounds(); round++) {
                    result.warm.add(sync(server, "warm " + round), floor("floor " + (settings.starts() + round)));
                }
                result.peakResidentBytes(server.peakResidentBytes());
                syncs.requireIdentical(serverSettings.image(), "replica");
                if (floor != null) {
                    syncs.requireIdentical(floorFile, "floor's file");
                }
                syncs.remove(serverSettings.image());
            }
        }
        return result;
    }

    private Sample sync(LocalServer server, String what) throws RunException, InterruptedException {
        Syncs.Sync sync = syncs.run(server, what);
        result.sender.add(sync.senderCpuSeconds());
        result.round(what, sync.usage());
        return sync.sample();
    }

    private @Nullable Sample floor(String what) throws RunException, InterruptedException {
        if (floor == null) {
            return null;
        }
        Sample sample = runFloor(floor);
        syncs.say(what, sample);
        return sample;
    }

    private Sample runFloor(FloorProgram program) throws RunException, InterruptedException {
        return program.run(syncs.client(), syncs.frames(), floorFile, syncs.timeout(), cleanup);
    }
}
