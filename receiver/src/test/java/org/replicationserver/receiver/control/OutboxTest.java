package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.ChildJvm;
import org.slf4j.LoggerFactory;

/** The outbox with its thread. */
final class OutboxTest {
    private static final long ROOMY = 64 << 20;

    @TempDir
    private Path parent = Path.of("");

    /** What passes for the outbox, as far as it waits for the disk to become better. */
    private final AtomicLong nanos = new AtomicLong(1);

    private void passRetryTime() {
        nanos.addAndGet(TimeUnit.SECONDS.toNanos(Outbox.RETRY_SECONDS));
    }

    private Outbox open() throws IOException {
        return open(new OutboxDisk());
    }

    private Outbox open(OutboxDisk disk) throws IOException {
        return Outbox.open(parent.resolve("outbox"), ROOMY, Clock.systemUTC(), nanos::get, disk);
    }

    private static void append(Outbox outbox, Report report) throws Exception {
        outbox.append(report).toCompletableFuture().get(20, TimeUnit.SECONDS);
    }

    private static SentReport next(Outbox outbox) throws Exception {
        return outbox.next().get(20, TimeUnit.SECONDS);
    }

    private static Throwable lossOf(Outbox outbox, Report report) {
        return catchThrowable(() -> append(outbox, report));
    }

    /** Counts forces, and makes the first of them wait. */
    private static final class GatedDisk extends OutboxDisk {
        final CountDownLatch gate = new CountDownLatch(1);
        final CountDownLatch atGate = new CountDownLatch(1);
        final AtomicInteger forces = new AtomicInteger();
        volatile boolean gated;

        @Override
        void force(FileChannel file) throws IOException {
            if (gated) {
                atGate.countDown();
                try {
                    gate.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
            forces.incrementAndGet();
            super.force(file);
        }
    }

    @Test
    void reportsArriveInTheOrderOfTheirAppends() throws Exception {
        try (Outbox outbox = open()) {
            CompletableFuture<SentReport> waiting = outbox.next();
            for (int i = 1; i <= 100; i++) {
                outbox.append(OutboxLogTest.result("c-" + i));
            }
            assertThat(waiting.get(20, TimeUnit.SECONDS).report().subject()).isEqualTo("c-1");
            for (int i = 1; i <= 100; i++) {
                SentReport next = next(outbox);
                assertThat(next.report().subject()).isEqualTo("c-" + i);
                assertThat(next(outbox).sequence()).as("until it is done").isEqualTo(next.sequence());
                outbox.sent(next).get(20, TimeUnit.SECONDS);
            }
            await().until(() -> outbox.status().sent() == 100);
        }
    }

    @Test
    void statusTellsHowOldTheOldestIsAlsoAfterAStart() throws Exception {
        Instant first = Instant.parse("2026-05-01T00:00:00.250Z");
        try (Outbox outbox = open()) {
            assertThat(outbox.status().oldest()).isNull();
            append(outbox, Report.commandResult(first, "c-1", CommandResult.succeeded("done")));
            append(outbox, Report.commandResult(first.plusSeconds(9), "c-2", CommandResult.succeeded("done")));
            await().until(() -> outbox.status().entries() == 2);
            assertThat(outbox.status().oldest()).isEqualTo(first);
        }
        try (Outbox outbox = open()) {
            assertThat(outbox.status().oldest()).isEqualTo(first);
            outbox.sent(next(outbox)).get(20, TimeUnit.SECONDS);
            await().until(() -> first.plusSeconds(9).equals(outbox.status().oldest()));
        }
    }

    @Test
    void whoWaitsForItToBeEmptyIsToldWhenTheLastReportIsDone() throws Exception {
        try (Outbox outbox = open()) {
            outbox.whenEmpty().get(20, TimeUnit.SECONDS);
            outbox.append(OutboxLogTest.result("c-1"));
            outbox.append(OutboxLogTest.result("c-2"));
            CompletableFuture<Void> empty = outbox.whenEmpty();
            outbox.sent(next(outbox)).get(20, TimeUnit.SECONDS);
            SentReport last = next(outbox);
            assertThat(empty).isNotDone();
            outbox.sent(last);
            empty.get(20, TimeUnit.SECONDS);
        }
    }

    @Test
    void whatWaitsTogetherIsForcedOnceAndNobodyWhoAppendsWaits() throws Exception {
        GatedDisk disk = new GatedDisk();
        try (Outbox outbox = open(disk)) {
            disk.gated = true;
            outbox.append(OutboxLogTest.result("c-0"));
            disk.atGate.await();
            List<CompletionStage<Void>> stages = new ArrayList<>();
            for (int i = 1; i <= 500; i++) {
                stages.add(outbox.append(OutboxLogTest.result("c-" + i)));
            }
            assertThat(stages)
                    .as("durable before the force has returned")
                    .noneMatch(stage -> stage.toCompletableFuture().isDone());
            int forcesBefore = disk.forces.get();
            disk.gated = false;
            disk.gate.countDown();
            for (CompletionStage<Void> stage : stages) {
                stage.toCompletableFuture().get(20, TimeUnit.SECONDS);
            }
            assertThat(disk.forces.get() - forcesBefore)
                    .as("of the first and of all others")
                    .isLessThanOrEqualTo(3);
        }
    }

    @Test
    void queueIsBoundedAndWhatDoesNotFitLeavesAGap() throws Exception {
        GatedDisk disk = new GatedDisk();
        try (Outbox outbox = open(disk)) {
            disk.gated = true;
            outbox.append(OutboxLogTest.result("c-0"));
            disk.atGate.await();
            Report large = OutboxLogTest.committed("s-1", 1, 200_000);
            int lost = 0;
            for (int i = 0; i < 100; i++) {
                CompletableFuture<Void> stage = outbox.append(large).toCompletableFuture();
                lost += stage.isCompletedExceptionally() ? 1 : 0;
            }
            assertThat(100L - lost).isEqualTo(Outbox.QUEUED_BYTES_MAX / OutboxEntry.lengthOf(large));
            disk.gated = false;
            disk.gate.countDown();
            append(outbox, OutboxLogTest.result("c-1"));
            SentReport newest = next(outbox);
            while (!newest.report().subject().equals("c-1")) {
                outbox.sent(newest).get(20, TimeUnit.SECONDS);
                newest = next(outbox);
            }
            assertThat(newest.sequence()).isEqualTo(102);
            assertThat(outbox.status().lost()).as("told before").isEqualTo(lost);
        }
    }

    @Test
    void resultsThatWaitAreKnownAlsoAfterARestart() throws Exception {
        try (Outbox outbox = open()) {
            append(outbox, OutboxLogTest.result("c-1"));
            append(outbox, OutboxLogTest.connected("s-1", 1));
        }
        try (Outbox outbox = open()) {
            assertThat(outbox.holdsResultOf("c-1")).isTrue();
            assertThat(outbox.resultsHeld()).isEqualTo(1);
            outbox.sent(next(outbox)).get(20, TimeUnit.SECONDS);
            assertThat(outbox.holdsResultOf("c-1")).isFalse();
        }
    }

    @Test
    void failingDiskIsToldAndWhatWasDurableGoesOnBeingSent() throws Exception {
        OutboxLogTest.FailingDisk disk = new OutboxLogTest.FailingDisk();
        try (Outbox outbox = open(disk)) {
            append(outbox, OutboxLogTest.connected("s-1", 1));
            disk.failsWrites = true;
            assertThat(lossOf(outbox, OutboxLogTest.result("c-1"))).hasRootCauseMessage("No space left on device");
            assertThat(outbox.holdsResultOf("c-1")).isFalse();
            await().until(() -> outbox.status().failure() != null);
            disk.failsWrites = false;
            assertThat(lossOf(outbox, OutboxLogTest.result("c-2")))
                    .as("not tried again at once")
                    .isNotNull();
            assertThat(next(outbox).sequence()).isEqualTo(1);
            outbox.sent(next(outbox)).get(20, TimeUnit.SECONDS);

            passRetryTime();
            append(outbox, OutboxLogTest.result("c-3"));
            await().until(() -> outbox.status().failure() == null);
            long lost = outbox.status().lost();
            assertThat(next(outbox).sequence()).as("the gap is what was lost").isEqualTo(2 + lost);
        }
    }

    @Test
    void whatCannotBeReadNowWaitsAndIsToldOnceUntilItCan() throws Exception {
        OutboxLogTest.FailingDisk disk = new OutboxLogTest.FailingDisk();
        Logger logger = (Logger) LoggerFactory.getLogger(Outbox.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.start();
        logger.addAppender(lines);
        try (Outbox outbox = open(disk)) {
            append(outbox, OutboxLogTest.connected("s-1", 1));
            disk.failsReads = true;
            CompletableFuture<SentReport> waiting = outbox.next();
            await().until(() -> outbox.status().failure() != null);
            append(outbox, OutboxLogTest.connected("s-1", 2));
            append(outbox, OutboxLogTest.connected("s-1", 3));
            assertThat(disk.failedReads).as("not tried again at once").hasValue(1);
            passRetryTime();
            await().until(() -> disk.failedReads.get() == 2);
            assertThat(waiting).isNotDone();

            disk.failsReads = false;
            passRetryTime();
            assertThat(waiting.get(20, TimeUnit.SECONDS).sequence()).isEqualTo(1);
            await().until(() -> outbox.status().failure() == null);
            assertThat(outbox.status().unreadable()).isZero();
            assertThat(outbox.status().lost()).isZero();
        } finally {
            logger.detachAppender(lines);
        }
        assertThat(lines.list)
                .extracting(ILoggingEvent::getMessage)
                .containsExactly("outbox cannot be read, what is in it waits until it can", "outbox can be read again");
    }

    @Test
    void refusedReportIsKeptForPeopleToLookAt() throws Exception {
        try (Outbox outbox = open()) {
            append(outbox, OutboxLogTest.connected("s-1", 1));
            append(outbox, OutboxLogTest.connected("s-1", 2));
            outbox.setAside(next(outbox), "the control plane answered 400").get(20, TimeUnit.SECONDS);
            assertThat(next(outbox).sequence()).isEqualTo(2);
            await().until(() -> outbox.status().setAside() == 1);
        }
        List<String> lines = Files.readAllLines(parent.resolve("outbox").resolve(RefusedReports.FILE_NAME));
        assertThat(lines).hasSize(1);
        JsonObject line = new JsonObject(lines.getFirst());
        assertThat(line.getString("why")).isEqualTo("the control plane answered 400");
        assertThat(line.getString("operation")).isEqualTo("NotifyAgentConnectedForMgn");
        assertThat(line.getJsonObject("request").getString("generation")).isEqualTo("1");
    }

    @Test
    void refusedReportsAreBoundedOnDisk() throws Exception {
        Path directory = Files.createDirectory(parent.resolve("refused"));
        RefusedReports refused = new RefusedReports(new OutboxDisk(), directory, 4000);
        SentReport report = new SentReport("0".repeat(32), 1, OutboxLogTest.committed("s-1", 1, 1000));
        for (int i = 0; i < 20; i++) {
            refused.add(Instant.EPOCH, report, "because");
        }
        try (Stream<Path> files = Files.list(directory)) {
            assertThat(files.toList())
                    .hasSize(2)
                    .allSatisfy(file -> assertThat(Files.size(file)).isLessThan(6000));
        }
        assertThat(Files.readAllLines(directory.resolve(RefusedReports.FORMER_FILE_NAME)))
                .allSatisfy(line ->
                        assertThat(new JsonObject(line).getString("why")).isEqualTo("because"));
    }

    @Test
    void closingMakesDurableWhatWasAppendedAndRefusesTheRest() throws Exception {
        Outbox outbox = open();
        for (int i = 0; i < 200; i++) {
            outbox.append(OutboxLogTest.result("c-" + i));
        }
        outbox.close();
        assertThat(lossOf(outbox, OutboxLogTest.result("late"))).hasRootCauseMessage("the outbox is closed");
        try (Outbox again = open()) {
            assertThat(again.status().entries()).isEqualTo(200);
        }
    }

    /** SIGKILL at moments that nobody chose: whatever was told to be durable is there, whole and in order. */
    @Test
    void killedProcessLosesNothingThatItToldToBeDurable() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        Path directory = parent.resolve("outbox");
        List<Long> durable = new ArrayList<>();
        long first = 0;
        for (int kill = 0; kill < 6; kill++) {
            Process process = ChildJvm.start(OutboxMain.class, Map.of(), directory.toString(), Long.toString(first));
            try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
                assertThat(out.readLine()).isEqualTo("begins");
                int lines = random.nextInt(400);
                String line = out.readLine();
                while (line != null) {
                    durable.add(Long.parseLong(line));
                    if (lines-- == 0) {
                        // Not the process's own method, which throws away what it has printed.
                        process.toHandle().destroyForcibly();
                    }
                    line = out.readLine();
                }
            } finally {
                process.destroyForcibly().waitFor();
            }
            first += 1_000_000;
        }
        List<Long> found = new ArrayList<>();
        long lastSequence = 0;
        try (Outbox outbox = Outbox.open(directory, 8 << 20, Clock.systemUTC())) {
            append(outbox, OutboxLogTest.result("end"));
            SentReport next = next(outbox);
            while (!next.report().subject().equals("end")) {
                assertThat(next.sequence()).isGreaterThan(lastSequence);
                lastSequence = next.sequence();
                if (next.report().kind() == ReportKind.COMMAND_RESULT) {
                    found.add(Long.parseLong(next.report().subject().substring(2)));
                }
                outbox.sent(next).get(20, TimeUnit.SECONDS);
                next = next(outbox);
            }
        }
        assertThat(durable).as("the process did something").hasSizeGreaterThan(6);
        assertThat(found).isSorted().doesNotHaveDuplicates().containsAll(durable);
    }
}
