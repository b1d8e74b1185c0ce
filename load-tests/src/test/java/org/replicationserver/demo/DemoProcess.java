package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The demo in a process of its own. */
final class DemoProcess {
    private static final int END_SECONDS = 30;

    private DemoProcess() {}

    /** Makes everything in this temporary directory; standard error goes where the output goes. */
    static Process start(Path temporary, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:TieredStopAtLevel=1",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                DemoMain.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    /** Called with each line that a demo says. */
    interface WhenSaid {
        void said(String line) throws Exception;
    }

    /** Requires the exit code; all lines. */
    static List<String> runToItsEnd(Process demo, int exitCode, WhenSaid whenSaid) throws Exception {
        List<String> lines = new ArrayList<>();
        try (BufferedReader said = demo.inputReader(StandardCharsets.UTF_8)) {
            for (String line = said.readLine(); line != null; line = said.readLine()) {
                lines.add(line);
                whenSaid.said(line);
            }
            assertThat(demo.waitFor(END_SECONDS, TimeUnit.SECONDS)).isTrue();
        } finally {
            end(demo);
        }
        assertThat(demo.exitValue()).as("exit code after %s", lines).isEqualTo(exitCode);
        return lines;
    }

    static void end(Process demo) {
        Stream.concat(demo.descendants().toList().stream(), Stream.of(demo.toHandle()))
                .forEach(ProcessHandle::destroyForcibly);
    }
}
