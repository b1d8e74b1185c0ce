package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

/** Operators read the kinds of failures in the status and in the log, and look them up in README.md. */
final class FailureKindsTest {
    @Test
    void everyKindThatIsToldIsInTheReadmeAndNoOther() throws Exception {
        List<String> lines = Files.readAllLines(Path.of("../README.md"));
        int heading = lines.indexOf("| kind | the control plane |");
        assertThat(heading).isNotNegative();
        Stream<String> kinds = lines.stream()
                .skip(heading + 2)
                .takeWhile(line -> line.startsWith("| "))
                .flatMap(row -> Pattern.compile("[A-Z_]{4,}")
                        .matcher(row.substring(0, row.indexOf(" | ")))
                        .results()
                        .map(MatchResult::group));

        // A circuit that is open and a client that is closed are no failures of a call that was made.
        assertThat(kinds.map(Kind::valueOf))
                .containsExactlyInAnyOrderElementsOf(EnumSet.complementOf(EnumSet.of(Kind.CIRCUIT_OPEN, Kind.CLOSED)));
    }
}
