package org.replicationserver.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class StateDirectoryTest {
    @TempDir
    Path directory;

    private final List<Throwable> failures = new CopyOnWriteArrayList<>();

    private StateDirectory open() throws IOException {
        return StateDirectory.open(directory.resolve("state"), failures::add);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The names of all records. */
    private List<String> records() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("state"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.substring(0, name.length() - ".json".length()))
                    .sorted()
                    .toList();
        }
    }

    private static void join(CompletionStage<Void> stage) {
        stage.toCompletableFuture().join();
    }

    @Test
    void storedRecordIsThereAfterReopening() throws IOException {
        try (StateDirectory state = open()) {
            join(state.store("source-1", bytes("one")));
            join(state.store("source-1", bytes("two")));
            join(state.store("source-2", bytes("")));
        }
        try (StateDirectory state = open()) {
            assertThat(state.load("source-1"))
                    .hasValueSatisfying(v -> assertThat(v).isEqualTo(bytes("two")));
            assertThat(state.load("source-2"))
                    .hasValueSatisfying(v -> assertThat(v).isEmpty());
            assertThat(state.load("source-3")).isEmpty();
            assertThat(records()).containsExactly("source-1", "source-2");
        }
        assertThat(failures).isEmpty();
    }

    @Test
    void unreadableRecordIsNotAMissingOne() throws IOException {
        try (StateDirectory state = open()) {
            Files.createDirectory(directory.resolve("state/source-1.json"));
            assertThatThrownBy(() -> state.load("source-1")).isInstanceOf(IOException.class);
            Files.write(directory.resolve("state/huge.json"), new byte[StateDirectory.RECORD_BYTES_MAX + 1]);
            assertThatThrownBy(() -> state.load("huge")).isInstanceOf(IOException.class);
        }
    }

    @Test
    void directoryAndRecordsAreTheServersAlone() throws IOException {
        try (StateDirectory state = open()) {
            join(state.store("a", bytes("1")));
            assertThat(mode("state")).isEqualTo("rwx------");
            assertThat(mode("state/a.json")).isEqualTo("rw-------");
            assertThat(mode("state/lock")).isEqualTo("rw-------");
        }
    }

    private String mode(String path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(path)));
    }

    @Test
    void secondServerIsRefused() throws IOException {
        try (StateDirectory first = open()) {
            assertThat(first.load("a")).isEmpty();
            assertThatThrownBy(this::open).hasMessageContaining("in use by another server");
        }
        open().close();
    }

    @Test
    void leftOverTemporaryFileIsRemovedAndTheRecordKept() throws IOException {
        try (StateDirectory state = open()) {
            join(state.store("a", bytes("kept")));
        }
        Files.write(directory.resolve("state/a.json.tmp"), bytes("half of"));
        try (StateDirectory state = open()) {
            assertThat(directory.resolve("state/a.json.tmp")).doesNotExist();
            assertThat(records()).containsExactly("a");
            assertThat(state.load("a")).hasValueSatisfying(v -> assertThat(v).isEqualTo(bytes("kept")));
        }
    }

    @Test
    void storesEndInTheOrderInWhichTheyWereAskedFor() throws IOException {
        List<Integer> ended = new CopyOnWriteArrayList<>();
        List<Integer> expected = new ArrayList<>();
        List<String> threads = new CopyOnWriteArrayList<>();
        StateDirectory state = open();
        CountDownLatch observed = new CountDownLatch(1);
        state.store("first", bytes("x")).thenRun(() -> awaitQuietly(observed));
        for (int i = 0; i < 50; i++) {
            int number = i;
            expected.add(i);
            state.store("a", bytes(Integer.toString(i))).thenRun(() -> {
                ended.add(number);
                threads.add(Thread.currentThread().getName());
            });
        }
        observed.countDown();
        state.close();
        assertThat(ended).isEqualTo(expected);
        assertThat(threads).containsOnly("state-writer-state");
        try (StateDirectory again = open()) {
            assertThat(again.load("a")).hasValueSatisfying(v -> assertThat(v).isEqualTo(bytes("49")));
        }
    }

    @Test
    void storesOfOneNameThatWaitTakeOneTurn() throws IOException {
        StateDirectory state = open();
        CountDownLatch asked = new CountDownLatch(1);
        state.store("first", bytes("x")).thenRun(() -> awaitQuietly(asked));
        List<CompletableFuture<Void>> stored = new ArrayList<>();
        for (int i = 0; i <= 2 * StateDirectory.STORES_QUEUED_MAX; i++) {
            stored.add(state.store("a", bytes(Integer.toString(i))).toCompletableFuture());
        }
        CompletionStage<Void> other = state.store("b", bytes("other"));
        asked.countDown();
        join(other);
        assertThat(stored).allMatch(CompletableFuture::isDone);
        assertThat(state.load("a"))
                .hasValueSatisfying(v -> assertThat(v).isEqualTo(bytes("" + 2 * StateDirectory.STORES_QUEUED_MAX)));
        state.close();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void firstFailedStoreIsToldAndFailsAllLaterOnes() throws IOException {
        try (StateDirectory state = open()) {
            join(state.store("good", bytes("1")));
            Files.createDirectory(directory.resolve("state/bad.json")); // no file can be renamed over a directory
            CompletableFuture<Void> bad = state.store("bad", bytes("2")).toCompletableFuture();
            CompletableFuture<Void> later = state.store("good", bytes("3")).toCompletableFuture();
            assertThatThrownBy(bad::join).hasMessageContaining("operation=rename");
            assertThatThrownBy(later::join).hasMessageContaining("operation=rename");
            assertThat(failures).singleElement().isInstanceOf(DeviceException.class);
            assertThat(state.load("good")).hasValueSatisfying(v -> assertThat(v).isEqualTo(bytes("1")));
        }
    }

    @Test
    void failureIsToldBeforeTheStoreThatFailedIs() throws IOException {
        List<String> order = new CopyOnWriteArrayList<>();
        try (StateDirectory state = StateDirectory.open(directory.resolve("state"), e -> order.add("told"))) {
            CountDownLatch prepared = new CountDownLatch(1);
            state.store("first", bytes("x")).thenRun(() -> awaitQuietly(prepared));
            Files.createDirectory(directory.resolve("state/bad.json"));
            CompletionStage<Void> observed =
                    state.store("bad", bytes("2")).whenComplete((done, e) -> order.add("failed"));
            prepared.countDown();
            assertThatThrownBy(() -> join(observed)).hasMessageContaining("rename");
        }
        assertThat(order).containsExactly("told", "failed");
    }

    @Test
    void namesAndSizesAreBounded() throws IOException {
        try (StateDirectory state = open()) {
            for (String name : List.of("", "a/b", "../a", "a b", "ä", "x".repeat(129))) {
                assertThatThrownBy(() -> state.store(name, bytes("1"))).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> state.load(name)).isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(() -> state.store("a", new byte[StateDirectory.RECORD_BYTES_MAX + 1]))
                    .isInstanceOf(IllegalArgumentException.class);
            join(state.store("x".repeat(128), new byte[StateDirectory.RECORD_BYTES_MAX]));
            join(state.store("..", bytes("fine: it has a suffix")));
            assertThat(records()).containsExactly("..", "x".repeat(128));
        }
    }

    @Test
    void storeAfterCloseIsRefused() throws IOException {
        StateDirectory state = open();
        state.close();
        assertThatThrownBy(() -> state.store("a", bytes("1"))).isInstanceOf(RejectedExecutionException.class);
    }

    @Test
    void contentIsForcedBeforeItsNameAndTheNameAfterIt() throws IOException, InterruptedException {
        assumeTrue(Commands.exists("strace"), "skipped: strace is not installed");
        Path trace = directory.resolve("trace");
        Commands.run(
                "strace",
                "-f",
                "-e",
                "trace=pwrite64,fdatasync,fsync,rename",
                "-o",
                trace.toString(),
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                StoreOnceMain.class.getName(),
                Files.createDirectory(directory.resolve("traced")).toString());
        List<String> calls = Files.readAllLines(trace).stream()
                .map(line -> line.replaceFirst("^\\d+ +", "").replaceFirst("\\(.*", ""))
                .filter(line ->
                        List.of("pwrite64", "fdatasync", "fsync", "rename").contains(line))
                .toList();
        assertThat(calls).endsWith("pwrite64", "fdatasync", "rename", "fsync");
    }

    /** Stores one record in the directory it is given. */
    static final class StoreOnceMain {
        private StoreOnceMain() {}

        public static void main(String[] arguments) throws IOException {
            try (StateDirectory state = StateDirectory.open(Path.of(arguments[0]), e -> {})) {
                join(state.store("a", bytes("1")));
            }
        }
    }
}
