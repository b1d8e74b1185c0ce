package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.volume.StateDirectory;

/** The records of source servers over restarts. Each block of a test is a start of the server. */
final class StateRecordsTest {
    private static final SourceRecord KNOWN = SourceRecord.initial()
            .withGeneration(3)
            .withVolume("vol-1", new VolumeRecord("0".repeat(32), Origin.NEW_VOLUME, null));

    @TempDir
    Path directory;

    private final List<String> lost = new ArrayList<>();

    private StateDirectory open() throws IOException {
        return StateDirectory.open(directory, failure -> {
            throw new AssertionError(failure);
        });
    }

    private StateRecords records(StateDirectory state) {
        return new StateRecords(
                state,
                Runnable::run,
                (source, cause) -> lost.add(source),
                id -> CompletableFuture.completedStage(null));
    }

    private void store(SourceRecord record) throws IOException {
        try (StateDirectory state = open()) {
            records(state).store("s-1", record).toCompletableFuture().join();
        }
    }

    @Test
    void sourceServerThatWasNeverSeenHasLostNothing() throws Exception {
        try (StateDirectory state = open()) {
            assertThat(load(records(state))).isEqualTo(SourceRecord.initial());
        }
        assertThat(lost).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "rubbish", "{}", "{\"generation\":\"3\"}"})
    void recordThatCannotBeReadIsLostFromThenOn(String text) throws Exception {
        store(KNOWN);
        Files.writeString(directory.resolve("s-1.json"), text);
        try (StateDirectory state = open()) {
            StateRecords records = records(state);
            assertThat(load(records)).isEqualTo(SourceRecord.lost());
            assertThat(load(records)).isEqualTo(SourceRecord.lost());
        }
        assertThat(lost).containsExactly("s-1");
        try (StateDirectory state = open()) {
            assertThat(load(records(state))).as("the next start").isEqualTo(SourceRecord.lost());
        }
        assertThat(lost).containsExactly("s-1");
    }

    @Test
    void recordIsReadAsTheStoresBeforeLeaveIt() throws Exception {
        try (StateDirectory state = open()) {
            StateRecords records = records(state);
            records.store("s-1", KNOWN);
            assertThat(load(records)).isEqualTo(KNOWN);
        }
    }

    private static SourceRecord load(StateRecords records) {
        return records.load("s-1").toCompletableFuture().join();
    }
}
