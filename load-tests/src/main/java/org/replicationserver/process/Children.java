package org.replicationserver.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Runs tools that end by themselves: compilers and file system makers. */
public final class Children {
    /** What a tool said, both streams, and how it ended. */
    public record Result(int exitCode, String output) {
        public boolean ok() {
            return exitCode == 0;
        }

        /** The first line that names an error, or the first line. */
        public String firstError() {
            return output.lines()
                    .filter(line -> line.contains("error"))
                    .findFirst()
                    .orElse(output.lines().findFirst().orElse("exit code " + exitCode));
        }
    }

    /** Where Debian keeps tools that a user who is not root has not on the PATH. */
    private static final List<Path> SYSTEM_TOOLS = List.of(Path.of("/usr/sbin"), Path.of("/sbin"));

    private static final int OUTPUT_LINES_MAX = 200;

    private Children() {}

    /** The command of a system tool, wherever it is; the bare name if it is nowhere. */
    public static String tool(String name) {
        for (Path directory : SYSTEM_TOOLS) {
            Path tool = directory.resolve(name);
            if (Files.isExecutable(tool)) {
                return tool.toString();
            }
        }
        return name;
    }

    /**
     * Runs a tool to its end, which is forced when the time is over or this thread is interrupted. The tool's own temporary files go
     * beside its output.
     *
     * @throws IOException if it cannot be started
     */
    public static Result run(Duration timeout, Path outputFile, List<String> command)
            throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(outputFile.toFile());
        builder.environment()
                .put(
                        "TMPDIR",
                        outputFile
                                .toAbsolutePath()
                                .resolveSibling(".")
                                .normalize()
                                .toString());
        Process process = builder.start();
        try {
            if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
                return new Result(-1, command.getFirst() + " did not end within " + timeout.toSeconds() + " s");
            }
        } finally {
            end(process);
        }
        try (BufferedReader reader = Files.newBufferedReader(outputFile, StandardCharsets.ISO_8859_1)) {
            return new Result(
                    process.exitValue(), reader.lines().limit(OUTPUT_LINES_MAX).collect(Collectors.joining("\n")));
        }
    }

    /** Waits too, since a tool that goes on writes where others remove. */
    private static void end(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().join();
    }
}
