package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A demo that is told to stop leaves nothing behind, whatever it is doing. */
final class DemoStopTest {
    private static final int SIGTERM_EXIT_CODE = 143;
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    @TempDir
    private Path temporary = Path.of("");

    @ParameterizedTest
    @ValueSource(strings = {"making a file system", "server: killed"})
    void nothingIsLeftAfterSigtermWhen(String line) throws Exception {
        stopAt(line);
    }

    @ParameterizedTest
    @ValueSource(strings = {"server: listening", "agent: epoch 1 begins", "server: started again", "cycle 1: a file"})
    @Tag("long")
    void nothingIsLeftAfterSigtermAlsoWhen(String line) throws Exception {
        stopAt(line);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "instance: ",
                "pair: the agent",
                "throttle: SET_BANDWIDTH to 24",
                "outage: the control plane is down",
                "replacement: i-"
            })
    @Tag("long")
    void nothingIsLeftOfAMigrationAfterSigtermWhen(String line) throws Exception {
        stopAt(line, "--with-control-plane");
    }

    private void stopAt(String line, String... options) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.add("--size=256MiB");
        Process demo = DemoProcess.start(temporary, arguments.toArray(String[]::new));
        try (BufferedReader said = demo.inputReader(StandardCharsets.UTF_8)) {
            awaitLine(said, line);
            requireCleanStop(demo, said);
        } finally {
            DemoProcess.end(demo);
        }
    }

    @Test
    void nothingIsLeftAfterSigtermWhenAToolRuns() throws Exception {
        Process demo = DemoProcess.start(temporary, "--size=256MiB");
        try (BufferedReader said = demo.inputReader(StandardCharsets.UTF_8)) {
            await().atMost(TIMEOUT)
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(5))
                    .until(() -> demo.descendants().findAny().isPresent());
            requireCleanStop(demo, said);
        } finally {
            DemoProcess.end(demo);
        }
    }

    private static void awaitLine(BufferedReader said, String begin) throws IOException {
        Optional<String> found =
                said.lines().filter(line -> line.startsWith(begin)).findFirst();
        assertThat(found).as("a line that begins with '%s'", begin).isPresent();
    }

    private void requireCleanStop(Process demo, BufferedReader said) throws Exception {
        // Destroying the Process itself would also close its output.
        demo.toHandle().destroy();
        String rest = said.lines().collect(Collectors.joining("\n"));
        assertThat(demo.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();

        assertThat(demo.exitValue()).isEqualTo(SIGTERM_EXIT_CODE);
        assertThat(rest).doesNotContain("Exception");
        assertThat(processesIn(temporary)).isEmpty();
        assertThat(temporary).isEmptyDirectory();
    }

    /** Command lines that name a directory, as those of all children of a demo do. */
    private static List<String> processesIn(Path directory) {
        return ProcessHandle.allProcesses()
                .map(process -> commandLine(process.pid()))
                .filter(commandLine -> commandLine.contains(directory.toString()))
                .toList();
    }

    private static String commandLine(long pid) {
        try {
            byte[] words = Files.readAllBytes(Path.of("/proc", Long.toString(pid), "cmdline"));
            return new String(words, StandardCharsets.UTF_8).replace('\0', ' ');
        } catch (IOException e) {
            return "";
        }
    }
}
