package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class CrashTestMainTest {
    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @CsvSource({
        "--campaign=kill, 'known: kill-at-call, fault-at-call, write-log, kill-at-random, storage, network, holds'",
        "--count=0, allowed: 1 and more",
        "--count=many, --count",
        "--from=-1, allowed: 0 and more",
        "--directory=/no/such/place, is no directory",
        "--bug=none, no such bug: none; known are acknowledge-without-force",
        "--campagin=network, nearest known: --campaign",
        "--nonsense, --nonsense"
    })
    void aMistakeIsNamedAndLeavesNothing(String argument, String named) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(argument));
        if (!argument.startsWith("--directory=")) {
            arguments.add("--directory=" + directory);
        }
        StringWriter err = new StringWriter();
        int exitCode = CrashTestMain.commandLine()
                .setErr(new PrintWriter(err, true))
                .execute(arguments.toArray(String[]::new));
        assertThat(exitCode).isEqualTo(2);
        assertThat(err.toString().lines().findFirst()).get().asString().contains(named);
        try (var left = Files.list(directory)) {
            assertThat(left).isEmpty();
        }
    }

    interface Body {
        void run() throws IOException;
    }

    private static Campaign campaign(Body body) {
        return new Campaign("trial", 1, "cases", true) {
            @Override
            @Nullable
            String missing(Workshop workshop) {
                return null;
            }

            @Override
            void run(Workshop workshop, Tally tally) throws IOException {
                Files.createFile(workshop.directory().resolve("evidence"));
                body.run();
                tally.done("");
            }
        };
    }

    private static Stream<Body> troubles() {
        return Stream.of(
                () -> {
                    throw new AssertionError("planted");
                },
                () -> {
                    throw new IOException("planted");
                },
                () -> {
                    throw new NullPointerException("planted");
                },
                () -> {
                    throw new CompletionException("", new IOException("planted"));
                });
    }

    @ParameterizedTest
    @MethodSource("troubles")
    void whateverEndsACampaignKeepsItsFilesAndIsTroubleOfTheRun(Body trouble) throws Exception {
        int exitCode = CrashTestMain.commandLine(List.of(campaign(trouble))).execute("--directory=" + directory);
        assertThat(exitCode).isEqualTo(1);
        try (var left = Files.walk(directory)) {
            assertThat(left).anyMatch(file -> file.endsWith("evidence"));
        }
    }

    @Test
    void aCampaignThatFindsNothingLeavesNothing() throws Exception {
        int exitCode = CrashTestMain.commandLine(List.of(campaign(() -> {}))).execute("--directory=" + directory);
        assertThat(exitCode).isZero();
        try (var left = Files.list(directory)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void everyCampaignIsInTheHelp() {
        String help = CrashTestMain.commandLine().getUsageMessage();
        assertThat(CrashTestMain.CAMPAIGNS)
                .allSatisfy(campaign -> assertThat(help).contains("  " + campaign.name()));
    }
}
