package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.process.Children;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.RunException;

/**
 * What campaigns work with.
 *
 * @param directory where each makes its own
 * @param seed of everything that is drawn
 * @param bugClasses of a server that is to be found out, or null for the one that ships
 */
record Workshop(
        Path directory,
        long seed,
        Cleanup cleanup,
        @Nullable Path bugClasses) {
    private static final Duration TOOL_TIMEOUT = Duration.ofMinutes(1);

    /** A server whose windows are the smallest, so that what may be sent again is little, and whose regions are small. */
    ServerProcess.Plan plan(Path at) throws IOException {
        Files.createDirectories(at);
        ServerProcess.Plan plan = ServerProcess.in(at)
                .set("listen.address=127.0.0.1")
                .set("memory.budget-bytes=2MiB")
                .set("session.region-shift=20");
        return bugClasses == null ? plan : plan.classesBefore(bugClasses);
    }

    /** Of one case, whatever was drawn before it. */
    Random random(int number) {
        return new Random(seed * 1_000_003 + number);
    }

    /** Runs a tool that must succeed; what it says. */
    String run(String... command) throws IOException, InterruptedException, RunException {
        Children.Result result = result(List.of(command));
        if (!result.ok()) {
            throw new RunException(String.join(" ", command) + ": " + result.output());
        }
        return result.output().strip();
    }

    /** The same for what was done to the machine and must not stay. */
    void undo(String... command) throws IOException, RunException {
        try {
            run(command);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunException("interrupted in: " + String.join(" ", command), e);
        }
    }

    Children.Result result(List<String> command) throws IOException, InterruptedException {
        return Children.run(TOOL_TIMEOUT, directory.resolve("tool.out"), command);
    }

    boolean has(String tool) throws InterruptedException {
        try {
            return result(List.of("which", Children.tool(tool))).ok();
        } catch (IOException e) {
            return false;
        }
    }

    boolean isRoot() throws InterruptedException {
        try {
            return result(List.of("id", "-u")).output().strip().equals("0");
        } catch (IOException e) {
            return false;
        }
    }
}
