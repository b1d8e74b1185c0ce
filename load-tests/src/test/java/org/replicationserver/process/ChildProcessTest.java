package org.replicationserver.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How a child ended is told in one line. */
final class ChildProcessTest {
    private static final Pattern NEVER = Pattern.compile("never");
    private static final Duration TIMEOUT = Duration.ofMinutes(1);

    @Test
    void anUnexpectedEndIsToldWithTheLastLineThatSaysSomething() throws Exception {
        try (Cleanup cleanup = new Cleanup();
                ChildProcess child = ChildProcess.start(
                        "server",
                        List.of("sh", "-c", "echo first; echo the cause; printf '\\tat Some.where\\n\\n'; kill -9 $$"),
                        cleanup)) {
            assertThatThrownBy(() -> child.awaitLine(NEVER, TIMEOUT))
                    .isInstanceOf(RunException.class)
                    .hasMessage("the server was ended by SIGKILL; its last line: the cause");
            assertThatThrownBy(child::requireAlive)
                    .hasMessage("the server was ended by SIGKILL; its last line: the cause");
        }
    }

    @ParameterizedTest
    @CsvSource({"78, ended with exit code 78", "137, was ended by SIGKILL", "163, was ended by signal 35"})
    void exitCodesOfSignalsAreCalledByTheirNames(int exitCode, String text) {
        assertThat(ChildProcess.ending(exitCode)).isEqualTo(text);
    }
}
