package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the page of promises says is there. */
final class PromisesTest {
    private static final Path PAGE = Path.of("../receiver/durability/README.md");
    private static final List<String> MODULES = List.of("cert-manager", "volume-writer", "receiver", "load-tests");
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern INVARIANT = Pattern.compile("\\bI\\d+\\b");

    private static String section(int number) throws IOException {
        String page = Files.readString(PAGE);
        int begin = page.indexOf("\n## " + number + " ");
        int end = page.indexOf("\n## ", begin + 1);
        return page.substring(begin, end < 0 ? page.length() : end);
    }

    /** The cells of each row of a section's table, by its number. */
    private static Map<String, List<String>> rows(int section) throws IOException {
        Map<String, List<String>> rows = new TreeMap<>();
        section(section)
                .lines()
                .filter(line -> line.startsWith("| ") && Character.isDigit(line.charAt(line.startsWith("| I") ? 3 : 2)))
                .map(line -> Arrays.stream(line.substring(1, line.length() - 1).split("\\|"))
                        .map(String::strip)
                        .toList())
                .forEach(cells -> rows.put(cells.getFirst(), cells));
        return rows;
    }

    private static List<String> code(String text) {
        return CODE.matcher(text).results().map(result -> result.group(1)).toList();
    }

    private static Map<String, String> testSources() throws IOException {
        Map<String, String> sources = new TreeMap<>();
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(Path.of("..", module, "src/test/java"))) {
                for (Path file : files.filter(each -> each.toString().endsWith("Test.java"))
                        .toList()) {
                    String name = file.getFileName().toString().replace(".java", "");
                    sources.merge(name, Files.readString(file), String::concat);
                }
            }
        }
        return sources;
    }

    @Test
    void everyPromiseHasChecks() throws IOException {
        assertThat(rows(4).keySet()).isNotEmpty().isEqualTo(rows(1).keySet());
        assertThat(rows(4).values()).allSatisfy(cells -> {
            assertThat(cells).hasSize(4);
            assertThat(code(cells.getLast())).isNotEmpty();
        });
    }

    @Test
    void everyTestThatIsNamedIsThere() throws IOException {
        Map<String, String> sources = testSources();
        for (List<String> cells : rows(4).values()) {
            for (String name : code(cells.getLast())) {
                String[] parts = name.split("\\.", 2);
                assertThat(sources).as(name).containsKey(parts[0]);
                if (parts.length > 1) {
                    assertThat(sources.get(parts[0])).contains("void " + parts[1] + "(");
                }
            }
        }
    }

    @Test
    void everyCampaignChecksAPromise() throws IOException {
        assertThat(rows(4).values().stream().flatMap(cells -> code(cells.get(2)).stream()))
                .containsAll(
                        CrashTestMain.CAMPAIGNS.stream().map(Campaign::name).toList())
                .isSubsetOf(CrashTestMain.CAMPAIGNS.stream().map(Campaign::name).toList());
    }

    @Test
    void everyInvariantOfTheSimulationIsExplainedAndHoldsAPromise() throws IOException {
        Set<String> looksFor = new TreeSet<>();
        try (Stream<Path> files = Files.list(Path.of("src/main/java/org/replicationserver/simulation"))) {
            for (Path file : files.toList()) {
                Pattern.compile("\"(I\\d+)\"")
                        .matcher(Files.readString(file))
                        .results()
                        .forEach(result -> looksFor.add(result.group(1)));
            }
        }
        Map<String, List<String>> explained = rows(3);
        assertThat(looksFor).isEqualTo(explained.keySet());
        assertThat(rows(4).values().stream()
                        .flatMap(cells -> INVARIANT.matcher(cells.get(1)).results())
                        .map(MatchResult::group))
                .isSubsetOf(explained.keySet());
    }

    @Test
    void promisesAreNumberedFromOne() throws IOException {
        assertThat(rows(1).keySet())
                .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(1, rows(1).size())
                        .mapToObj(Integer::toString)
                        .toList());
    }
}
