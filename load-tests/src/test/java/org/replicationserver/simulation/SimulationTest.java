package org.replicationserver.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.process.Cleanup;

class SimulationTest {
    /** The folder of the sources, as seen from that of the module's tests. */
    private static final Path PROJECT = Path.of("..");

    private static final Path KNOWN_BUGS = Path.of("src/main/resources/simulation/known-bugs.txt");

    /** Within which each known bug must be found, so none of these may break an invariant without one. */
    private static final int SEEDS_OF_HUNT = 2_000;

    private static final Pattern FOUND = Pattern.compile("(\\S+) +seed (\\d+): (I\\d+): .*");

    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    @Test
    void noSeedBreaksAnInvariant() throws InterruptedException {
        assertNothingFound(new SeedRange(1, 400, THREADS));
    }

    @Test
    @Tag("long")
    void noSeedOfManyBreaksAnInvariant() throws InterruptedException {
        assertNothingFound(new SeedRange(1, 6_000, THREADS));
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
        assertThat(seen.failedReads()).isPositive();
    }

    /** In another process sets and maps have another order, and what depends on it would show. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 7, 26})
    void seedTellsTheSameStoryInEachProcess(long seed, @TempDir Path directory) throws Exception {
        String story = story(seed);
        assertThat(story).contains("committed epoch");
        try (Cleanup cleanup = new Cleanup()) {
            BugHunt.Search other = BugHunt.Search.run(
                    directory.resolve("no-classes"), List.of("--seed=" + seed), Duration.ofMinutes(1), cleanup);
            assertThat(other.exitCode()).as(other.said()).isZero();
            assertThat(other.said()).isEqualTo(story);
        }
    }

    private static String story(long seed) {
        ByteArrayOutputStream story = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(story, false, StandardCharsets.UTF_8);
        RunResult result = new Simulation(seed, out).run();
        out.printf("nothing found; digest of the story %016x%n", result.digest());
        out.flush();
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
        assertThat(BugHunt.bySeeds(PROJECT, SEEDS_OF_HUNT, System.out).hunt(bugs))
                .isZero();
    }

    /** What was found of each is kept. */
    @Test
    void theListOfKnownBugsHasEachOfThemWithinItsSeeds() throws IOException {
        List<ListedBug> listed = listedBugs();
        assertThat(listed)
                .extracting(ListedBug::name)
                .containsExactlyElementsOf(
                        KnownBug.ALL.stream().map(KnownBug::name).toList());
        assertThat(listed).allMatch(bug -> bug.seed() <= SEEDS_OF_HUNT);
    }

    /**
     * A line of the list.
     *
     * @param seed the first that finds it
     * @param invariant that it breaks there
     */
    private record ListedBug(String name, int seed, String invariant) {
        String line() {
            return "%-50s %5d  %s".formatted(name, seed, invariant);
        }
    }

    private static List<ListedBug> listedBugs() throws IOException {
        return Files.readAllLines(KNOWN_BUGS).stream()
                .filter(line -> !line.startsWith("#"))
                .map(line -> List.of(line.split(" +", 3)))
                .map(words -> new ListedBug(words.get(0), Integer.parseInt(words.get(1)), words.get(2)))
                .toList();
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
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
        int missed = BugHunt.bySeeds(PROJECT, SEEDS_OF_HUNT, out).hunt(KnownBug.ALL);
        String text = said.toString(StandardCharsets.UTF_8);
        System.out.print(text);
        assertThat(missed).as(text).isZero();
        List<ListedBug> found = text.lines()
                .map(FOUND::matcher)
                .filter(Matcher::matches)
                .map(line -> new ListedBug(line.group(1), Integer.parseInt(line.group(2)), line.group(3)))
                .toList();
        assertThat(found)
                .as("%s tells something else of some bugs; the hunt has found%n%s", KNOWN_BUGS, lines(found))
                .isEqualTo(listedBugs());
    }

    private static String lines(List<ListedBug> bugs) {
        return bugs.stream().map(ListedBug::line).collect(Collectors.joining(System.lineSeparator()));
    }
}
