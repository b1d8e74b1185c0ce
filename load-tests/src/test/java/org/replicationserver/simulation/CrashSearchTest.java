package org.replicationserver.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CrashSearchTest {
    /** The folder of the sources, as seen from that of the module's tests. */
    private static final Path PROJECT = Path.of("..");

    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    @Test
    void noCrashOfOneOperationBreaksAnInvariant() throws InterruptedException {
        assertNothingFound(1, 4000);
    }

    @Test
    @Tag("long")
    void noCrashOfThreeOperationsBreaksAnInvariant() throws InterruptedException {
        assertNothingFound(CrashSearch.STEPS_MAX, 500_000);
    }

    private static void assertNothingFound(int operations, long imagesMin) throws InterruptedException {
        CrashSearch search = new CrashSearch(operations, THREADS);
        assertThat(search.run()).isNull();
        System.out.println(search.text());
        assertThat(search.images()).isGreaterThanOrEqualTo(imagesMin);
        assertThat(search.recoveries()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ignore-failed-force", "answer-commit-before-the-record"})
    void knownBugIsFoundByACrash(String name) throws IOException, InterruptedException {
        assertThat(BugHunt.byCrashes(PROJECT, 1, System.out).hunt(List.of(KnownBug.named(name))))
                .isZero();
    }
}
