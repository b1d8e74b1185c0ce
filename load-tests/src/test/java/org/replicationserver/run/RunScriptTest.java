package org.replicationserver.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the script {@code run} promises, in a clone whose Maven and JDK only note what they were told. */
final class RunScriptTest {
    private static final long TIMEOUT_SECONDS = 60;

    /** Makes the jars that a build makes, and fails when it is told to. */
    private static final String MAVEN = """
            #!/bin/sh
            echo "$*" >>"$(dirname "$0")/../mvn.log"
            case "$*" in *fail*) exit 3 ;; esac
            for module in receiver load-tests; do
                mkdir -p $module/target/lib
                wc -l <"$(dirname "$0")/../mvn.log" >$module/target/$module-1.jar
                echo library >$module/target/lib/library.jar
            done
            """;

    /** Ends when its input does. */
    private static final String JAVA = """
            #!/bin/sh
            echo "java $*"
            cat
            """;

    private record Outcome(int exitCode, String output) {
        Path classPath() {
            Matcher matcher = Pattern.compile("-cp (\\S+)/\\*").matcher(output);
            assertThat(matcher.find()).as(output).isTrue();
            return Path.of(matcher.group(1));
        }
    }

    @TempDir
    private Path directory = Path.of("");

    private Path clone = Path.of("");
    private Path source = Path.of("");
    private Map<String, String> environment = Map.of();

    @BeforeEach
    void makeClone() throws IOException {
        Path tools = directory.resolve("tools");
        clone = Files.createDirectory(directory.toRealPath().resolve("clone"));
        for (String module : List.of("receiver", "load-tests")) {
            Files.createDirectories(clone.resolve(module).resolve("src/main"));
            Files.writeString(clone.resolve(module).resolve("pom.xml"), "pom");
        }
        Files.createDirectory(clone.resolve(".mvn"));
        Files.createDirectories(clone.resolve("deploy/control-api"));
        Files.writeString(clone.resolve("pom.xml"), "pom");
        source = Files.writeString(clone.resolve("receiver/src/main/source"), "1");
        Files.copy(Path.of("..", "run"), clone.resolve("run"), StandardCopyOption.COPY_ATTRIBUTES);
        makeProgram(tools.resolve("bin/mvn"), MAVEN);
        makeProgram(tools.resolve("jdk/bin/java"), JAVA);
        makeProgram(tools.resolve("jdk/bin/javac"), JAVA);
        Files.writeString(tools.resolve("jdk/release"), "JAVA_VERSION=\"25\"\n");
        environment = Map.of(
                "JAVA_HOME",
                tools.resolve("jdk").toString(),
                "PATH",
                tools.resolve("bin") + ":" + System.getenv("PATH"));
    }

    private static void makeProgram(Path program, String text) throws IOException {
        Files.createDirectories(program.getParent());
        Files.writeString(program, text);
        assertThat(program.toFile().setExecutable(true)).isTrue();
    }

    private final List<Process> started = new ArrayList<>();

    @AfterEach
    void endAll() {
        started.forEach(Process::destroyForcibly);
    }

    private Process start(String... command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
        builder.environment().putAll(environment);
        Process process = builder.redirectErrorStream(true).start();
        started.add(process);
        return process;
    }

    private Outcome call(String... command) throws IOException, InterruptedException {
        Process process = start(command);
        process.getOutputStream().close();
        try (BufferedReader said = process.inputReader(StandardCharsets.UTF_8)) {
            String output = said.lines().collect(Collectors.joining("\n"));
            assertThat(process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
            return new Outcome(process.exitValue(), output);
        }
    }

    private Outcome run(String... arguments) throws IOException, InterruptedException {
        return call(Stream.concat(Stream.of(clone.resolve("run").toString()), Arrays.stream(arguments))
                .toArray(String[]::new));
    }

    private List<String> builds() throws IOException {
        Path log = directory.resolve("tools/mvn.log");
        return Files.exists(log) ? Files.readAllLines(log) : List.of();
    }

    @Test
    void itIsBuiltOnceAndAgainWhenASourceHasChanged() throws Exception {
        assertThat(run("serve", "x").output())
                .contains("building")
                .endsWith("org.replicationserver.receiver.ReceiverMain serve x");
        assertThat(run("serve").output()).doesNotContain("building");
        assertThat(builds()).hasSize(1);

        Files.writeString(source, "22");
        assertThat(run("serve").output()).contains("building");
        assertThat(builds()).hasSize(2);
    }

    @Test
    void theDocumentOfTheControlApiIsASourceToo() throws Exception {
        run("control-plane");
        Files.writeString(clone.resolve("deploy/control-api/openapi.yaml"), "openapi: 3.1.0");
        assertThat(run("control-plane").output()).contains("building");
    }

    @Test
    void aBuildThatFailsStartsNothing() throws Exception {
        Files.writeString(
                clone.resolve("run"), Files.readString(clone.resolve("run")).replace("package)", "fail)"));
        Outcome outcome = run("serve");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.output()).contains("the build failed").doesNotContain("java ");
    }

    @Test
    void commandsCallThemselvesAsTheyWereCalled() throws Exception {
        assertThat(run("serve").output()).contains(" -Dcommand.name=./run ");
        assertThat(run("demo").output()).contains(" -Dcommand.name=./run demo ");
        assertThat(run("control-plane", "--port=1").output())
                .contains(" -Dcommand.name=./run control-plane ")
                .endsWith("org.replicationserver.controlplane.ControlPlaneMain --port=1");
    }

    /** What it prints is copied into a shell in the directory where it was started. */
    @Test
    void controlPlaneIsToldHowTheScriptIsCalledInTheWorkingDirectory() throws Exception {
        assertThat(run("control-plane").output()).contains(" -Dcommand.run=" + clone.resolve("run") + " ");
        assertThat(call("bash", "-c", "cd clone && ./run control-plane").output())
                .contains(" -Dcommand.run=./run ");
    }

    @Test
    void aLinkToItIsAsGood() throws Exception {
        Path link = Files.createSymbolicLink(directory.resolve("link"), clone.resolve("run"));
        assertThat(call(link.toString(), "serve").classPath()).startsWith(clone);
    }

    @Test
    void anExportedCdpathDoesNotMatter() throws Exception {
        assertThat(call("env", "CDPATH=" + directory, "clone/run", "serve").classPath())
                .startsWith(clone);
    }

    @Test
    void testTellsWhatItTakesAndRunsNothing() throws Exception {
        Outcome outcome = run("test", "--help");
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.output()).contains("Usage: ./run test [--long]");
        assertThat(builds()).isEmpty();
    }

    @Test
    void formatTellsWhatItTakesAndRunsNothing() throws Exception {
        Outcome outcome = run("format", "--help");
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.output()).contains("Usage: ./run format").doesNotContain("mvn");
        assertThat(builds()).isEmpty();
    }

    @Test
    void conformanceIsPythonAndBuildsNothing() throws Exception {
        Path scripts = Files.createDirectories(clone.resolve("load-tests/src/main/python"));
        Files.writeString(scripts.resolve("conformance.py"), "import sys; print(sys.argv[1:]); sys.exit(5)");
        Outcome outcome = run("conformance", "--target", "host:1500");
        assertThat(outcome.exitCode()).isEqualTo(5);
        assertThat(outcome.output()).isEqualTo("['--target', 'host:1500']");
        assertThat(builds()).isEmpty();

        run("demo");
        Files.writeString(scripts.resolve("another.py"), "");
        assertThat(run("demo").output()).doesNotContain("building");
    }

    @Test
    void conformanceWithoutPythonTellsWhatItNeeds() throws Exception {
        makeProgram(directory.resolve("tools/bin/python3"), "#!/bin/sh\nexit 1\n");
        Outcome outcome = run("conformance");
        assertThat(outcome.exitCode()).isEqualTo(69);
        assertThat(outcome.output()).contains("no Python 3.11 or later found").contains("apt-get install python3");
    }

    @Test
    void whatTheTestsHaveBuiltIsNotBuiltAgain() throws Exception {
        assertThat(run("test", "--long").exitCode()).isZero();
        assertThat(run("demo").output()).doesNotContain("building");
        assertThat(builds()).containsExactly("-B verify -Plong");
    }

    @Test
    void anotherVersionLeavesNoLibraryBehind() throws Exception {
        run("serve");
        Path former = Files.writeString(clone.resolve("receiver/target/lib/former.jar"), "library");
        Files.writeString(source, "22");
        assertThat(run("serve").classPath().resolve("former.jar")).exists();

        Files.writeString(clone.resolve("receiver/pom.xml"), "another version");
        assertThat(run("test").exitCode()).isZero();
        assertThat(former).doesNotExist();
        assertThat(run("serve").classPath().resolve("former.jar")).doesNotExist();
    }

    @Test
    void whatSomeTestsHaveBuiltIsBuiltAgain() throws Exception {
        assertThat(run("test", "-pl", "receiver").exitCode()).isZero();
        assertThat(run("demo").output()).contains("building");
    }

    @Test
    void theTestsExitCodeIsMavens() throws Exception {
        assertThat(run("test", "-Dfail").exitCode()).isEqualTo(3);
    }

    @Test
    void jarsOfAProgramThatRunsStayAsTheyAreUntilItHasEnded() throws Exception {
        Process server = start(clone.resolve("run").toString(), "serve");
        try (BufferedReader said = server.inputReader(StandardCharsets.UTF_8)) {
            String line = said.lines()
                    .filter(text -> text.startsWith("java "))
                    .findFirst()
                    .orElseThrow();
            Path held = new Outcome(0, line).classPath();
            String jar = Files.readString(held.resolve("receiver-1.jar"));

            Files.writeString(source, "22");
            Path next = run("serve").classPath();
            assertThat(next).isNotEqualTo(held);
            assertThat(held.resolve("receiver-1.jar")).hasContent(jar);
            assertThat(held.resolve("library.jar")).exists();

            server.getOutputStream().close();
            assertThat(server.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
            Files.writeString(source, "333");
            assertThat(run("serve").classPath()).isDirectory();
            assertThat(held).doesNotExist();
            assertThat(next).doesNotExist();
        }
    }
}
