package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Kills the server at the n-th of its system calls of one kind, for every n of a short replication: an initial sync and some cycles of a
 * new source. After that the replica holds what was acknowledged, before and after the server's next start, the agent resumes, and
 * both become equal. The server that was started again is the one that the next case kills.
 *
 * <p>A SIGKILL keeps the page cache, so this does not see what was not forced; {@link WriteLog} does.
 */
final class KillAtCall extends Campaign {
    private static final int VOLUMES = 2;
    private static final int VOLUME_BYTES = 1 << 20;
    private static final int STREAMS = 2;
    private static final int CYCLES = 6;
    private static final int BLOCKS_CHANGED = 10;

    /** A kind of call, and how many of them one thread makes in the replication, about. */
    private enum Call {
        VOLUME_WRITE("pwrite64", 14),
        VOLUME_ZERO("fallocate", 7),
        VOLUME_FORCE("fdatasync", 9),
        ANSWER("write", 70),
        STATE_WRITE("pwrite64", 8),
        STATE_FORCE("fdatasync", 8),
        STATE_RENAME("rename", 8),
        STATE_DIRECTORY_FORCE("fsync", 8);

        private final String syscall;
        private final int times;

        Call(String syscall, int times) {
            this.syscall = syscall;
            this.times = times;
        }

        private List<Path> paths(Path directory, TestSource source) {
            Path records = ServerProcess.stateDirectory(directory).resolve("sources");
            return switch (this) {
                case VOLUME_WRITE, VOLUME_ZERO, VOLUME_FORCE -> List.of(source.path(0), source.path(1));
                case ANSWER -> List.of();
                case STATE_WRITE, STATE_FORCE, STATE_RENAME ->
                    List.of(records.resolve(source.sourceServerId() + ".json.tmp"));
                case STATE_DIRECTORY_FORCE -> List.of(records);
            };
        }

        private String text() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    KillAtCall() {
        super("kill-at-call", 1000, "kills", true);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) throws InterruptedException {
        return Strace.missing(workshop.directory());
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException, ProtocolException {
        Path directory = workshop.directory().resolve(name());
        // For the source of a case and that of the next.
        ServerProcess.Plan plan = workshop.plan(directory).set("memory.budget-bytes=4MiB");
        TestSource assigned = source(directory, tally.number());
        try (ServerProcess server = plan.start(assigned)) {
            while (!tally.isComplete()) {
                Call call = Call.values()[tally.number() % Call.values().length];
                int n = CallNumbers.of(tally.number() / Call.values().length, call.times);
                Random random = workshop.random(tally.number());
                Replication replication = new Replication(assigned, new DirtySource(VOLUMES, VOLUME_BYTES), STREAMS);
                boolean killed;
                try (Strace _ = Strace.attach(
                        server.pid(),
                        call.syscall,
                        "signal=SIGKILL:when=" + n,
                        call.paths(directory, assigned),
                        call.syscall,
                        directory.resolve("trace"),
                        workshop.cleanup())) {
                    killed = replicateUntilKilled(replication, server, random);
                }
                replication.assertNothingAcknowledgedIsMissing();
                TestSource next = source(directory, tally.number() + 1);
                plan.assign(assigned, next);
                server.restart();
                replication.assertNothingAcknowledgedIsMissing();
                replication.converge(server, random, BLOCKS_CHANGED);
                tally.done("at " + call.text(), killed);
                assigned = next;
            }
        }
    }

    private static TestSource source(Path directory, int number) throws CertificateStoreException {
        return TestSource.of(directory, "s-" + number, VOLUME_BYTES, VOLUME_BYTES);
    }

    /** Whether it was killed at its call; else it is killed at the end. */
    private static boolean replicateUntilKilled(Replication replication, ServerProcess server, Random random)
            throws IOException, InterruptedException, ProtocolException {
        try (RawAgent agent = replication.openSession(server)) {
            try {
                for (int cycle = 0; cycle < CYCLES; cycle++) {
                    replication.cycle(agent, () -> {});
                    replication.source().change(random, BLOCKS_CHANGED);
                }
                server.sigkill();
                return false;
            } catch (IOException e) {
                // The connections are over; what they had received up to the end counts.
                agent.awaitEndAfter(e);
            }
        } catch (IOException e) {
            // So early that there is no session.
        }
        // Who broke the session and lives is found here.
        server.awaitEnd();
        return true;
    }
}
