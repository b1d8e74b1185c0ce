package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.crash.SyscallLog;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;

/**
 * What the kernel saw: each acknowledgement is written to the socket after an fdatasync that began when the block's write had
 * returned. The client sends one block at a time, so that each write to a data connection's socket answers the block before it.
 */
@Timeout(180)
@ExtendWith(ServerLogs.class)
final class AckOrderStraceTest {
    private static final int BLOCKS = 60;
    private static final int BLOCK_BYTES = 64 * 1024;
    private static final int SIZE_BYTES = 32 << 20;

    @TempDir
    Path directory;

    private static void assumeStraceIsPermitted() throws Exception {
        Commands.assumeInstalled("strace");
        Commands.Result tried = Commands.run(List.of("strace", "-f", "-e", "trace=none", "true"));
        assumeTrue(tried.exitCode() == 0, "skipped: strace is not permitted here: " + tried.output());
    }

    private ServerProcess tracedServer(Path trace, TestSource source) throws Exception {
        return ServerProcess.in(directory)
                .set("listen.address=127.0.0.1")
                .under(
                        "strace",
                        "-f",
                        "--seccomp-bpf",
                        "-yy",
                        "-s",
                        "0",
                        "-e",
                        "signal=none",
                        "-e",
                        "trace=pwrite64,pwritev,fdatasync,fsync,write,writev,sendto,sendmsg",
                        "-o",
                        trace.toString())
                .start(source);
    }

    @Test
    void everyAcknowledgementFollowsTheFdatasyncThatCoversIt() throws Exception {
        assumeStraceIsPermitted();
        Path trace = directory.resolve("trace");
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        int port;
        try (ServerProcess server = tracedServer(trace, source);
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            port = agent.streams().getFirst().connection().localPort();
            agent.openNextEpoch();
            for (int i = 0; i < BLOCKS; i++) {
                agent.sendDurably(0, (long) i * BLOCK_BYTES, Images.random(i, BLOCK_BYTES));
            }
            server.sigterm();
            agent.control().poll(RawConnection.PATIENCE);
            agent.bye();
            server.awaitEnd();
        }
        assertOrder(SyscallLog.read(trace), port);
    }

    private static boolean isWrite(SyscallLog.Call call) {
        return call.name().startsWith("pwrite") && call.target().contains("s-1-0.img");
    }

    private static boolean isForce(SyscallLog.Call call) {
        return call.name().endsWith("sync") && call.target().contains("s-1-0.img") && call.succeeded();
    }

    private static void assertOrder(List<SyscallLog.Call> calls, int port) {
        List<SyscallLog.Call> writes =
                calls.stream().filter(AckOrderStraceTest::isWrite).toList();
        List<SyscallLog.Call> forces =
                calls.stream().filter(AckOrderStraceTest::isForce).toList();
        List<SyscallLog.Call> answers = calls.stream()
                .filter(call -> call.target().contains(":" + port + "]"))
                .filter(call -> call.begin() > writes.getFirst().begin())
                .toList();
        assertThat(writes).hasSizeGreaterThanOrEqualTo(BLOCKS);
        assertThat(forces).hasSizeGreaterThanOrEqualTo(BLOCKS);
        assertThat(answers).hasSizeGreaterThanOrEqualTo(BLOCKS);
        for (SyscallLog.Call answer : answers) {
            SyscallLog.Call write = writes.stream()
                    .filter(call -> call.begin() < answer.begin())
                    .reduce((first, second) -> second)
                    .orElseThrow();
            assertThat(forces)
                    .as("a force between %s and %s", write, answer)
                    .anyMatch(force -> force.begin() > write.end() && force.end() < answer.begin());
        }
    }
}
