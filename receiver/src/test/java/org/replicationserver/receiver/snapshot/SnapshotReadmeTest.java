package org.replicationserver.receiver.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What README.md says is what the code does. */
class SnapshotReadmeTest {
    private static List<List<String>> rows(String firstHeading) throws IOException {
        return Files.readString(Path.of("snapshot/README.md"))
                .lines()
                .dropWhile(line -> !line.startsWith("| " + firstHeading + " |"))
                .skip(2)
                .takeWhile(line -> line.startsWith("|"))
                .map(line -> Stream.of(line.substring(1, line.length() - 1).split("\\|"))
                        .map(String::strip)
                        .toList())
                .toList();
    }

    @Test
    void everyOutcomeIsInTheTableInItsOrderAndIsAFailureAsItIsWritten() throws IOException {
        assertThat(rows("outcome"))
                .allSatisfy(row -> assertThat(row).hasSize(5))
                .extracting(row -> row.getFirst() + " " + row.getLast())
                .containsExactlyElementsOf(Stream.of(SnapshotOutcome.values())
                        .map(outcome -> outcome + " " + (outcome.isFailure() ? "yes" : "no"))
                        .toList());
    }

    @Test
    void everyTagOfOursIsInTheTable() throws IOException {
        assertThat(rows("tag"))
                .extracting(List::getFirst)
                .contains(
                        "`" + SnapshotTags.MANAGED + "`",
                        "`" + SnapshotTags.GROUP + "`",
                        "`" + SnapshotTags.SOURCE_SERVER + "`",
                        "`" + SnapshotTags.EPOCH + "`",
                        "`" + SnapshotTags.DEVICE + "`");
    }
}
