package org.replicationserver.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.process.Cleanup;

class BugHuntTest {
    /** The folder of the sources, as seen from that of the module's tests. */
    private static final Path PROJECT = Path.of("..");

    private static final Pattern AGAIN = Pattern.compile("Its story: simulate (--exhaustive) (--scenario) (\\d+)");

    @ParameterizedTest
    @CsvSource({
        "1, seed 7: I1: sector at 512, true",
        "1, scenario 7: I14: sector at 512, true",
        "1, seed 7 ended with java.lang.IllegalStateException: I1: none, false",
        "70, seed 7: I1: sector at 512, false",
        "1, Exception in thread main, false",
        "2, '--seeds=0, allowed: 1 and more', false",
        "0, seed 7: I1: sector at 512, false",
        "143, '', false",
        "-1, seed 7: I1: sector at 512, false"
    })
    void onlyABrokenInvariantIsFound(int exitCode, String said, boolean found) {
        assertThat(BugHunt.Verdict.of(new BugHunt.Search(exitCode, said), "9 seeds")
                        .found())
                .isEqualTo(found);
    }

    @Test
    void whatIsThrownAndBreaksNoInvariantIsNotFoundAndTold() throws Exception {
        KnownBug crash = new KnownBug(
                "crash",
                List.of(
                        new KnownBug.Edit(
                                "load-tests/src/main/java/org/replicationserver/simulation/SimulatedSource.java",
                                "        if (frozen) {",
                                "        if (!frozen) { throw new IllegalStateException(\"planted\"); }\n        if (frozen) {")));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int missed = BugHunt.bySeeds(PROJECT, 5, new PrintStream(said, true, StandardCharsets.UTF_8))
                .hunt(List.of(crash));
        assertThat(missed).isOne();
        assertThat(said.toString(StandardCharsets.UTF_8))
                .contains("NOT FOUND, the search ended with exit code 70: seed 1 ended with", "planted");
    }

    @Test
    void aSearchThatComesToNoEndIsEndedAndTold() throws Exception {
        KnownBug standstill = new KnownBug(
                "standstill",
                List.of(new KnownBug.Edit(
                        "load-tests/src/main/java/org/replicationserver/simulation/SimulatedSource.java",
                        "        if (frozen) {",
                        "        while (!frozen) { Thread.onSpinWait(); }\n        if (frozen) {")));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        int missed = BugHunt.bySeeds(PROJECT, 5, new PrintStream(said, true, StandardCharsets.UTF_8))
                .endingSearchesAfter(Duration.ofSeconds(5))
                .hunt(List.of(standstill));
        assertThat(missed).isOne();
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("NOT FOUND, the search came to no end in its time");
        assertThat(ProcessHandle.current().descendants().filter(ProcessHandle::isAlive))
                .isEmpty();
    }

    private static BugHunt.Search search(Path classes, String... arguments) throws Exception {
        try (Cleanup cleanup = new Cleanup()) {
            return BugHunt.Search.run(classes, List.of(arguments), Duration.ofMinutes(5), cleanup);
        }
    }

    @Test
    void whatACrashHasFoundIsReplayedWithItsStory(@TempDir Path work) throws Exception {
        Path classes = work.resolve("classes");
        new BugBuild(PROJECT).build(KnownBug.named("answer-commit-before-the-record"), classes);
        BugHunt.Search found = search(classes, "--exhaustive", "--operations=1");
        assertThat(found.exitCode()).as(found.said()).isEqualTo(1);
        Matcher again = AGAIN.matcher(found.said());
        assertThat(again.find()).as(found.said()).isTrue();

        BugHunt.Search replayed = search(classes, again.group(1), again.group(2), again.group(3));
        assertThat(replayed.exitCode()).isEqualTo(1);
        String text = found.said().lines().findFirst().orElseThrow();
        assertThat(text).startsWith("scenario " + again.group(3) + ": I7: ");
        assertThat(replayed.said().lines().map(String::strip))
                .contains(text)
                .contains("agent sends EPOCH_COMMIT", "server sends EPOCH_STATUS");
    }
}
