package org.replicationserver.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.process.LocalServer;

/** The command line, and a whole run. */
final class BenchMainTest {
    private static final Path RUN = Path.of("..", "run");

    @ParameterizedTest
    @CsvSource({
        "--size=1GB, not a size like",
        "--size=8MiB, 16MiB to 64GiB",
        "--size=20000001, a multiple of 4KiB",
        "--starts=0, 1 to 20",
        "--rounds=101, 1 to 100",
        "--rounds=0, 1 to 100",
        "--rounds=many, --rounds",
        "--streams=17, 1 to 16",
        "--engine=gnutls, --engine",
        "--volume-dir=/no/such/place, a directory that exists",
        "--json=/no/such/place/file, a directory that exists",
        "--nonsense, --nonsense"
    })
    void aMistakeGetsOneLineThatNamesIt(String argument, String named) {
        StringWriter err = new StringWriter();
        int exitCode = BenchMain.commandLine(Path.of("/no/cache"))
                .setErr(new PrintWriter(err, true))
                .execute(argument);

        assertThat(exitCode).isEqualTo(2);
        assertThat(err.toString().lines()).singleElement().asString().contains(named);
    }

    /** The server that is measured is the one that people start. */
    @Test
    void theServersJvmHasTheOptionsOfRun() throws IOException {
        String run = Files.readString(RUN);
        List<String> options = new ArrayList<>(array(run, "common_flags"));
        options.addAll(array(run, "server_flags"));
        assertThat(LocalServer.JVM_OPTIONS).containsExactlyInAnyOrderElementsOf(options);
    }

    private static List<String> array(String script, String name) {
        Matcher array = Pattern.compile(name + "=\\(([^)]*)\\)").matcher(script);
        assertThat(array.find()).isTrue();
        return List.of(array.group(1).strip().split("\\s+", -1));
    }

    private static final class Run {
        private final StringWriter out = new StringWriter();
        private final Path json;

        Run(Path directory, String... arguments) {
            StringWriter err = new StringWriter();
            this.json = directory.resolve("figures.json");
            List<String> all = new ArrayList<>(List.of("--size=64MiB", "--rounds=1", "--json=" + json));
            all.addAll(List.of(arguments));

            int exitCode = BenchMain.commandLine(directory.resolve("cache"))
                    .setOut(new PrintWriter(out, true))
                    .setErr(new PrintWriter(err, true))
                    .execute(all.toArray(String[]::new));

            assertThat(err.toString()).isEmpty();
            assertThat(exitCode).isZero();
            assertThat(out.toString()).contains("replicas identical");
        }
    }

    @Test
    @Tag("long")
    void aSmallRunEndsWithATableAndFigures(@TempDir Path directory) throws IOException {
        Run run = new Run(directory, "--starts=1");

        assertThat(run.out.toString()).contains("server, warm, CPU s/GiB");
        assertThat(Files.readString(run.json)).contains("\"serverCpuSecondsPerGib\"", "\"peakResidentBytes\"");
    }

    @Test
    @Tag("long")
    void aSmallRunWithAnOutageEndsWithATableAndFigures(@TempDir Path directory) throws IOException {
        Run run = new Run(directory, "--outage");

        assertThat(run.out.toString()).contains("control plane away, MiB/s", "away to answering, MiB/s");
        assertThat(Files.readString(run.json)).contains("\"rateRatio\"");
    }

    @Test
    @Tag("long")
    void aSmallRescanEndsWithATableAndFigures(@TempDir Path directory) throws IOException {
        Run run = new Run(directory, "--rescan");

        assertThat(run.out.toString()).contains("SHA-256 by one thread, CPU s/GiB", "server to sha256, CPU");
        assertThat(Files.readString(run.json)).contains("\"cpuRatio\"");
    }

    @Test
    void outageAndRescanAreMeasuredOneAtATime() {
        StringWriter err = new StringWriter();
        int exitCode = BenchMain.commandLine(Path.of("/no/cache"))
                .setErr(new PrintWriter(err, true))
                .execute("--outage", "--rescan");

        assertThat(exitCode).isEqualTo(2);
        assertThat(err.toString().lines()).singleElement().asString().contains("one of them");
    }
}
