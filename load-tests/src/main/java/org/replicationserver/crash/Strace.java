package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.ChildProcess;
import org.replicationserver.process.Children;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.RunException;

/**
 * A strace that is attached to a running server and does something at one of its system calls. Each thread's calls are counted by
 * themselves, from the moment of attaching on. It goes without {@code --seccomp-bpf}, with which a signal is not delivered.
 */
final class Strace implements AutoCloseable {
    private static final Pattern ATTACHED = Pattern.compile("attached");
    private static final Duration ATTACH_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration TRIAL_TIMEOUT = Duration.ofSeconds(30);

    private final ChildProcess process;

    private Strace(ChildProcess process) {
        this.process = process;
    }

    /** Why it cannot be used here and what package helps, or null if it can. */
    static @Nullable String missing(Path directory) throws InterruptedException {
        return isPermitted(directory) ? null : "strace is not installed (package strace) or not permitted";
    }

    private static boolean isPermitted(Path directory) throws InterruptedException {
        try {
            return Children.run(
                            TRIAL_TIMEOUT,
                            directory.resolve("strace.out"),
                            List.of("strace", "-f", "-e", "trace=none", "true"))
                    .ok();
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Attaches.
     *
     * @param call the system call
     * @param injection what is done and when, as strace takes it
     * @param paths only calls on one of these files count; none for all
     * @param traced system calls that are written to the trace
     */
    static Strace attach(
            long pid, String call, String injection, List<Path> paths, String traced, Path trace, Cleanup cleanup)
            throws RunException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("strace", "-f", "-yy", "-s", "0", "-e", "signal=none"));
        paths.forEach(path -> command.addAll(List.of("-P", path.toString())));
        command.addAll(List.of("-e", "trace=" + traced));
        command.addAll(List.of("-e", "inject=" + call + ":" + injection));
        command.addAll(List.of("-o", trace.toString(), "-p", Long.toString(pid)));
        ChildProcess process = ChildProcess.start("strace", command, cleanup);
        process.awaitLine(ATTACHED, ATTACH_TIMEOUT);
        return new Strace(process);
    }

    /** Detaches; the trace is whole then. */
    @Override
    public void close() {
        process.close();
    }
}
