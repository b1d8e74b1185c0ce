package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourceTest {
    @TempDir
    Path directory = Path.of("");

    private Path calls = Path.of("");

    @BeforeEach
    void nameCalls() {
        calls = directory.resolve("calls");
    }

    private MarkCommand command(String failing) {
        return new MarkCommand(
                "f() { echo $1 >> '" + calls + "'; test $1 != " + failing + "; }; f", Duration.ofMinutes(10));
    }

    @Test
    void freezeThatNeverBeganIsNotThawed() {
        Source source = new Source(List.of(), command("thaw"), Long.MAX_VALUE);
        source.cutShort();
        SourceOpening opening = source.open();
        assertThat(opening.still()).isFalse();
        assertThat(opening.warning()).isEqualTo("the agent is being stopped");
        assertThat(source.close()).isNull();
        assertThat(calls).doesNotExist();
    }

    @Test
    void freezeThatFailedIsThawedOnce() throws IOException {
        Source source = new Source(List.of(), command("freeze"), Long.MAX_VALUE);
        assertThat(source.open().still()).isFalse();
        assertThat(source.close()).isNull();
        assertThat(Files.readAllLines(calls)).containsExactly("freeze", "thaw");
    }

    @Test
    void sourceIsThawedOnceAlsoWhenTheAgentIsStopped() throws IOException {
        Source source = new Source(List.of(), command("neither"), Long.MAX_VALUE);
        assertThat(source.open().still()).isTrue();
        source.cutShort();
        assertThat(source.close()).isNull();
        assertThat(source.close()).isNull();
        assertThat(Files.readAllLines(calls)).containsExactly("freeze", "thaw");
    }

    private DiskFile image(String name) throws IOException {
        Path path = directory.resolve(name);
        grow(name, 1 << 20);
        return DiskFile.inspect(path);
    }

    private void grow(String name, long newBytes) throws IOException {
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve(name).toFile(), "rw")) {
            file.setLength(newBytes);
        }
    }

    @Test
    void ofTwoDisksThatHaveGrownTheOneThatThereIsNoMemoryForIsRefused() throws IOException {
        long grownBytes = 1L << 30;
        long heapBytesMax = MemoryNeed.bytes(List.of(grownBytes, 1L << 20));
        Source source = new Source(List.of(image("a"), image("b")), null, heapBytesMax);
        grow("a", grownBytes);
        assertThat(source.look()).extracting(DiskLook::failure).containsOnlyNulls();
        grow("b", grownBytes);
        List<DiskLook> looks = source.look();
        assertThat(looks.getFirst()).isEqualTo(DiskLook.readable(grownBytes, 512));
        assertThat(looks.getLast().failure()).contains("has grown to 1073741824 bytes", "of memory");
        Files.delete(directory.resolve("a"));
        assertThat(source.look().getLast().failure())
                .as("what is remembered of the other is kept")
                .contains("of memory");
    }

    @Test
    void cutBeforeTheLookAtSnapshotsRunsNothing() {
        MarkCommand mark = command("thaw");
        mark.cutShort();
        List<SourceDisk> missing = List.of(new SourceDisk("/dev/sda", directory.resolve("snapshot")));
        assertThatThrownBy(() -> SourceInspection.inspect(missing, mark)).hasMessage("the agent is being stopped");
        assertThat(calls).doesNotExist();
    }
}
