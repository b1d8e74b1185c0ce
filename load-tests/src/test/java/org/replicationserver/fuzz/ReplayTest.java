package org.replicationserver.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.process.Cleanup;

/** An input that is run again without the engine has no more memory and time than with it. */
@Timeout(120)
final class ReplayTest {
    private static final int SECONDS = 30;

    @TempDir
    private Path directory = Path.of("");

    private final List<String> lines = new ArrayList<>();

    private boolean isSound(String text, int seconds) throws Exception {
        Path input = Files.writeString(directory.resolve("input"), text);
        try (Cleanup cleanup = new Cleanup()) {
            return Replay.run(PlantedHunger.class.getName(), input, directory, seconds, cleanup, lines::add);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "m, 30, java.lang.OutOfMemoryError",
        "t, 2, an input takes at most 2 s",
        "s, 30, java.lang.StackOverflowError"
    })
    void whatTakesTooMuchIsFoundAgain(String input, int seconds, String told) throws Exception {
        assertThat(isSound(input, seconds)).isFalse();
        assertThat(lines).as("how").anySatisfy(line -> assertThat(line).contains(told));
        assertThat(lines).as("where").anySatisfy(line -> assertThat(line).contains("PlantedHunger"));
    }

    @Test
    void whatTakesLittleIsSound() throws Exception {
        assertThat(isSound("x", SECONDS)).isTrue();
        assertThat(lines).isEmpty();
    }

    @Test
    void processThatCannotRunTheInputIsNoSoundInput() throws Exception {
        Path none = directory.resolve("none");
        try (Cleanup cleanup = new Cleanup()) {
            assertThat(Replay.run(PlantedHunger.class.getName(), none, directory, SECONDS, cleanup, lines::add))
                    .isFalse();
        }
        assertThat(String.join(" ", lines)).contains("NoSuchFileException");
    }
}
