package org.replicationserver.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.integration.Seeds;
import org.replicationserver.process.Cleanup;

final class FuzzTest {
    private static final long SECONDS = 5;
    private static final long PLANTED_SECONDS = 60;
    private static final int CORPUS_BYTES_MAX = 300 * 1024;

    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @EnumSource
    void everyInputOfTheCorpusKeepsTheRules(Parser parser) throws Exception {
        SortedMap<String, byte[]> inputs = Corpus.of(parser);
        assertThat(inputs).isNotEmpty();
        try (FuzzTarget target = parser.open(directory)) {
            Runner runner = new Runner(target, 1);
            for (Map.Entry<String, byte[]> input : inputs.entrySet()) {
                try {
                    runner.run(input.getValue());
                } catch (Exception | Error e) {
                    throw new AssertionError(parser.label() + ": " + input.getKey() + ": " + e, e);
                }
            }
        }
    }

    @Test
    void theCorpusIsSmall() throws IOException {
        long bytes = 0;
        for (Parser parser : Parser.values()) {
            bytes += Corpus.of(parser).values().stream()
                    .mapToLong(input -> input.length)
                    .sum();
        }
        assertThat(bytes).isLessThanOrEqualTo(CORPUS_BYTES_MAX);
    }

    /** All parsers share one process of the engine, whose start costs as much as some seconds of it. */
    @Test
    void someSecondsOfFuzzingBreakNoRule() throws Exception {
        long seed = Seeds.seed("someSecondsOfFuzzingBreakNoRule");
        List<Parser> parsers = Arrays.asList(Parser.values());
        try (Cleanup cleanup = new Cleanup()) {
            FuzzRun.Result result =
                    FuzzRun.of(parsers, FuzzMain.scratch(cleanup), cleanup).look(SECONDS, 0, seed, null, line -> {});
            System.out.println(result.executions() + " executions, " + result.branches() + " branches");
            Path finding = result.finding();
            if (finding != null && Files.size(finding) > 0) {
                byte[] found = Files.readAllBytes(finding);
                Parser parser = parsers.get(FuzzEntry.targetOf(found, parsers.size()));
                Path kept = FuzzMain.keep(parser, Arrays.copyOfRange(found, 1, found.length), Path.of("target"));
                throw new AssertionError(String.join("\n", result.story()) + "\nagain: ./run fuzz " + parser.label()
                        + " --replay load-tests/" + kept);
            }
            assertThat(finding).isNull();
            assertThat(result.executions()).isGreaterThan(parsers.size());
        }
    }

    @Test
    @Tag("long")
    void aForgottenBoundIsFound() throws Exception {
        try (Cleanup cleanup = new Cleanup()) {
            FuzzRun.Result result = FuzzRun.of(PlantedFault.class, 64, directory, cleanup)
                    .look(PLANTED_SECONDS, 0, 1, null, line -> {});
            assertThat(result.finding()).isNotNull();
            assertThat(result.story()).anySatisfy(line -> assertThat(line).contains("bytes of memory"));
        }
    }
}
