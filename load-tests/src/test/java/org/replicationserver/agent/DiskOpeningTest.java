package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Disks that do not answer, played by an opener that waits. */
class DiskOpeningTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration SHORT = Duration.ofMillis(50);
    private static final int BYTES = 1 << 20;

    @TempDir
    Path directory = Path.of("");

    private Path image = Path.of("");
    private final CountDownLatch answers = new CountDownLatch(1);
    private final AtomicInteger opened = new AtomicInteger();
    private final CompletableFuture<FileChannel> late = new CompletableFuture<>();

    @BeforeEach
    void makeImage() throws IOException {
        image = Files.write(directory.resolve("disk.img"), new byte[BYTES]);
    }

    @AfterEach
    void letItAnswer() {
        answers.countDown();
    }

    /** Answers once the test says so. */
    private OpenedDisk hang(Path path) throws IOException {
        opened.incrementAndGet();
        try {
            answers.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        OpenedDisk disk = OpenedDisk.open(path);
        late.complete(Objects.requireNonNull(disk.channel()));
        return disk;
    }

    private DiskOpening hanging() {
        return new DiskOpening(image, this::hang, SHORT);
    }

    @Test
    void diskThatAnswersIsToldAsItIs() {
        DiskOpening opening = new DiskOpening(image);
        assertThat(opening.look().join()).isEqualTo(DiskLook.readable(BYTES, 512));
        assertThat(opening.look().join()).as("at once again").isEqualTo(DiskLook.readable(BYTES, 512));
    }

    @Test
    void diskThatDoesNotAnswerIsToldWhenThePatienceIsOver() {
        DiskLook look = hanging().look().join();
        assertThat(look.silent()).isTrue();
        assertThat(look.failure()).contains(image.toString(), "has not answered");
    }

    @Test
    void asLongAsOneOpeningHangsNoOtherIsBegun() {
        DiskOpening opening = hanging();
        DiskLook first = opening.look().join();
        for (int i = 0; i < 20; i++) {
            assertThat(opening.look()).isCompletedWithValue(first);
            assertThat(opening.open()).isCompleted();
        }
        assertThat(opened).hasValue(1);
        answers.countDown();
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> opening.look().get(30, TimeUnit.SECONDS).failure() == null);
    }

    @Test
    void whoAsksWhileAnOpeningIsUnderWayHasAnotherAfterIt() {
        DiskOpening opening = new DiskOpening(image, this::hang, PATIENCE);
        CompletableFuture<OpenedDisk> first = opening.open();
        CompletableFuture<DiskLook> second = opening.look();
        CompletableFuture<OpenedDisk> third = opening.open();
        Awaitility.await().atMost(PATIENCE).until(() -> opened.get() > 0);
        assertThat(opened).as("one at a time").hasValue(1);
        assertThat(second).isNotDone();
        assertThat(third).isNotDone();
        answers.countDown();
        assertThat(second.join()).isEqualTo(DiskLook.readable(BYTES, 512));
        assertThat(List.of(first.join(), third.join())).allSatisfy(disk -> {
            assertThat(Objects.requireNonNull(disk.channel()).isOpen()).isTrue();
            disk.close();
        });
        assertThat(opened).hasValue(3);
    }

    @Test
    void whoHasWaitedInVainIsNotServedLater() {
        DiskOpening opening = hanging();
        List<CompletableFuture<DiskLook>> both = List.of(opening.look(), opening.look());
        assertThat(both).extracting(look -> look.join().silent()).containsOnly(true);
        answers.countDown();
        Awaitility.await()
                .atMost(PATIENCE)
                .until(() -> opening.look().get(30, TimeUnit.SECONDS).failure() == null);
        assertThat(opened).as("the first and the last").hasValue(2);
    }

    @Test
    void whatIsOpenedTooLateIsClosed() {
        assertThat(hanging().open().join().channel()).isNull();
        answers.countDown();
        FileChannel channel = late.orTimeout(30, TimeUnit.SECONDS).join();
        Awaitility.await().atMost(PATIENCE).until(() -> !channel.isOpen());
    }

    @Test
    void diskThatDoesNotAnswerHoldsUpNoOtherOfTheSource() throws IOException {
        DiskOpening stuck =
                new DiskOpening(image, path -> opened.get() == 0 ? OpenedDisk.open(path) : hang(path), SHORT);
        List<DiskFile> files = List.of(
                DiskFile.inspect(stuck),
                DiskFile.inspect(Files.write(directory.resolve("other.img"), new byte[BYTES])));
        Source source = new Source(files, null, Long.MAX_VALUE);
        opened.set(1);
        assertThat(source.look()).extracting(DiskLook::silent).containsExactly(true, false);
        assertThat(source.open().disks()).extracting(DiskLook::silent).containsExactly(true, false);
        assertThat(source.close()).isNull();
    }
}
