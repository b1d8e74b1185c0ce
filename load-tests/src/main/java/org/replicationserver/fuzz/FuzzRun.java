package org.replicationserver.fuzz;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.Cleanup;

/**
 * A run of the fuzzing engine, Jazzer, in a process of its own: it changes inputs so that they reach branches which none has reached, and
 * ends at the first that breaks a rule.
 *
 * <p>The process has little memory, so that an allocation without a bound is found as well.
 */
final class FuzzRun {
    private static final String ENGINE = "com.code_intelligence.jazzer.Jazzer";
    private static final List<String> JVM_FLAGS = List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-XX:+EnableDynamicAgentLoading",
            "-XX:+UseSerialGC",
            "-Xmx512m",
            "-Dlogback.configurationFile=fuzz-logback.xml");

    /** An input for which a parser takes longer is a finding. */
    static final int INPUT_SECONDS_MAX = 20;

    /** Of files with inputs that took long and not too long, as any does on a machine that stands still for a moment. */
    private static final String SLOW_PREFIX = "slow-unit-";

    private static final Pattern PROGRESS = Pattern.compile("^#([0-9]+)\\s.*\\bcov: ([0-9]+) .*\\bcorp: ([0-9]+)/");

    /** How much of what the engine said of a finding is kept. */
    private static final int STORY_LINES_MAX = 60;

    private static final Pattern FINDING = Pattern.compile("^== (Java Exception|libFuzzer|ERROR)|^==[0-9]+== *ERROR");

    private final Path work;
    private final List<String> targets;
    private final List<String> instrumented;
    private final int bytesMax;
    private final Cleanup cleanup;

    /**
     * What a run did.
     *
     * @param executions inputs that were run
     * @param branches that were reached
     * @param inputs that reach them
     * @param story what the engine said of a finding, else its last lines
     * @param finding where the input is that broke a rule, below the work directory; null if none did
     */
    record Result(
            long executions,
            long branches,
            long inputs,
            List<String> story,
            @Nullable Path finding) {}

    private FuzzRun(Path work, List<String> targets, List<String> instrumented, int bytesMax, Cleanup cleanup) {
        this.work = work;
        this.targets = targets;
        this.instrumented = instrumented;
        this.bytesMax = bytesMax;
        this.cleanup = cleanup;
    }

    /**
     * Of parsers; where there are several, the first byte of an input chooses.
     *
     * @param work an empty directory
     */
    static FuzzRun of(List<Parser> parsers, Path work, Cleanup cleanup) throws IOException {
        FuzzRun run = new FuzzRun(
                work,
                parsers.stream().map(Parser::label).toList(),
                parsers.stream()
                        .flatMap(parser -> parser.instrumented().stream())
                        .distinct()
                        .toList(),
                parsers.stream().mapToInt(Parser::bytesMax).max().orElseThrow(),
                cleanup);
        Corpus.copy(parsers, run.directory("given"));
        return run;
    }

    /** Of a target that is no parser's, which begins with an empty input. */
    static FuzzRun of(Class<? extends FuzzTarget> target, int bytesMax, Path work, Cleanup cleanup) throws IOException {
        FuzzRun run = new FuzzRun(
                work, List.of(target.getName()), List.of(target.getPackageName() + ".**"), bytesMax, cleanup);
        run.directory("given");
        return run;
    }

    private Path directory(String name) throws IOException {
        return Files.createDirectories(work.resolve(name));
    }

    /**
     * Looks for inputs that break a rule.
     *
     * @param seconds it takes at most, beside the start
     * @param inputsMax it runs at most; 0 for no bound
     * @param collected a directory with more inputs, to which those are added that reach more; null for none
     * @param lines hears what the engine says
     */
    Result look(long seconds, long inputsMax, long seed, @Nullable Path collected, Consumer<String> lines)
            throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(
                "-seed=" + Math.max(1, seed & 0x7fff_ffff), "-max_total_time=" + seconds, "-max_len=" + bytesMax));
        if (inputsMax > 0) {
            arguments.add("-runs=" + inputsMax);
        }
        Path added = collected == null ? directory("added") : Files.createDirectories(collected);
        arguments.addAll(List.of(added.toString(), directory("given").toString()));
        return run(arguments, lines);
    }

    /**
     * Copies the fewest inputs that reach as much as all do, those that come with the project and the collected ones.
     *
     * @param smallest a directory, empty or not there
     */
    Result minimise(@Nullable Path collected, Path smallest, Consumer<String> lines)
            throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(
                "-merge=1",
                Files.createDirectories(smallest).toString(),
                directory("given").toString()));
        if (collected != null && Files.isDirectory(collected)) {
            arguments.add(collected.toString());
        }
        return run(arguments, lines);
    }

    /** The words that begin a process in which inputs are run, up to its main class. */
    static List<String> java() {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(JVM_FLAGS);
        words.addAll(List.of("-cp", System.getProperty("java.class.path")));
        return words;
    }

    private Result run(List<String> arguments, Consumer<String> lines) throws IOException, InterruptedException {
        List<String> command = java();
        command.addAll(List.of(
                ENGINE,
                "--target_class=" + FuzzEntry.class.getName(),
                "--target_args=" + directory("scratch") + " " + String.join(" ", targets),
                "--instrumentation_includes=" + String.join(":", instrumented),
                // The engine's looks into calls of libraries are for programs that may be made to run code; one of them
                // fails in Netty, and another takes the connection to a target's own server for an attack.
                "--custom_hook_excludes=**",
                "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.ServerSideRequestForgery",
                "--reproducer_path=" + work,
                "-artifact_prefix=" + directory("findings") + "/",
                "-timeout=" + INPUT_SECONDS_MAX));
        command.addAll(arguments);
        Process engine = new ProcessBuilder(command).redirectErrorStream(true).start();
        cleanup.add(engine);
        Result said = listen(engine, lines);
        int exitCode = engine.waitFor();
        Path finding = finding();
        if (exitCode != 0 && finding == null) {
            throw new IOException("the fuzzing engine ended with exit code " + exitCode + ": " + said.story());
        }
        return new Result(said.executions(), said.branches(), said.inputs(), said.story(), finding);
    }

    private static Result listen(Process engine, Consumer<String> lines) throws IOException {
        long executions = 0;
        long branches = 0;
        long inputs = 0;
        List<String> story = new ArrayList<>();
        boolean found = false;
        try (BufferedReader said = engine.inputReader(StandardCharsets.UTF_8)) {
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                lines.accept(line);
                Matcher progress = PROGRESS.matcher(line);
                if (progress.find()) {
                    executions = Long.parseLong(progress.group(1));
                    branches = Long.parseLong(progress.group(2));
                    inputs = Long.parseLong(progress.group(3));
                }
                if (!found && FINDING.matcher(line).find()) {
                    found = true;
                    story.clear();
                }
                if (story.size() == STORY_LINES_MAX && !found) {
                    story.removeFirst();
                }
                if (story.size() < STORY_LINES_MAX) {
                    story.add(line);
                }
            }
        }
        return new Result(executions, branches, inputs, story, null);
    }

    private @Nullable Path finding() throws IOException {
        try (Stream<Path> files = Files.list(directory("findings"))) {
            return files.filter(file -> !String.valueOf(file.getFileName()).startsWith(SLOW_PREFIX))
                    .sorted()
                    .findFirst()
                    .orElse(null);
        }
    }
}
