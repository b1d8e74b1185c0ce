package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ProtocolException;

/** Kills the server at random moments of one long replication. */
final class KillAtRandom implements Campaign {
    @Override
    public String name() {
        return "kill-at-random";
    }

    @Override
    public int countByDefault() {
        return 1000;
    }

    @Override
    public String unit() {
        return "kills";
    }

    @Override
    public boolean numbersCases() {
        return false;
    }

    @Override
    public @Nullable String missing(Workshop workshop) {
        return null;
    }

    @Override
    public void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, ProtocolException {
        Path directory = workshop.directory().resolve(name());
        KillRun.Done done = new KillRun(directory, workshop.seed()).run(workshop.plan(directory), tally.count());
        tally.done("", done.kills());
        tally.details(done.text());
    }
}
