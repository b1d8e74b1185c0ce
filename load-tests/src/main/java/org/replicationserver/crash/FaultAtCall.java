package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.protocol.ProtocolException;

/**
 * Makes the n-th write, zeroing or force of a volume fail, or the n-th write or force of the state directory. A volume that fails is told with its cause, is touched no
 * more, acknowledges nothing that no good force covers, leaves the others alone, and is synced anew when it is reopened. An interrupted or
 * short write is gone on with. A state directory that cannot be written ends the server with 74, and it starts again as it was.
 */
final class FaultAtCall extends Campaign {
    private static final int VOLUMES = 2;

    /** The volume that fails. */
    private static final int FAULTED = 0;

    private static final int VOLUME_BYTES = 1 << 20;
    private static final int STREAMS = 2;
    private static final int CYCLES = 4;
    private static final int BLOCKS_CHANGED = 16;
    private static final int EXIT_STATE_FAILED = 74;
    private static final String TRACED = "pwrite64,fallocate,fdatasync";

    private enum Fault {
        FORCE_EIO("fdatasync", "error=EIO", "EIO", 5),
        WRITE_EIO("pwrite64", "error=EIO", "EIO", 7),
        WRITE_ENOSPC("pwrite64", "error=ENOSPC", "ENOSPC", 7),
        WRITE_OF_NOTHING("pwrite64", "retval=0", "", 7),
        WRITE_EINTR("pwrite64", "error=EINTR", null, 7),
        SHORT_WRITE("pwrite64", "retval=512", null, 7),
        ZERO_EIO("fallocate", "error=EIO", "EIO", 5),
        ZERO_ENOSPC("fallocate", "error=ENOSPC", "ENOSPC", 5),
        ZERO_EINTR("fallocate", "error=EINTR", null, 5),
        /** As of a file system that cannot do it; zeros are written then. */
        ZERO_UNSUPPORTED("fallocate", "error=EOPNOTSUPP", null, 5),
        STATE_FORCE_EIO("fdatasync", "error=EIO", null, 5),
        STATE_WRITE_ENOSPC("pwrite64", "error=ENOSPC", null, 5);

        private final String syscall;
        private final String injection;

        /** By which the volume is told to have failed; null if it does not fail. */
        private final @Nullable String errno;

        /** How many of these calls there are, about. */
        private final int times;

        Fault(String syscall, String injection, @Nullable String errno, int times) {
            this.syscall = syscall;
            this.injection = injection;
            this.errno = errno;
            this.times = times;
        }

        private boolean isOfState() {
            return name().startsWith("STATE");
        }

        private String text() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    FaultAtCall() {
        super("fault-at-call", 600, "faults", true);
    }

    @Override
    @Nullable
    String missing(Workshop workshop) throws InterruptedException {
        return Strace.missing(workshop.directory());
    }

    @Override
    void run(Workshop workshop, Tally tally) throws IOException, InterruptedException, RunException, ProtocolException {
        Path directory = workshop.directory().resolve(name());
        // Windows that hold a whole volume: one that has failed opens none any more.
        ServerProcess.Plan plan = workshop.plan(directory).set("memory.budget-bytes=64MiB");
        TestSource assigned = TestSource.of(directory, "s-1", VOLUME_BYTES, VOLUME_BYTES);
        DirtySource source = new DirtySource(VOLUMES, VOLUME_BYTES);
        List<RawStream.Sent> acknowledged = Collections.synchronizedList(new ArrayList<>());
        Consumer<RawStream.Sent> whenDurable = sent -> {
            acknowledged.add(sent);
            source.acknowledged(sent);
        };
        Replication replication = new Replication(assigned, source, STREAMS, whenDurable);
        try (ServerProcess server = plan.start(assigned)) {
            while (!tally.isComplete()) {
                acknowledged.clear();
                Fault fault = Fault.values()[tally.number() % Fault.values().length];
                Random random = workshop.random(tally.number());
                Case one = new Case(workshop, plan, assigned, server, replication, fault, random);
                boolean happened = one.run(CallNumbers.of(tally.number() / Fault.values().length, fault.times));
                if (happened) {
                    one.requireTraceIsRight(List.copyOf(acknowledged));
                }
                replication.assertNothingAcknowledgedIsMissing();
                replication.converge(server, random, BLOCKS_CHANGED);
                tally.done(fault.text(), happened);
            }
        }
    }

    /** One fault. */
    private record Case(
            Workshop workshop,
            ServerProcess.Plan plan,
            TestSource assigned,
            ServerProcess server,
            Replication replication,
            Fault fault,
            Random random) {

        private Path trace() {
            return workshop.directory().resolve("fault-at-call/trace");
        }

        private List<Path> paths() {
            Path record = ServerProcess.stateDirectory(trace().resolveSibling("."))
                    .resolve("sources/" + assigned.sourceServerId() + ".json.tmp")
                    .normalize();
            return List.of(fault.isOfState() ? record : assigned.path(FAULTED));
        }

        /** Whether the call was reached. What was not acknowledged is left to be sent again. */
        private boolean run(int n) throws IOException, InterruptedException, RunException, ProtocolException {
            replication.source().change(random, BLOCKS_CHANGED);
            boolean failed;
            try (Strace _ = Strace.attach(
                    server.pid(),
                    fault.syscall,
                    fault.injection + ":when=" + n,
                    paths(),
                    TRACED,
                    trace(),
                    workshop.cleanup())) {
                failed = fault.isOfState() ? stateFails() : volumeFails();
                if (failed && fault.isOfState()) {
                    server.awaitEnd(); // a strace hangs that is to leave a process which is just ending
                }
            }
            boolean happened = SyscallLog.read(trace()).stream().anyMatch(SyscallLog.Call::injected);
            if (fault.isOfState() && happened) {
                requireEnded();
            } else if (happened != failed && (fault.errno != null || fault.isOfState())) {
                throw new AssertionError(fault.text() + (happened ? " was not told" : " was told and did not happen"));
            }
            return happened;
        }

        /** Whether the session broke; a fault after its end is no matter of it. */
        private boolean stateFails() throws IOException, InterruptedException, ProtocolException {
            try (RawAgent agent = replication.openSession(server)) {
                try {
                    cycles(agent);
                    agent.bye();
                    return false;
                } catch (IOException e) {
                    agent.awaitEndAfter(e);
                    return true;
                }
            } catch (IOException e) {
                // So early that there is no session.
                return true;
            }
        }

        private void requireEnded() throws IOException, InterruptedException {
            int exitCode = server.awaitEnd();
            if (exitCode != EXIT_STATE_FAILED) {
                throw new AssertionError("a failed state directory ended the server with " + exitCode);
            }
            server.restart();
        }

        private void cycles(RawAgent agent) throws IOException, InterruptedException, ProtocolException {
            for (int cycle = 0; cycle < CYCLES; cycle++) {
                replication.cycle(agent, () -> {});
                replication.source().change(random, BLOCKS_CHANGED);
            }
        }

        private boolean volumeFails() throws IOException, InterruptedException, ProtocolException {
            try (RawAgent agent = replication.openSession(server)) {
                try {
                    cycles(agent);
                    agent.bye();
                    return false;
                } catch (IOException e) {
                    if (fault.errno == null) {
                        throw new AssertionError(fault.text() + " ended the session: " + e.getMessage(), e);
                    }
                    FailedVolume.requireTold(e, FAULTED, fault.errno.isEmpty() ? List.of() : List.of(fault.errno));
                }
                FailedVolume.requireOthersGoOn(agent, FAULTED);
                FailedVolume.reopen(workshop, plan, assigned, FAULTED, replication);
                agent.bye();
                return true;
            }
        }

        /**
         * What the kernel saw. The trace was begun with the fault's session and ended with the volume's second opening, whose first write is
         * behind its end.
         */
        private void requireTraceIsRight(List<RawStream.Sent> acknowledged) throws IOException {
            if (fault.isOfState()) {
                return;
            }
            List<SyscallLog.Call> calls = SyscallLog.read(trace());
            SyscallLog.Call injected =
                    calls.stream().filter(SyscallLog.Call::injected).findFirst().orElseThrow();
            if (fault == Fault.SHORT_WRITE) {
                // The kernel was not asked: the sectors that are said to be written are not.
                replication.source().changeAt(FAULTED, injected.offsetBytes());
                replication.source().forgive(FAULTED, injected.offsetBytes());
                return;
            }
            if (fault.errno != null && injected.isWrite()) {
                requireLogged(injected.offsetBytes());
            }
            if (fault.errno != null && calls.stream().anyMatch(call -> call.begin() > injected.end())) {
                throw new AssertionError("a failed volume was touched again, after " + injected);
            }
            requireCovered(calls, acknowledged);
        }

        private void requireLogged(long offsetBytes) throws IOException {
            Pattern line = Pattern.compile("volume failed: .* offset=" + offsetBytes + " .*" + fault.errno);
            if (!line.matcher(server.logSinceStart()).find()) {
                throw new AssertionError("the log does not tell of " + fault.text() + " at " + offsetBytes);
            }
        }

        /** Each acknowledgement of a block stands for a write of it, and a force that began after that and was good. */
        private void requireCovered(List<SyscallLog.Call> calls, List<RawStream.Sent> acknowledged) {
            List<SyscallLog.Call> good =
                    calls.stream().filter(SyscallLog.Call::succeeded).toList();
            for (RawStream.Sent sent : acknowledged) {
                if (sent.volume() != FAULTED) {
                    continue;
                }
                long times = acknowledged.stream()
                        .filter(other -> other.volume() == FAULTED && other.offsetBytes() == sent.offsetBytes())
                        .count();
                long covered = good.stream()
                        .filter(write -> write.isWrite() && write.covers(sent.offsetBytes(), sent.lengthBytes()))
                        .filter(write -> good.stream()
                                .anyMatch(force -> force.name().equals("fdatasync") && force.begin() > write.end()))
                        .count();
                if (times > covered) {
                    throw new AssertionError(
                            sent + " is acknowledged " + times + " times, written and forced " + covered + " times");
                }
            }
        }
    }
}
