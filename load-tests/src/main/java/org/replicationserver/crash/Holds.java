package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.RunException;

/** Holds at random moments, under load. */
final class Holds extends Campaign {
    Holds() {
        super("holds", 500, "holds", false);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) throws InterruptedException {
        return workshop.has("mkfifo") ? null : "mkfifo is not installed (package coreutils)";
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException {
        Path directory = workshop.directory().resolve(name());
        HoldRun.Done done = new HoldRun(directory, workshop.seed()).run(workshop.plan(directory), tally.count());
        tally.done("", done.valid() + done.expired());
        tally.details(done.text());
    }
}
