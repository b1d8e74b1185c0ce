package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.control.CommandResult.Status;
import org.replicationserver.volume.StateDirectory;

final class CommandJournalTest {
    @TempDir
    private Path directory = Path.of("");

    private StateDirectory open() throws IOException {
        return StateDirectory.open(directory, failure -> {});
    }

    private static void add(CommandJournal journal, String id, CommandResult result) throws Exception {
        journal.add(id, result).toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    @Test
    void resultsAreThereAfterARestart() throws Exception {
        CommandResult result = CommandResult.succeeded("done", new JsonObject().put("records", 7));
        try (StateDirectory state = open()) {
            CommandJournal journal = CommandJournal.load(state);
            assertThat(journal.resultOf("c-1")).isNull();
            add(journal, "c-1", result);
            add(journal, "c-2", CommandResult.failed("because"));
        }
        try (StateDirectory state = open()) {
            CommandJournal journal = CommandJournal.load(state);
            assertThat(journal.resultOf("c-1")).isEqualTo(result);
            assertThat(journal.resultOf("c-2")).isEqualTo(CommandResult.failed("because"));
        }
    }

    @Test
    void newestResultsAreKept() throws Exception {
        try (StateDirectory state = open()) {
            CommandJournal journal = CommandJournal.load(state);
            for (int i = 0; i <= CommandJournal.COMMANDS_MAX; i++) {
                journal.add("c-" + i, CommandResult.succeeded(""));
            }
            add(journal, "last", CommandResult.succeeded(""));
        }
        try (StateDirectory state = open()) {
            CommandJournal journal = CommandJournal.load(state);
            assertThat(journal.resultOf("c-0")).isNull();
            assertThat(journal.resultOf("c-1")).isNull();
            assertThat(journal.resultOf("c-2")).isNotNull();
            assertThat(journal.resultOf("last")).isNotNull();
        }
    }

    /** Characters of three bytes each, and characters that JSON escapes, so that no bound is met by chance. */
    @ParameterizedTest
    @ValueSource(strings = {"\u20ac", "\"", "x"})
    void largestResultsFitARecord(String character) throws Exception {
        CommandResult large = new CommandResult(
                Status.FAILED, character.repeat(1024), new JsonObject().put("x", character.repeat(10_000)));
        try (StateDirectory state = open()) {
            CommandJournal journal = CommandJournal.load(state);
            for (int i = 0; i < 300; i++) {
                add(journal, "c-" + i, large);
            }
            assertThat(journal.resultOf("c-0")).isNull();
        }
        try (StateDirectory state = open()) {
            assertThat(CommandJournal.load(state).resultOf("c-299")).isEqualTo(large);
        }
    }

    @Test
    void journalWithATooLargeOutputCountsAsEmpty() throws Exception {
        String output = "x".repeat(CommandResult.OUTPUT_BYTES_MAX + 1);
        Files.writeString(
                directory.resolve(CommandJournal.RECORD + ".json"),
                "{\"commands\":[{\"commandId\":\"c-1\",\"status\":\"FAILED\",\"message\":\"\",\"output\":{\"x\":\""
                        + output + "\"}}]}");
        try (StateDirectory state = open()) {
            assertThat(CommandJournal.load(state).resultOf("c-1")).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{}", "[]", "{\"commands\":[{\"commandId\":\"c-1\"}]}"})
    void journalThatCannotBeReadCountsAsEmpty(String text) throws Exception {
        Files.writeString(directory.resolve(CommandJournal.RECORD + ".json"), text);
        try (StateDirectory state = open()) {
            CommandJournal journal = CommandJournal.load(state);
            add(journal, "c-2", CommandResult.succeeded(""));
            assertThat(journal.resultOf("c-1")).isNull();
        }
    }
}
