package org.replicationserver.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** System calls of threads of this process that take longer than they would, by strace; as long as this is open. */
final class DelayedCalls implements AutoCloseable {
    private static final Path THREADS = Path.of("/proc/self/task");

    /** What the kernel keeps of a thread's name. */
    private static final int NAME_CHARS_MAX = 15;

    private final Process strace;

    private DelayedCalls(Process strace) {
        this.strace = strace;
    }

    static void assumePossible() throws Exception {
        Commands.assumeInstalled("strace");
        Commands.Result tried =
                Commands.run(List.of("strace", "-e", "trace=pread64", "-e", "inject=pread64:delay_exit=1", "true"));
        assumeTrue(tried.exitCode() == 0, "skipped: strace is not permitted here: " + tried.output());
    }

    /**
     * Returns when each of the threads is under it.
     *
     * @param threads begin of their names
     * @param call name of the system call
     */
    static DelayedCalls of(String threads, String call, Duration delay) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "strace", "-e", "trace=" + call, "-e", "inject=" + call + ":delay_exit=" + delay.toNanos() / 1000));
        command.addAll(List.of("-o", "/dev/null"));
        List<String> ids = idsOf(threads);
        ids.forEach(id -> command.addAll(List.of("-p", id)));
        DelayedCalls delayed = new DelayedCalls(
                new ProcessBuilder(command).redirectErrorStream(true).start());
        try {
            delayed.awaitAttached(ids.size());
            return delayed;
        } catch (IOException | RuntimeException | Error e) {
            delayed.close();
            throw e;
        }
    }

    private static List<String> idsOf(String threads) throws IOException {
        String begin = threads.substring(0, Math.min(threads.length(), NAME_CHARS_MAX));
        List<String> ids = new ArrayList<>();
        try (Stream<Path> all = Files.list(THREADS)) {
            for (Path thread : all.toList()) {
                if (nameOf(thread).startsWith(begin)) {
                    ids.add(thread.getFileName().toString());
                }
            }
        }
        if (ids.isEmpty()) {
            throw new IllegalStateException("no thread " + threads);
        }
        return ids;
    }

    /** Empty if it has ended since it was listed. */
    private static String nameOf(Path thread) {
        try {
            return Files.readString(thread.resolve("comm"));
        } catch (IOException _) {
            return "";
        }
    }

    private void awaitAttached(int threads) throws IOException {
        BufferedReader said = new BufferedReader(strace.inputReader(StandardCharsets.UTF_8));
        for (int attached = 0; attached < threads; ) {
            String line = said.readLine();
            if (line == null) {
                throw new IOException("strace has ended");
            }
            attached += line.endsWith("attached") ? 1 : 0;
        }
    }

    /** Ends it softly, so that the threads go on. */
    @Override
    public void close() {
        strace.destroy();
        try {
            if (!strace.waitFor(10, TimeUnit.SECONDS)) {
                throw new AssertionError("strace does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
