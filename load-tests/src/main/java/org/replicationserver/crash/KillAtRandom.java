package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Kills the server at random moments of one long replication. */
final class KillAtRandom extends Campaign {
    KillAtRandom() {
        super("kill-at-random", 1000, "kills", false);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) {
        return null;
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, ProtocolException {
        Path directory = workshop.directory().resolve(name());
        KillRun.Done done = new KillRun(directory, workshop.seed()).run(workshop.plan(directory), tally.count());
        tally.done("", done.kills());
        tally.details(done.text());
    }
}
