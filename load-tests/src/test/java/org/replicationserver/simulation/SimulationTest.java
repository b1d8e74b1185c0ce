package org.replicationserver.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SimulationTest {
    /** The folder of the sources, as seen from that of the module's tests. */
    private static final Path PROJECT = Path.of("..");

    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    @Test
    void noSeedBreaksAnInvariant() throws InterruptedException {
        assertNothingFound(new SeedRange(1, 400, THREADS));
    }

    @Test
    @Tag("long")
    void noSeedOfManyBreaksAnInvariant() throws InterruptedException {
        assertNothingFound(new SeedRange(1_000, 5_000, THREADS));
    }

    private static void assertNothingFound(SeedRange range) throws InterruptedException {
        assertThat(range.run()).isNull();
        SeedRange.RunTotals seen = range.totals();
        System.out.println(seen.text());
        assertThat(seen.serverKills()).isPositive();
        assertThat(seen.agentKills()).isPositive();
        assertThat(seen.commits()).isPositive();
        assertThat(seen.holds()).isPositive();
        assertThat(seen.takenOver()).isPositive();
        assertThat(seen.rescannedBytes()).isPositive();
        assertThat(seen.sessions()).isGreaterThan(seen.runs());
        assertThat(seen.runsOfTwoSources()).isPositive();
        assertThat(seen.bystanderCommits()).isPositive();
        assertThat(seen.unassignments()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 7, 26})
    void seedTellsTheSameStoryEachTime(long seed) {
        assertThat(story(seed)).isEqualTo(story(seed)).contains("committed epoch");
    }

    private static String story(long seed) {
        ByteArrayOutputStream story = new ByteArrayOutputStream();
        new Simulation(seed, new PrintStream(story, false, StandardCharsets.UTF_8)).run();
        return story.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "acknowledge-without-force",
                "welcome-before-fence",
                "welcome-before-the-record",
                "open-an-epoch-during-a-hold",
                "finish-the-sessions-of-all"
            })
    void knownBugIsFound(String name) throws IOException, InterruptedException {
        List<KnownBug> bugs =
                KnownBug.ALL.stream().filter(bug -> bug.name().equals(name)).toList();
        assertThat(bugs).hasSize(1);
        assertThat(BugHunt.bySeeds(PROJECT, 2000, System.out).hunt(bugs)).isZero();
    }

    /** What was found of each is kept. */
    @Test
    void theListOfKnownBugsHasEachOfThemWithinItsSeeds() throws IOException {
        Map<String, Integer> seeds = new LinkedHashMap<>();
        for (String line : Files.readAllLines(Path.of("src/main/resources/simulation/known-bugs.txt"))) {
            if (!line.startsWith("#")) {
                List<String> words = List.of(line.split(" +", 3));
                seeds.put(words.getFirst(), Integer.valueOf(words.get(1)));
            }
        }
        assertThat(seeds.keySet())
                .containsExactlyElementsOf(
                        KnownBug.ALL.stream().map(KnownBug::name).toList());
        assertThat(seeds.values()).allMatch(needed -> needed <= 2000);
    }

    /** Else whoever changes the code there would hear of it only from the hunt for all. */
    @Test
    void codeThatEachKnownBugChangesIsInTheShippedSourcesOnce() throws IOException {
        for (KnownBug bug : KnownBug.ALL) {
            for (KnownBug.Edit edit : bug.edits()) {
                assertThat(Files.readString(PROJECT.resolve(edit.file())).split(Pattern.quote(edit.code()), -1))
                        .as(bug.name() + " in " + edit.file())
                        .hasSize(2);
            }
        }
    }

    @Test
    @Tag("long")
    void everyKnownBugIsFound() throws IOException, InterruptedException {
        assertThat(KnownBug.ALL).hasSizeGreaterThanOrEqualTo(20);
        assertThat(BugHunt.bySeeds(PROJECT, 2000, System.out).hunt(KnownBug.ALL))
                .isZero();
    }
}
