package org.replicationserver.bench;

import java.io.IOException;
import java.nio.file.Path;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.ProcessUsage;
import org.replicationserver.process.RunException;

/**
 * Comparisons of a whole volume by the server, each followed by the hashing of the same bytes by one thread of this process. The first
 * round of each is not counted, so that both are warm. The thread of the run.
 */
final class RescanRounds {
    private final Conditions conditions;
    private final Syncs syncs;
    private final HashFloor floor;
    private final Cleanup cleanup;

    /** @param image what the volume is made to be */
    RescanRounds(Conditions conditions, Syncs syncs, Path image, Cleanup cleanup) {
        this.conditions = conditions;
        this.syncs = syncs;
        this.floor = new HashFloor(image);
        this.cleanup = cleanup;
    }

    PairResult run() throws RunException, InterruptedException {
        LocalServer.Settings settings = syncs.server("compared", null);
        try (LocalServer server = LocalServer.start(settings, cleanup)) {
            PairResult result = new PairResult(
                    conditions,
                    server.engine(),
                    PairResult.Side.of("SHA-256 by one thread", "sha256"),
                    PairResult.Side.of("server", "server"));
            syncs.run(server, "initial sync");
            HashFloor.Hashed hashed = hash();
            compare(server, hashed, "not counted");
            for (int round = 1; round <= conditions.settings().rounds(); round++) {
                result.measured.add(compare(server, hashed, "compared " + round));
                Sample sample = hash().sample();
                syncs.say("SHA-256 " + round, sample);
                result.base.add(sample);
            }
            syncs.requireIdentical(settings.image(), "replica");
            return result;
        }
    }

    private HashFloor.Hashed hash() throws RunException {
        try {
            return floor.run();
        } catch (IOException e) {
            throw new RunException("cannot hash the image: " + e.getMessage(), e);
        }
    }

    private Sample compare(LocalServer server, HashFloor.Hashed hashed, String what)
            throws RunException, InterruptedException {
        ProcessUsage before = server.usage();
        double wallSeconds;
        try {
            wallSeconds = OfferSession.run(
                    syncs.client(), syncs.target(server), syncs.frames().diskBytes(), hashed.offers(), syncs.timeout());
        } catch (RunException e) {
            throw server.failure("compared not all: " + e.getMessage());
        }
        Sample sample = new Sample(server.usage().since(before).cpuSeconds(), wallSeconds);
        syncs.say(what, sample);
        return sample;
    }
}
