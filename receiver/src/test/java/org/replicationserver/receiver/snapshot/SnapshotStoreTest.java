package org.replicationserver.receiver.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.log.LoggedLines;
import org.replicationserver.receiver.replication.SnapshotStanding;
import org.replicationserver.receiver.snapshot.SnapshotGroup.VolumeSnapshot;
import org.replicationserver.volume.StateDirectory;

class SnapshotStoreTest {
    @TempDir
    Path directory;

    private StateDirectory open() throws IOException {
        return StateDirectory.open(directory, failure -> {
            throw new AssertionError(failure);
        });
    }

    private static SnapshotGroup group(String id, String source, int volumes, int chars) {
        return SnapshotGroup.begun(id, source, List.of(SnapshotTrigger.command("c-" + id)), 1)
                .made(
                        Long.MAX_VALUE,
                        2,
                        3,
                        IntStream.range(0, volumes)
                                .mapToObj(i -> new VolumeSnapshot(
                                        SnapshotWorld.volumeId(i), "d".repeat(chars), String.format("snap-%017x", i)))
                                .toList());
    }

    private static SnapshotResult failed(String groupId, String sentence) {
        return SnapshotResult.failed(
                groupId, new SnapshotException(SnapshotOutcome.EC2_REFUSED, sentence, "Do."), List.of("snap-1"));
    }

    @Test
    void whatWasStoredIsLoaded() throws IOException {
        SnapshotGroup group = group("sg-1", "s-1", 2, 8);
        SnapshotResult result = failed("sg-0", "so");
        try (StateDirectory state = open()) {
            SnapshotStore store = SnapshotStore.load(state);
            store.put(group);
            store.completed(group);
            store.troubled("s-1", result, 7);
            store.failed(null, List.of(SnapshotTrigger.command("c-2"), SnapshotTrigger.request("r-2")), result)
                    .toCompletableFuture()
                    .join();
        }

        try (StateDirectory state = open()) {
            SnapshotStore store = SnapshotStore.load(state);

            assertThat(store.groups()).containsExactly(group);
            assertThat(store.resultOf(SnapshotTrigger.command("c-2"))).isEqualTo(result);
            assertThat(store.resultOf(SnapshotTrigger.request("r-2")))
                    .as("a request is tried again")
                    .isNull();
            SnapshotStanding standing = store.standing("s-1");
            assertThat(standing.lastMillis()).isEqualTo(3);
            assertThat(standing.markMillis()).isEqualTo(2);
            assertThat(String.valueOf(standing.trouble())).contains("sinceMillis=7, failures=1", "so; left over");
        }
    }

    @Test
    void olderGroupThatIsCompleteLaterDoesNotTakeThePlaceOfTheNewer() throws IOException {
        try (StateDirectory state = open()) {
            SnapshotStore store = SnapshotStore.load(state);
            SnapshotGroup older =
                    SnapshotGroup.begun("sg-1", "s-1", List.of(), 1).made(1, 10, 11, List.of());
            SnapshotGroup newer =
                    SnapshotGroup.begun("sg-2", "s-1", List.of(), 1).made(2, 20, 21, List.of());
            store.completed(newer);

            assertThat(store.completed(older)).isEqualTo(new SnapshotStanding(21, 20, null));
        }
    }

    @Test
    void largestContentFitsIntoARecord() throws IOException {
        try (StateDirectory state = open()) {
            SnapshotStore store = SnapshotStore.load(state);
            String sentence = "\"".repeat(2000);
            for (int i = 0; i < 2 * SnapshotStore.RESULTS_MAX; i++) {
                String id = String.format("%064d", i);
                String source = String.format("%0128d", i);
                if (!store.isFull()) {
                    store.put(group(id, source, 60, 128));
                }
                List<String> ids = IntStream.range(0, 60)
                        .mapToObj(n -> String.format("snap-%017x", n))
                        .toList();
                SnapshotResult result = SnapshotResult.failed(
                        id, new SnapshotException(SnapshotOutcome.EC2_REFUSED, sentence, sentence), ids);
                store.troubled(source, result, 1);
                store.failed(null, List.of(SnapshotTrigger.command(id)), result)
                        .toCompletableFuture()
                        .join();
            }

            assertThat(store.groups()).hasSize(SnapshotStore.GROUPS_MAX);
            assertThat(store.standings()).hasSize(SnapshotStore.STANDINGS_MAX);
            assertThat(Files.size(directory.resolve("snapshots.json")))
                    .isBetween(StateDirectory.RECORD_BYTES_MAX / 2L, (long) StateDirectory.RECORD_BYTES_MAX);
        }
    }

    @Test
    void whatIsMoreThanARecordMayBeIsNotKept() throws IOException {
        try (StateDirectory state = open()) {
            SnapshotStore store = SnapshotStore.load(state);

            assertThat(store.put(group("sg-1", "s-1", 60, StateDirectory.RECORD_BYTES_MAX / 50)))
                    .isCompletedExceptionally();
        }
    }

    @Test
    void recordThatIsDamagedIsToldAndCountsAsNone() throws IOException {
        for (String damaged :
                List.of("", "[]", "{\"groups\":[{}]}", "{\"groups\":7}", "{\"results\":[{\"outcome\":\"?\"}]}")) {
            Files.writeString(directory.resolve("snapshots.json"), damaged);
            try (StateDirectory state = open()) {
                assertThat(SnapshotStore.load(state).groups()).as(damaged).isEmpty();
            }
        }
    }

    @Test
    void recordOfWhichAPartIsDamagedIsRefusedAsAWhole() throws IOException {
        try (StateDirectory state = open()) {
            SnapshotStore store = SnapshotStore.load(state);
            store.put(group("sg-1", "s-1", 2, 8));
            store.troubled("s-1", failed("sg-0", "so"), 7);
            store.failed(null, List.of(SnapshotTrigger.command("c-2")), failed("sg-0", "so"))
                    .toCompletableFuture()
                    .join();
        }
        Path record = directory.resolve("snapshots.json");
        String sound = Files.readString(record);
        for (String part : List.of("sinceMillis", "outcome", "takenMillis")) {
            Files.writeString(record, sound.replace("\"" + part + "\"", "\"damaged\""));
            try (StateDirectory state = open();
                    LoggedLines lines = LoggedLines.of(SnapshotStore.class.getName())) {
                SnapshotStore store = SnapshotStore.load(state);

                assertThat(store.groups()).as(part).isEmpty();
                assertThat(store.standings()).as(part).isEmpty();
                assertThat(store.resultOf(SnapshotTrigger.command("c-2")))
                        .as(part)
                        .isNull();
                assertThat(lines.texts())
                        .singleElement()
                        .asString()
                        .startsWith("ERROR what was kept of snapshot groups cannot be read");
            }
        }
    }
}
