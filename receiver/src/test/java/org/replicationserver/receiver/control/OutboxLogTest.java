package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of the outbox, without its thread. */
final class OutboxLogTest {
    private static final Instant WHEN = Instant.parse("2026-11-25T08:00:05.250Z");
    private static final long ROOMY = 64 << 20;

    @TempDir
    private Path parent = Path.of("");

    private Path directory() {
        return parent.resolve("outbox");
    }

    private OutboxLog open(long bytesMax) throws IOException {
        return OutboxLog.open(directory(), bytesMax, new OutboxDisk());
    }

    static Report connected(String source, long generation) {
        return Report.agentConnected(WHEN, source, "192.0.2.1", generation, 1);
    }

    static Report state(String source, String text) {
        return Report.stateChanged(WHEN, source, "CONTINUOUS", new JsonObject().put("text", text));
    }

    static Report firstByte(String source, String text) {
        return Report.progress(WHEN, source, Report.ProgressCause.FIRST_BYTE, new JsonObject().put("text", text), null);
    }

    static Report committed(String source, long epoch, int bytes) {
        return Report.progress(
                WHEN,
                source,
                Report.ProgressCause.COMMITTED,
                new JsonObject().put("text", "x".repeat(bytes)),
                new ReplicationRecord(1, 1, epoch, 0, false, null, null, Map.of()));
    }

    static Report result(String commandId) {
        return Report.commandResult(WHEN, commandId, CommandResult.succeeded("done"));
    }

    private static String textOf(Report report) {
        return report.kind() + " " + new String(report.body(), StandardCharsets.UTF_8);
    }

    private static List<String> textsOf(List<Report> reports) {
        return reports.stream().map(OutboxLogTest::textOf).toList();
    }

    /** Takes everything out, in order. */
    private static List<SentReport> drain(OutboxLog log) throws IOException {
        List<SentReport> sent = new ArrayList<>();
        for (SentReport head = log.head(); head != null; head = log.head()) {
            sent.add(head);
            log.done(head);
        }
        return sent;
    }

    private static List<String> drainTexts(OutboxLog log) throws IOException {
        return textsOf(drain(log).stream().map(SentReport::report).toList());
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(directory())) {
            return files.filter(file -> file.toString().endsWith(".log"))
                    .sorted()
                    .toList();
        }
    }

    private long bytesOfFiles() throws IOException {
        long bytes = 0;
        for (Path file : files()) {
            bytes += Files.size(file);
        }
        return bytes;
    }

    // --- order and restarts

    @Test
    void whatIsAppendedComesBackInOrderAfterARestart() throws Exception {
        List<Report> reports = List.of(
                connected("s-1", 1), state("s-1", "a"), committed("s-1", 1, 10), result("c-1"), firstByte("s-2", "b"));
        try (OutboxLog log = open(ROOMY)) {
            assertThat(log.append(reports)).containsOnly(true);
        }
        try (OutboxLog log = open(ROOMY)) {
            List<SentReport> sent = drain(log);
            assertThat(textsOf(sent.stream().map(SentReport::report).toList())).isEqualTo(textsOf(reports));
            assertThat(sent).extracting(SentReport::sequence).containsExactly(1L, 2L, 3L, 4L, 5L);
            assertThat(sent).allSatisfy(one -> {
                assertThat(one.outboxId())
                        .matches("[0-9a-f]{32}")
                        .isEqualTo(sent.getFirst().outboxId());
                assertThat(one.report().observed()).isEqualTo(WHEN);
            });
        }
    }

    @Test
    void whatIsDoneIsNotSentAgainAndItsSequenceIsNotUsedAgain() throws Exception {
        String id;
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1), connected("s-1", 2)));
            id = drain(log).getFirst().outboxId();
        }
        try (OutboxLog log = open(ROOMY)) {
            assertThat(log.head()).isNull();
            assertThat(files()).as("nothing is left of them").isEmpty();
            log.append(List.of(connected("s-1", 3)));
            SentReport next = drain(log).getFirst();
            assertThat(next.sequence()).isEqualTo(3);
            assertThat(next.outboxId()).isEqualTo(id);
        }
    }

    @Test
    void whatWasSentIsSentAgainIfThePositionWasNotStored() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1), connected("s-1", 2)));
            log.done(Objects.requireNonNull(log.head()));
            // No close: the process is killed.
        }
        Files.delete(directory().resolve(OutboxPosition.FILE_NAME));
        try (OutboxLog log = open(ROOMY)) {
            assertThat(drain(log)).extracting(SentReport::sequence).containsExactly(1L, 2L);
        }
    }

    /** Its sequences are not known any more, so they are numbered anew, under a name that the control plane has never seen. */
    @Test
    void outboxWithoutAPositionBeginsUnderAnotherIdBehindWhatWaits() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1), connected("s-1", 2)));
        }
        Files.writeString(directory().resolve(OutboxPosition.FILE_NAME), "{");
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 3)));
            List<SentReport> sent = drain(log);
            assertThat(sent).extracting(SentReport::sequence).containsExactly(1L, 2L, 1L);
            assertThat(sent.get(2).outboxId()).isNotEqualTo(sent.get(0).outboxId());
        }
    }

    @Test
    void filesAreRemovedWhenAllInThemIsDone() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            for (int i = 0; i < 30; i++) {
                log.append(List.of(committed("s-1", i, 200_000)));
            }
            assertThat(files()).hasSize(6);
            drain(log);
            assertThat(files()).as("the one that is appended to").hasSize(1);
        }
    }

    // --- cuts

    @Test
    void cutAtEveryByteOfTheLastEntryCostsThatEntryOnly() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1)));
            log.append(List.of(connected("s-1", 2)));
        }
        Path file = files().getFirst();
        byte[] whole = Files.readAllBytes(file);
        byte[] position = Files.readAllBytes(directory().resolve(OutboxPosition.FILE_NAME));
        int last = OutboxEntry.lengthOf(connected("s-1", 2));
        for (int length = whole.length - last; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            Files.write(directory().resolve(OutboxPosition.FILE_NAME), position);
            try (OutboxLog log = open(ROOMY)) {
                log.append(List.of(connected("s-1", 3)));
                assertThat(drainTexts(log))
                        .as("cut to %d of %d bytes", length, whole.length)
                        .isEqualTo(textsOf(List.of(connected("s-1", 1), connected("s-1", 3))));
            }
            for (Path left : files()) {
                Files.delete(left);
            }
        }
    }

    @Test
    void cutInTheHeadOfAFileCostsNothingElse() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1)));
        }
        byte[] head = Arrays.copyOf(Files.readAllBytes(files().getFirst()), OutboxSegment.HEAD_BYTES);
        for (int length = 0; length <= head.length; length++) {
            Files.write(directory().resolve(OutboxLoad.nameOf(7)), Arrays.copyOf(head, length));
            try (OutboxLog log = open(ROOMY)) {
                assertThat(Objects.requireNonNull(log.head()).sequence()).isEqualTo(1);
                assertThat(files()).as("useless files are removed").hasSize(1);
            }
        }
    }

    @Test
    void everyFlippedBitIsNoticed() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1), connected("s-1", 2)));
        }
        Path file = files().getFirst();
        byte[] whole = Files.readAllBytes(file);
        int first = OutboxEntry.lengthOf(connected("s-1", 1));
        for (int i = 0; i < first; i++) {
            byte[] damaged = whole.clone();
            damaged[OutboxSegment.HEAD_BYTES + i] ^= (byte) (1 << (i % 8));
            Files.write(file, damaged);
            OutboxSegment.Content content = OutboxSegment.scan(new OutboxDisk(), file);
            assertThat(content.entries()).as("byte %d", i).isEmpty();
            assertThat(content.isWhole()).isFalse();
        }
    }

    @Test
    void tailOfZerosIsCutOff() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1)));
        }
        byte[] whole = Files.readAllBytes(files().getFirst());
        Files.write(files().getFirst(), Arrays.copyOf(whole, whole.length + 4096));
        try (OutboxLog log = open(ROOMY)) {
            assertThat(drain(log)).hasSize(1);
        }
    }

    // --- bounds

    private static final long SMALL = 4 << 20;

    @Test
    void oldestProgressGoesFirstAndTheGapSaysHowMuch() throws Exception {
        try (OutboxLog log = open(SMALL)) {
            log.append(List.of(connected("s-1", 1)));
            for (int i = 1; i <= 60; i++) {
                assertThat(log.append(List.of(committed("s-1", i, 100_000)))).containsExactly(true);
                assertThat(bytesOfFiles()).isLessThanOrEqualTo(SMALL);
            }
            OutboxIndex index = log.index();
            assertThat(index.progressDropped()).isPositive();
            assertThat(index.notificationsDropped()).isZero();
            List<SentReport> sent = drain(log);
            assertThat(sent.get(0).sequence()).isEqualTo(1);
            assertThat(sent.get(1).sequence()).as("the gap").isEqualTo(2 + index.progressDropped());
            assertThat(sent.getLast().sequence()).isEqualTo(61);
            assertThat(sent).as("what is left has no other gap").hasSize(61 - (int) index.progressDropped());
        }
    }

    @Test
    void resultsAndTheNewestStateAndRecordOfEachSourceServerAreNeverGivenUp() throws Exception {
        List<Report> kept = List.of(
                result("c-1"), state("s-1", "newest"), committed("s-1", 9, 10), state("s-2", "newest"), result("c-2"));
        try (OutboxLog log = open(SMALL)) {
            log.append(List.of(state("s-1", "older"), committed("s-1", 8, 10)));
            log.append(kept);
            for (int i = 0; i < 400; i++) {
                log.append(List.of(firstByte("s-3", "x".repeat(20_000)), connected("s-3", i)));
            }
            OutboxIndex index = log.index();
            assertThat(index.notificationsDropped())
                    .as("progress alone made the room")
                    .isZero();
            // Too many notifications for the bound.
            Report large = Report.agentConnected(WHEN, "s-3", "x".repeat(20_000), 1, 1);
            for (int i = 0; i < 400; i++) {
                log.append(List.of(large));
            }
            assertThat(index.notificationsDropped()).isPositive();
            List<String> left = drainTexts(log);
            assertThat(left).containsSubsequence(textsOf(kept));
            assertThat(left).noneMatch(text -> text.contains("older"));
        }
    }

    @Test
    void whatMayNotBeGivenUpIsNotReplacedByMoreOfIt() throws Exception {
        String output = "x".repeat(30_000);
        try (OutboxLog log = open(SMALL)) {
            boolean kept = true;
            int results = 0;
            while (kept) {
                Report report = Report.commandResult(
                        WHEN, "c-" + results, CommandResult.succeeded("", new JsonObject().put("x", output)));
                kept = log.append(List.of(report)).getFirst();
                results++;
            }
            assertThat(bytesOfFiles()).isLessThanOrEqualTo(SMALL);
            assertThat(drain(log))
                    .hasSize(results - 1)
                    .last()
                    .extracting(SentReport::sequence)
                    .isEqualTo(results - 1L);
            log.append(List.of(connected("s-1", 1)));
            assertThat(Objects.requireNonNull(log.head()).sequence())
                    .as("what was not kept is a gap")
                    .isEqualTo(results + 1L);
        }
    }

    /** As if the sender were in the middle of it when the room is made. */
    @Test
    void whatTheSenderHasInItsHandsIsNotGivenUp() throws Exception {
        try (OutboxLog log = open(SMALL)) {
            log.append(List.of(firstByte("s-1", "first")));
            SentReport head = Objects.requireNonNull(log.head());
            for (int i = 0; i < 60; i++) {
                log.append(List.of(firstByte("s-1", "x".repeat(100_000))));
            }
            assertThat(log.index().progressDropped()).isPositive();
            log.done(head);
            assertThat(Objects.requireNonNull(log.head()).sequence()).isGreaterThan(2);
        }
    }

    @Test
    void entriesInMemoryAreBoundedToo() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            List<Report> group = Collections.nCopies(2000, firstByte("s-1", ""));
            for (int i = 0; i < OutboxLog.ENTRIES_MAX / 2000 + 5; i++) {
                log.append(group);
            }
            assertThat(log.index().entries()).isLessThanOrEqualTo(OutboxLog.ENTRIES_MAX);
            assertThat(log.index().progressDropped()).isPositive();
        }
    }

    @Test
    void whatIsGivenUpStaysGivenUpAfterARestart() throws Exception {
        List<String> left;
        try (OutboxLog log = open(SMALL)) {
            for (int i = 0; i < 300; i++) {
                log.append(List.of(firstByte("s-" + i % 3, i + "x".repeat(30_000)), connected("s-1", i)));
            }
        }
        try (OutboxLog log = open(SMALL)) {
            left = drainTexts(log);
        }
        assertThat(left).filteredOn(text -> text.startsWith("AGENT_CONNECTED")).hasSize(300);
        assertThat(left).filteredOn(text -> text.startsWith("PROGRESS")).hasSizeLessThan(140);
    }

    /** Putting files together was cut between the new file's rename and the removal of the others. */
    @Test
    void filesThatRepeatWhatWasPutTogetherArePassedOver() throws Exception {
        try (OutboxLog log = open(SMALL)) {
            for (int i = 0; i < 38; i++) {
                log.append(List.of(firstByte("s-1", "x".repeat(100_000)), connected("s-1", i)));
            }
        }
        Map<Path, byte[]> before = new HashMap<>();
        for (Path file : files()) {
            before.put(file, Files.readAllBytes(file));
        }
        try (OutboxLog log = open(SMALL)) {
            for (int i = 38; i < 90; i++) {
                log.append(List.of(firstByte("s-1", "x".repeat(100_000)), connected("s-1", i)));
            }
        }
        int came = 0;
        for (Map.Entry<Path, byte[]> file : before.entrySet()) {
            if (!Files.exists(file.getKey())) {
                Files.write(file.getKey(), file.getValue());
                came++;
            }
        }
        assertThat(came).as("files that were put together").isPositive();
        try (OutboxLog log = open(ROOMY)) {
            List<SentReport> sent = drain(log);
            assertThat(sent).extracting(SentReport::sequence).isSorted().doesNotHaveDuplicates();
            assertThat(sent)
                    .filteredOn(one -> one.report().kind() == ReportKind.AGENT_CONNECTED)
                    .hasSize(90);
        }
    }

    // --- a disk that fails

    /** Fails as it is told to. */
    static final class FailingDisk extends OutboxDisk {
        volatile boolean failsWrites;
        volatile boolean failsForces;
        volatile boolean failsReads;
        final AtomicInteger failedReads = new AtomicInteger();

        @Override
        ByteBuffer read(Path file, long offsetBytes, int bytesMax) throws IOException {
            if (failsReads) {
                failedReads.incrementAndGet();
                throw new FileSystemException(file.toString(), null, "Too many open files");
            }
            return super.read(file, offsetBytes, bytesMax);
        }

        @Override
        void write(FileChannel file, ByteBuffer bytes) throws IOException {
            if (failsWrites) {
                super.write(file, bytes.slice(bytes.position(), bytes.remaining() / 2));
                throw new IOException("No space left on device");
            }
            super.write(file, bytes);
        }

        @Override
        void force(FileChannel file) throws IOException {
            if (failsForces) {
                throw new IOException("Input/output error");
            }
            super.force(file);
        }
    }

    @Test
    void afterAFailedWriteTheNextGoesIntoAnotherFile() throws Exception {
        FailingDisk disk = new FailingDisk();
        try (OutboxLog log = OutboxLog.open(directory(), ROOMY, disk)) {
            log.append(List.of(connected("s-1", 1)));
            disk.failsWrites = true;
            assertThatThrownBy(() -> log.append(List.of(connected("s-1", 2)))).isInstanceOf(IOException.class);
            disk.failsWrites = false;
            log.append(List.of(connected("s-1", 3)));
            assertThat(files()).hasSize(2);
        }
        try (OutboxLog log = open(ROOMY)) {
            assertThat(drain(log)).extracting(SentReport::sequence).containsExactly(1L, 3L);
        }
    }

    @Test
    void afterAFailedForceTheNextGoesIntoAnotherFile() throws Exception {
        FailingDisk disk = new FailingDisk();
        try (OutboxLog log = OutboxLog.open(directory(), ROOMY, disk)) {
            log.append(List.of(connected("s-1", 1)));
            disk.failsForces = true;
            assertThatThrownBy(() -> log.append(List.of(connected("s-1", 2)))).isInstanceOf(IOException.class);
            disk.failsForces = false;
            log.append(List.of(connected("s-1", 3)));
            assertThat(drain(log))
                    .as("what is not known to be durable is not sent")
                    .extracting(SentReport::sequence)
                    .containsExactly(1L, 3L);
        }
    }

    /** After a failure nothing is appended to the newest file, so it may be the last one and be removed. */
    @Test
    void sequencesOfRemovedFilesAreNotUsedAgainAfterAKill() throws Exception {
        FailingDisk disk = new FailingDisk();
        OutboxLog killed = OutboxLog.open(directory(), ROOMY, disk);
        killed.append(List.of(connected("s-1", 1), connected("s-1", 2)));
        disk.failsWrites = true;
        assertThatThrownBy(() -> killed.append(List.of(connected("s-1", 3)))).isInstanceOf(IOException.class);
        disk.failsWrites = false;
        assertThat(drain(killed)).hasSize(2);
        assertThat(files()).as("with sent entries").hasSizeLessThanOrEqualTo(1);
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 4)));
            assertThat(drain(log)).extracting(SentReport::sequence).allMatch(sequence -> sequence > 2);
        }
    }

    @Test
    void entryThatCannotBeReadBackIsGivenUpAndTheNextGoesOn() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            log.append(List.of(connected("s-1", 1), connected("s-1", 2)));
            Path file = files().getFirst();
            byte[] damaged = Files.readAllBytes(file);
            damaged[OutboxSegment.HEAD_BYTES + 20] ^= 1;
            Files.write(file, damaged);
            assertThat(drain(log)).extracting(SentReport::sequence).containsExactly(2L);
            assertThat(log.index().unreadable()).isEqualTo(1);
        }
    }

    @Test
    void entryIsGivenUpWhereTheFileHasBecomeShorterOrIsGone() throws Exception {
        try (OutboxLog log = open(ROOMY)) {
            for (int i = 0; i < 9; i++) {
                log.append(List.of(committed("s-" + i, 1, 250_000)));
            }
            assertThat(files()).as("with 4, 4 and 1").hasSize(3);
            Files.write(files().get(0), Arrays.copyOf(Files.readAllBytes(files().get(0)), 300_000));
            Files.delete(files().get(1));
            assertThat(drain(log)).extracting(sent -> sent.report().subject()).containsExactly("s-0", "s-8");
            assertThat(log.index().unreadable()).isEqualTo(7);
        }
    }

    @Test
    void whatTheDiskDoesNotGiveBackNowStaysTheOldest() throws Exception {
        FailingDisk disk = new FailingDisk();
        try (OutboxLog log = OutboxLog.open(directory(), ROOMY, disk)) {
            log.append(List.of(connected("s-1", 1), connected("s-1", 2)));
            disk.failsReads = true;
            assertThatThrownBy(log::head).isInstanceOf(IOException.class);
            assertThat(disk.failedReads).hasValue(1);
            disk.failsReads = false;
            assertThat(drain(log)).extracting(SentReport::sequence).containsExactly(1L, 2L);
            assertThat(log.index().unreadable()).isZero();
        }
    }

    @Test
    void filesThatCannotBeReadNowAreNotPutTogether() throws Exception {
        long bytesMax = 1 << 20;
        FailingDisk disk = new FailingDisk();
        try (OutboxLog log = OutboxLog.open(directory(), bytesMax, disk)) {
            for (int i = 0; i < 4; i++) {
                log.append(List.of(result("c-" + i), firstByte("s-1", "x".repeat(200_000))));
            }
            disk.failsReads = true;
            assertThatThrownBy(() -> log.append(List.of(committed("s-1", 1, 250_000))))
                    .isInstanceOf(IOException.class);
            assertThat(disk.failedReads).hasPositiveValue();
            disk.failsReads = false;
            assertThat(log.append(List.of(committed("s-1", 1, 250_000)))).containsExactly(true);
            assertThat(drain(log)).extracting(sent -> sent.report().subject()).contains("c-0", "c-1", "c-2", "c-3");
            assertThat(log.index().unreadable()).isZero();
        }
    }

    @Test
    void damagedEntryIsNotPutTogetherWithOthers() throws Exception {
        long bytesMax = 1 << 20;
        try (OutboxLog log = open(bytesMax)) {
            for (int i = 0; i < 4; i++) {
                log.append(List.of(result("c-" + i), firstByte("s-1", "x".repeat(200_000))));
            }
            Path file = files().getFirst();
            byte[] damaged = Files.readAllBytes(file);
            damaged[OutboxSegment.HEAD_BYTES + 20] ^= 1;
            Files.write(file, damaged);
            assertThat(log.append(List.of(committed("s-1", 1, 250_000)))).containsExactly(true);
            assertThat(log.index().unreadable()).isEqualTo(1);
            assertThat(drain(log))
                    .extracting(sent -> sent.report().subject())
                    .contains("c-1", "c-2", "c-3")
                    .doesNotContain("c-0");
        }
    }

    /** Does so many things and then nothing any more, as if the process had been killed between two of them. */
    private static final class SteppedDisk extends OutboxDisk {
        private final IntPredicate fails;
        private int steps;
        private boolean hasFailed;

        /** @param fails whether the step of this number, from 0 on, does */
        SteppedDisk(IntPredicate fails) {
            this.fails = fails;
        }

        private void step() throws IOException {
            if (fails.test(steps++)) {
                hasFailed = true;
                throw new IOException("killed");
            }
        }

        @Override
        FileChannel create(Path file) throws IOException {
            step();
            return super.create(file);
        }

        @Override
        void write(FileChannel file, ByteBuffer bytes) throws IOException {
            step();
            super.write(file, bytes);
        }

        @Override
        void force(FileChannel file) throws IOException {
            step();
            super.force(file);
        }

        @Override
        void rename(Path from, Path to) throws IOException {
            step();
            super.rename(from, to);
        }

        @Override
        void delete(Path file) throws IOException {
            step();
            super.delete(file);
        }

        @Override
        void syncDirectory(Path directory) throws IOException {
            step();
            super.syncDirectory(directory);
        }

        boolean hasFailed() {
            return hasFailed;
        }
    }

    private static final int TINY = 120_000;

    @Test
    void killBetweenAnyTwoStepsLosesNothingThatWasDurableAndReusesNoSequence() throws Exception {
        boolean reachedTheEnd = false;
        for (int steps = 5; !reachedTheEnd; steps++) {
            Path place = parent.resolve("killed-after-" + steps);
            List<String> durable = new ArrayList<>();
            List<String> told = new ArrayList<>();
            Map<Long, String> seen = new HashMap<>();
            int deadFrom = steps;
            SteppedDisk disk = new SteppedDisk(step -> step >= deadFrom);
            try {
                OutboxLog log = OutboxLog.open(place, TINY, disk);
                for (int i = 0; i < 20; i++) {
                    Report notification = connected("s-1", i);
                    log.append(List.of(notification, firstByte("s-1", "x".repeat(8_000))));
                    durable.add(textOf(notification));
                    if (i % 4 == 0) {
                        SentReport head = Objects.requireNonNull(log.head());
                        seen.put(head.sequence(), textOf(head.report()));
                        told.add(textOf(head.report()));
                        log.done(head);
                    }
                }
                log.close();
            } catch (IOException e) {
                assertThat(disk.hasFailed()).as("nothing else fails: %s", e).isTrue();
            }
            reachedTheEnd = !disk.hasFailed();
            try (OutboxLog log = OutboxLog.open(place, TINY, new OutboxDisk())) {
                log.append(List.of(result("last")));
                List<SentReport> sent = drain(log);
                for (SentReport one : sent) {
                    String before = seen.put(one.sequence(), textOf(one.report()));
                    assertThat(before)
                            .as("sequence %d after %d steps", one.sequence(), steps)
                            .isIn(null, textOf(one.report()));
                }
                List<String> all = textsOf(sent.stream().map(SentReport::report).toList());
                assertThat(Stream.concat(told.stream(), all.stream())
                                .distinct()
                                .filter(durable::contains)
                                .toList())
                        .as("after %d steps", steps)
                        .isEqualTo(durable);
                assertThat(sent).extracting(SentReport::sequence).isSorted().doesNotHaveDuplicates();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void stepsThatFailNowAndThenLoseNothingThatWasKept(long seed) throws Exception {
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        boolean[] failing = new boolean[1];
        SteppedDisk disk = new SteppedDisk(step -> failing[0] && random.nextInt(8) == 0);
        List<String> kept = new ArrayList<>();
        List<String> told = new ArrayList<>();
        OutboxLog log = OutboxLog.open(directory(), TINY, disk);
        failing[0] = true;
        for (int i = 0; i < 400; i++) {
            try {
                if (random.nextInt(3) == 0) {
                    SentReport head = log.head();
                    if (head != null) {
                        told.add(textOf(head.report()));
                        log.done(head);
                    }
                }
                Report result = result("c-" + i);
                List<Boolean> both = log.append(List.of(firstByte("s-1", "x".repeat(random.nextInt(8_000))), result));
                assertThat(both.getLast()).isTrue();
                kept.add(textOf(result));
            } catch (IOException e) {
                assertThat(e).hasMessage("killed");
            }
        }
        failing[0] = false;
        assertThat(disk.hasFailed()).isTrue();
        assertThat(log.index().unreadable()).isZero();
        log.close();
        try (OutboxLog after = OutboxLog.open(directory(), TINY, new OutboxDisk())) {
            List<String> all = Stream.concat(told.stream(), drainTexts(after).stream())
                    .distinct()
                    .filter(kept::contains)
                    .toList();
            assertThat(all).isEqualTo(kept);
        }
    }

    // --- all of it together

    /** Random appends, acknowledgements, restarts and kills, against the rules alone. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void whateverHappensOrderHoldsAndNothingProtectedIsLost(long seed) throws Exception {
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        List<SentReport> sent = new ArrayList<>();
        Map<Long, String> kept = new TreeMap<>();
        OutboxLog log = open(SMALL);
        for (int step = 0; step < 600; step++) {
            switch (random.nextInt(10)) {
                case 0 -> {
                    SentReport head = log.head();
                    if (head != null) {
                        sent.add(head);
                        log.done(head);
                    }
                }
                case 1 -> {
                    if (random.nextInt(5) == 0) {
                        log.close();
                        log = open(SMALL);
                    }
                }
                case 2 -> {
                    if (random.nextInt(10) == 0) {
                        // Killed: nothing is closed, a part of an entry is left.
                        List<Path> files = files();
                        if (!files.isEmpty()) {
                            Files.write(files.getLast(), new byte[random.nextInt(40)], StandardOpenOption.APPEND);
                        }
                        log = open(SMALL);
                    }
                }
                default -> {
                    Report report = randomReport(random, step);
                    boolean isKept = log.append(List.of(report)).getFirst();
                    if (isKept && report.kind() == ReportKind.COMMAND_RESULT) {
                        kept.put(log.position().last(), textOf(report));
                    }
                }
            }
            assertThat(bytesOfFiles()).isLessThanOrEqualTo(SMALL);
        }
        sent.addAll(drain(log));
        log.close();
        Map<Long, String> taken = new TreeMap<>();
        long newest = 0;
        for (SentReport one : sent) {
            // A report that was taken already changes nothing; a new one is never older than what was taken.
            if (taken.putIfAbsent(one.sequence(), textOf(one.report())) == null) {
                assertThat(one.sequence()).isGreaterThan(newest);
                newest = one.sequence();
            } else {
                assertThat(taken.get(one.sequence())).isEqualTo(textOf(one.report()));
            }
        }
        assertThat(taken).containsAllEntriesOf(kept);
        assertThat(sent)
                .extracting(SentReport::outboxId)
                .containsOnly(sent.getFirst().outboxId());
    }

    private static Report randomReport(Random random, int step) {
        String source = "s-" + random.nextInt(3);
        return switch (random.nextInt(6)) {
            case 0 -> result("c-" + step);
            case 1 -> state(source, "x".repeat(random.nextInt(5000)));
            case 2 -> connected(source, step);
            case 3 -> firstByte(source, "x".repeat(random.nextInt(100_000)));
            default -> committed(source, step, random.nextInt(60_000));
        };
    }
}
