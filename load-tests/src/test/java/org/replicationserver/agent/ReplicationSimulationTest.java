package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.SourceStatus;

/** The agent against the server model, in virtual time. The model fails a test on each rule of the protocol that the agent breaks. */
class ReplicationSimulationTest {
    private static final int BLOCK = BlockLayout.BLOCK_BYTES;
    private static final ReplicationPlan.Disk ROOT = new ReplicationPlan.Disk("/dev/sda", 3 * 1024 * 1024 + 1536, 512);
    private static final ReplicationPlan.Disk DATA = new ReplicationPlan.Disk("/dev/sdb", 1024 * 1024, 512);
    private static final ReplicationPlan.Disk TINY = new ReplicationPlan.Disk("/dev/sdc", 512, 512);

    @ParameterizedTest
    @ValueSource(ints = {0, 100, 200, 300, 400, 500, 600, 700})
    void replicaIsIdenticalAfterAnyFaults(int firstSeed) {
        for (int seed = firstSeed; seed < firstSeed + 40; seed++) {
            runWithFaults(seed);
        }
    }

    @Tag("long")
    @Test
    void replicaIsIdenticalAfterManyFaults() {
        for (int seed = 10_000; seed < 12_000; seed++) {
            runWithFaults(seed);
        }
    }

    private static void runWithFaults(long seed) {
        Random random = new Random(seed * 31);
        ModelServer.Settings settings = randomSettings(random);
        boolean marked = random.nextBoolean();
        boolean quiet = !marked && random.nextInt(3) == 0;
        Simulation sim = new Simulation(
                seed, settings, Simulation.plan(ReplicationPlan.ENDLESS, quiet, marked, ROOT, DATA, TINY));
        sim.consistentCommits = true;
        sim.fillDisks(3);
        int faults = 3 + random.nextInt(6);
        for (int i = 0; i < faults; i++) {
            long untilNanos = sim.nanoTime() + random.nextLong(3_000_000_000L);
            sim.runUntil("next fault", 10, () -> sim.nanoTime() >= untilNanos);
            if (!quiet) {
                sim.mutate(random.nextInt(5));
            }
            fault(sim, random);
        }
        if (!sim.server.isUp()) {
            sim.server.comeUp();
        }
        sim.gone.clear();
        sim.unreadable = -1;
        for (int v = 0; v < sim.disks.size(); v++) {
            ModelVolume volume = sim.server.allVolumes.get(v);
            if (volume.failed) {
                sim.server.reopen(v);
            }
            if (!sim.server.volumes.contains(volume)) {
                sim.server.assign(v, true);
            }
            if (volume.sizeBytes() != sim.disks.get(v).length) {
                sim.server.cut();
                sim.server.resize(v, sim.disks.get(v).length);
            }
        }
        long settled = sim.server.wholeCommits;
        // The first commit from here on may be of an epoch that began before the last change.
        sim.runUntil("two commits of all disks after the faults", 1000, () -> sim.server.wholeCommits >= settled + 2);
        assertThat(sim.isIdentical()).as("seed %d: identical", seed).isTrue();
        sim.replication().stop();
        sim.runToEnd(60);
        assertThat(sim.frames.held()).as("seed %d: frames not given back", seed).isZero();
        assertThat(sim.freezes)
                .as("seed %d: every freeze is followed by a thaw", seed)
                .isEqualTo(sim.thaws);
        if (quiet || marked) {
            assertThat(sim.commitsCompared).as("seed %d", seed).isPositive();
        }
    }

    private static ModelServer.Settings randomSettings(Random random) {
        ModelServer.Settings settings = new ModelServer.Settings();
        settings.streams = 1 + random.nextInt(5);
        settings.regionShift = 16 + random.nextInt(6);
        settings.windowBytes = (256 * 1024) << random.nextInt(3);
        settings.unackedFramesMax = 1 + random.nextInt(20);
        settings.forceMillisMax = 1L + random.nextInt(50);
        settings.comparesHashes = random.nextInt(4) > 0;
        return settings;
    }

    /** A disk and its volume grow, one before the other. */
    private static void grow(Simulation sim, Random random) {
        int v = random.nextInt(sim.disks.size());
        int newBytes = sim.disks.get(v).length + 512 * random.nextInt(1, 1000);
        if (sim.frozen || sim.isQuiet()) {
            return;
        }
        sim.resize(v, newBytes);
        sim.later(random.nextLong(2_000_000_000L), () -> {
            sim.server.cut();
            sim.server.resize(v, sim.disks.get(v).length);
        });
    }

    private static void fault(Simulation sim, Random random) {
        switch (random.nextInt(13)) {
            case 9 -> grow(sim, random);
            case 10 -> {
                int v = random.nextInt(sim.disks.size());
                if (sim.server.volumes.size() > 1) {
                    sim.server.assign(v, false);
                }
                sim.later(random.nextLong(3_000_000_000L), () -> sim.server.assign(v, true));
            }
            case 11 -> {
                sim.gone.add(1);
                sim.later(random.nextLong(3_000_000_000L), sim.gone::clear);
            }
            case 12 -> {
                sim.unreadable = 0;
                sim.later(random.nextLong(1_000_000_000L), () -> sim.unreadable = -1);
            }
            case 0 -> sim.server.cut();
            case 1 -> {
                sim.server.goDown();
                sim.later(random.nextLong(5_000_000_000L), sim.server::comeUp);
            }
            case 2 -> sim.server.goAway("SHUTDOWN", random.nextInt(3000), random.nextInt(500));
            case 3 -> {
                int v = random.nextInt(sim.disks.size());
                sim.server.cut();
                sim.server.allVolumes.get(v).replace(random, sim.server.newDataGen());
            }
            case 4 -> sim.server.loseNextCommitAnswer = true;
            case 5 -> {
                int v = random.nextInt(sim.disks.size());
                sim.server.fail(v);
                sim.later(random.nextLong(2_000_000_000L), () -> {
                    if (sim.server.allVolumes.get(v).failed) {
                        sim.server.reopen(v);
                    }
                });
            }
            case 6 -> sim.server.stalled = true;
            case 7 -> sim.server.requestCommit(random.nextInt(4000));
            default -> sim.replication().cycleNow();
        }
        if (sim.server.stalled) {
            sim.later(random.nextLong(8_000_000_000L), () -> sim.server.stalled = false);
        }
    }

    @Test
    void initialSyncAloneEndsWithBye() {
        Simulation sim = simulation(0, true, ROOT, DATA, TINY);
        sim.fillDisks(3);
        sim.consistentCommits = true;
        sim.runToEnd(60);
        assertThat(sim.outcome).isEqualTo(new AgentOutcome(AgentOutcome.Exit.DONE, "all cycles are committed"));
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.commitsCompared).isEqualTo(1);
        AgentReport report = sim.replication().report();
        assertThat(report.commits()).isEqualTo(1);
        assertThat(report.bytesResent()).isZero();
        assertThat(report.rawBytesSent()).isEqualTo(ROOT.sizeBytes() + DATA.sizeBytes() + TINY.sizeBytes());
        assertThat(report.durableBytes()).isEqualTo(report.rawBytesSent());
        assertThat(report.phase()).isEqualTo(AgentReport.Phase.ENDED);
    }

    /** Settings of all kinds, so that blocks are met that wait to be read, to be sent, or for zeros beside them. */
    @Test
    void backlogIsAllThatIsNotAcknowledged() {
        for (int seed = 0; seed < 40; seed++) {
            Simulation sim = new Simulation(
                    seed, randomSettings(new Random(seed)), Simulation.plan(0, true, false, ROOT, DATA, TINY));
            sim.fillDisks(5);
            sim.server.stalled = true;
            sim.readMillisMax = 6000;
            for (int statuses = 1; statuses <= 6; statuses++) {
                long came = statuses;
                sim.runUntil("a status", 20, () -> sim.server.statuses == came);
                assertThat(sim.server.status().volumes())
                        .as("seed %d, status %d", seed, statuses)
                        .containsExactly(
                                new SourceStatus.Volume(0, ROOT.sizeBytes()),
                                new SourceStatus.Volume(1, DATA.sizeBytes()),
                                new SourceStatus.Volume(2, TINY.sizeBytes()));
            }
            sim.readMillisMax = 3;
            sim.server.stalled = false;
            sim.runToEnd(120);
            assertThat(sim.server.status().volumes())
                    .as("seed %d", seed)
                    .containsExactly(
                            new SourceStatus.Volume(0, 0),
                            new SourceStatus.Volume(1, 0),
                            new SourceStatus.Volume(2, 0));
        }
    }

    @Test
    void statusComesEveryTwoSecondsOnceMoreBeforeByeAndNeverWithoutItsFeature() {
        ModelServer.Settings settings = new ModelServer.Settings();
        Simulation sim = new Simulation(1, settings, Simulation.plan(ReplicationPlan.ENDLESS, true, false, ROOT, DATA));
        sim.runUntil("the first", 10, () -> sim.server.statuses == 1);
        sim.runFor(60);
        assertThat(sim.server.statuses).isBetween(29L, 31L);
        long before = sim.server.statuses;
        sim.replication().stop();
        sim.runToEnd(10);
        assertThat(sim.server.statuses).isEqualTo(before + 1);

        settings.grantsSourceStatus = false;
        Simulation without =
                new Simulation(1, settings, Simulation.plan(ReplicationPlan.ENDLESS, true, false, ROOT, DATA));
        without.runUntil("a commit", 60, () -> without.server.committedEpoch() == 1);
        without.replication().stop();
        without.runToEnd(10);
        assertThat(without.server.statuses).isZero();
    }

    private static SourceStatus.Waits waitsOf(Consumer<Simulation> slowDown, int windowBytes, long forceMillisMax) {
        ModelServer.Settings settings = new ModelServer.Settings();
        settings.unackedFramesMax = 1024;
        settings.windowBytes = windowBytes;
        settings.forceMillisMax = forceMillisMax;
        Simulation sim = new Simulation(
                1,
                settings,
                Simulation.plan(0, true, false, new ReplicationPlan.Disk("/dev/sda", 16 * 1024 * 1024, 512)));
        sim.fillDisks(0);
        slowDown.accept(sim);
        sim.runToEnd(120);
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.nanoTime()).as("it took some time").isGreaterThan(3_000_000_000L);
        return sim.server.status().waits();
    }

    @Test
    void waitsNameWhatIsSlow() {
        int largest = ProtocolLimits.WINDOW_BYTES_MAX;
        SourceStatus.Waits reading = waitsOf(sim -> sim.readMillisMax = 2000, largest, 20);
        assertThat(reading.sourceMillis())
                .isGreaterThan(2000)
                .isGreaterThan(3 * (reading.networkMillis() + reading.windowMillis()));

        SourceStatus.Waits sending = waitsOf(sim -> sim.networkBytesPerSecond = 1_000_000, largest, 20);
        assertThat(sending.networkMillis())
                .isGreaterThan(2000)
                .isGreaterThan(3 * (sending.sourceMillis() + sending.windowMillis()));

        SourceStatus.Waits writing = waitsOf(sim -> {}, ProtocolLimits.WINDOW_BYTES_MIN, 1000);
        assertThat(writing.windowMillis())
                .isGreaterThan(2000)
                .isGreaterThan(3 * (writing.sourceMillis() + writing.networkMillis()));
    }

    @Test
    void agentThatRestsCommitsAtOnceWhenItIsAskedTo() {
        Simulation sim = new Simulation(
                4711,
                new ModelServer.Settings(),
                Simulation.plan(ReplicationPlan.ENDLESS, TimeUnit.HOURS.toNanos(1), true, false, ROOT));
        runToRest(sim, 1);
        sim.server.requestCommit(0);
        runToRest(sim, 2);
        sim.server.requestCommit(0);
        sim.server.requestCommit(0);
        runToRest(sim, 3);
        sim.runFor(5);
        assertThat(sim.server.committedEpoch()).as("one for two requests").isEqualTo(3);
    }

    private static void runToRest(Simulation sim, long epoch) {
        sim.runUntil(
                "commit of epoch " + epoch,
                60,
                () -> sim.replication().report().committedEpoch() == epoch
                        && sim.replication().report().phase() == AgentReport.Phase.RESTING);
    }

    @Test
    void zerosOfARegionGoInOneFrameAndNeighboursInOneDataFrame() {
        ModelServer.Settings settings = new ModelServer.Settings();
        settings.streams = 1;
        settings.regionShift = 21;
        Simulation sim = new Simulation(1, settings, Simulation.plan(0, true, false, ROOT));
        byte[] disk = sim.disks.getFirst();
        Arrays.fill(disk, 0, 4 * BLOCK, (byte) 7);
        sim.runToEnd(60);
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.server.dataFrames).isEqualTo(1);
        assertThat(sim.server.largestRawLen).isEqualTo(4 * BLOCK);
        // the rest of region 0, and region 1 with its odd tail
        assertThat(sim.server.zeroFrames).isEqualTo(2);
        assertThat(sim.replication().report().wireBytesSent()).isLessThan(8 * 1024);
    }

    @Test
    void zeroFramesGrowAlsoThroughTheSmallestWindow() {
        ModelServer.Settings settings = new ModelServer.Settings();
        settings.streams = 1;
        settings.regionShift = 30;
        settings.windowBytes = 256 * 1024;
        Simulation sim = new Simulation(1, settings, Simulation.plan(0, true, false, ROOT));
        sim.runToEnd(60);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void cycleSendsOnlyWhatChanged() {
        Simulation sim = simulation(1, true, ROOT);
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        long received = sim.server.dataBytesReceived;
        sim.disks.getFirst()[5 * BLOCK + 17]++;
        sim.runToEnd(60);
        assertThat(sim.server.dataBytesReceived - received).isEqualTo(BLOCK);
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.replication().report().cycles()).hasSize(2);
        assertThat(sim.replication().report().cycles().getLast().rawBytes()).isEqualTo(BLOCK);
    }

    @Test
    void blockThatWasZeroMeanwhileIsSentAgain() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.fillDisks(0);
        byte[] disk = sim.disks.getFirst();
        byte[] content = Arrays.copyOfRange(disk, 5 * BLOCK, 6 * BLOCK);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        Arrays.fill(disk, 5 * BLOCK, 6 * BLOCK, (byte) 0);
        sim.runUntil("zeros", 60, () -> sim.isIdentical() && sim.server.committedEpoch() > 1);
        System.arraycopy(content, 0, disk, 5 * BLOCK, BLOCK);
        long epoch = sim.server.committedEpoch();
        sim.runUntil("two commits", 60, () -> sim.server.committedEpoch() == epoch + 2);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void resumedSessionSendsOnlyWhatWasNotAcknowledged() {
        ModelServer.Settings settings = new ModelServer.Settings();
        Simulation sim = new Simulation(11, settings, Simulation.plan(0, true, false, ROOT));
        sim.fillDisks(0);
        sim.runUntil("half of it", 60, () -> sim.server.dataBytesReceived > ROOT.sizeBytes() / 2);
        sim.server.cut();
        sim.runToEnd(60);
        AgentReport report = sim.replication().report();
        assertThat(sim.isIdentical()).isTrue();
        long windows = (long) settings.streams * settings.windowBytes;
        assertThat(report.bytesResent()).isPositive().isLessThanOrEqualTo(windows);
        assertThat(report.rawBytesSent()).isEqualTo(ROOT.sizeBytes() + report.bytesResent() + report.zeroBytesResent());
        assertThat(report.reconnects()).isEqualTo(1);
    }

    @Test
    void lostAnswerOfACommitIsLearntFromWelcome() {
        Simulation sim = simulation(0, true, ROOT);
        sim.fillDisks(3);
        sim.server.loseNextCommitAnswer = true;
        sim.runToEnd(60);
        assertThat(sim.outcome).isEqualTo(new AgentOutcome(AgentOutcome.Exit.DONE, "all cycles are committed"));
        assertThat(sim.server.committedEpoch()).isEqualTo(1);
        assertThat(sim.replication().report().commits()).isEqualTo(1);
    }

    @Test
    void rescanSendsEverythingAgain() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.cut();
        sim.server.volumes.getFirst().replace(sim.random, sim.server.newDataGen());
        sim.runUntil("another commit", 60, () -> sim.server.committedEpoch() == 2);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void generationOfAnotherAgentMeansEverythingAgain() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        long before = sim.server.dataBytesReceived;
        sim.server.cut();
        sim.server.anotherAgentWrote(sim.random);
        sim.runUntil("another commit", 60, () -> sim.server.committedEpoch() == 2);
        assertThat(sim.server.dataBytesReceived - before).isGreaterThanOrEqualTo(ROOT.sizeBytes());
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void failedVolumeIsLeftOutAndTheOthersAreCommitted() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT, DATA);
        sim.fillDisks(0);
        sim.server.volumes.get(1).failed = true;
        sim.runUntil("three commits", 30, () -> sim.server.committedEpoch() == 3);
        assertThat(sim.server.volumes.getFirst().equalsContent(sim.disks.getFirst()))
                .isTrue();
        assertThat(sim.server.wholeCommits).isZero();
        assertThat(sim.replication().report().disks().get(1).failure()).isEqualTo("its volume takes no writes: EIO");
        assertThat(sim.events)
                .filteredOn(event -> event.kind() == AgentEvent.Kind.WARNING)
                .extracting(AgentEvent::text)
                .containsOnlyOnce(
                        "/dev/sdb: volume vol-1 takes no writes: EIO; this disk is left out and the others go on;"
                                + " repair the volume, then on the server: ./run volume reopen vol-1");
    }

    @Test
    void volumeThatFailsInAnEpochHoldsUpThatEpochOfTheOthersNoLonger() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT, DATA);
        sim.fillDisks(0);
        sim.runUntil("half of it", 60, () -> sim.server.dataBytesReceived > ROOT.sizeBytes() / 2);
        sim.server.fail(1);
        sim.runUntil("a commit", 10, () -> sim.server.committedEpoch() == 1);
        assertThat(sim.server.sessions).isEqualTo(2);
        assertThat(sim.server.dataBytesReceived)
                .as("what was acknowledged is not sent again")
                .isLessThan(ROOT.sizeBytes() + DATA.sizeBytes());
    }

    @Test
    void reopenedVolumeReturnsAtOnceAndIsCompared() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT, DATA);
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.wholeCommits == 1);
        sim.server.fail(1);
        sim.runUntil("commits of the other", 30, () -> sim.server.committedEpoch() >= 4);
        long received = sim.server.dataBytesReceived;
        sim.server.reopen(1);
        sim.runUntil("a commit of both", 5, () -> sim.server.wholeCommits == 2);
        assertThat(sim.server.dataBytesReceived).isEqualTo(received);
        assertThat(sim.server.offeredBytes).isEqualTo(DATA.sizeBytes());
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.replication().report().disks().get(1).failure()).isNull();
    }

    @Test
    void volumeThatReturnsUnheardIsOfferedAgainAfterAMinute() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT, DATA);
        sim.server.volumes.get(1).failed = true;
        sim.runFor(150);
        assertThat(sim.server.sessions)
                .as("with it and without it, three times")
                .isEqualTo(6);
        sim.server.volumes.get(1).failed = false;
        sim.runUntil("a commit of both", 63, () -> sim.server.wholeCommits == 1);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void agentWaitsWhenNoVolumeTakesWrites() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT, DATA);
        sim.fillDisks(0);
        sim.server.volumes.get(0).failed = true;
        sim.server.volumes.get(1).failed = true;
        sim.runFor(50);
        assertThat(sim.replication().report().phase()).isEqualTo(AgentReport.Phase.WITHHELD);
        assertThat(sim.server.sessions).isEqualTo(1);
        sim.server.reopen(1);
        sim.runUntil("a commit of the other", 5, () -> sim.server.committedEpoch() == 1);
        sim.server.reopen(0);
        sim.runUntil("a commit of both", 15, () -> sim.server.wholeCommits == 1);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void cyclesEndWithoutTheDisksThatAreLeftOutAndTellThem() {
        Simulation sim = simulation(2, true, ROOT, DATA, TINY);
        sim.fillDisks(0);
        sim.gone.add(2);
        sim.server.volumes.get(1).failed = true;
        sim.runToEnd(60);
        AgentOutcome outcome = Objects.requireNonNull(sim.outcome);
        assertThat(outcome.exit()).isEqualTo(AgentOutcome.Exit.INCOMPLETE);
        assertThat(outcome.text())
                .startsWith(
                        "all cycles are committed, but not of all disks; left out: /dev/sdb: its volume takes no writes: ")
                .endsWith("; /dev/sdc: it cannot be read: the disk is gone");
        assertThat(sim.server.committedEpoch()).isEqualTo(3);
    }

    @Test
    void diskThatIsBackInTheLastCycleWasNotLeftOut() {
        Simulation sim = simulation(1, true, ROOT, DATA);
        sim.fillDisks(0);
        sim.server.volumes.get(1).failed = true;
        sim.runUntil("the initial sync of the other", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.reopen(1);
        sim.runToEnd(60);
        assertThat(Objects.requireNonNull(sim.outcome).exit()).isEqualTo(AgentOutcome.Exit.DONE);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void onlySessionsThatWereOpenCountAsReconnects() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, TINY);
        sim.server.goDown();
        sim.runFor(60);
        assertThat(sim.connectNanos).hasSizeGreaterThan(3);
        assertThat(sim.replication().report().reconnects()).isZero();
        sim.server.comeUp();
        sim.runUntil("the initial sync", 100, () -> sim.server.committedEpoch() == 1);
        sim.server.cut();
        sim.runUntil("another session", 60, () -> sim.server.sessions == 2);
        assertThat(sim.replication().report().reconnects()).isEqualTo(1);
    }

    @Test
    void stalledVolumeHoldsUpNoOther() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, DATA, ROOT);
        sim.fillDisks(0);
        sim.server.stalledVolume = 0;
        sim.runUntil(
                "the other volume",
                20,
                () -> sim.replication().report().disks().get(1).durableBytes() == ROOT.sizeBytes());
        assertThat(sim.replication().report().disks().getFirst().durableBytes()).isZero();
        sim.server.stalledVolume = -1;
        sim.runUntil("the commit", 60, () -> sim.server.committedEpoch() == 1);
    }

    @Test
    void serverWhoseVolumesStallForTenMinutesIsNotLeft() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.fillDisks(0);
        sim.runUntil("some of it", 60, () -> sim.server.dataBytesReceived > 0);
        sim.server.stalled = true;
        for (int i = 0; i < 120; i++) {
            sim.server.progress(Progress.WaitingFor.VOLUME);
            sim.runFor(5);
        }
        assertThat(sim.server.sessions).isEqualTo(1);
        sim.server.stalled = false;
        sim.runUntil("the commit", 60, () -> sim.server.committedEpoch() == 1);
        assertThat(sim.server.sessions).isEqualTo(1);
    }

    @Test
    void streamOnWhichNothingIsHeardIsLeftThoughTheServerTellsProgress() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.fillDisks(0);
        sim.runUntil("some of it", 60, () -> sim.server.dataBytesReceived > 0);
        sim.server.stalled = true;
        sim.server.silenceStreams(true);
        for (int i = 0; i < 6; i++) {
            assertThat(sim.events).noneMatch(event -> event.text().contains("nothing was received on data connection"));
            sim.server.progress(Progress.WaitingFor.COMMIT);
            sim.runFor(5);
        }
        sim.server.silenceStreams(false);
        sim.server.stalled = false;
        sim.runUntil("the commit", 60, () -> sim.server.committedEpoch() == 1);
        assertThat(sim.events).anyMatch(event -> event.text().contains("nothing was received on data connection"));
    }

    @Test
    void silentServerIsLeftAfterThirtySeconds() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.fallSilent();
        long silentSince = sim.nanoTime();
        sim.runUntil("the agent leaves", 60, () -> sim.replication().report().reconnects() == 1);
        // The control connection may have been heard last when PING was almost due.
        assertThat((sim.nanoTime() - silentSince) / 1e9).isBetween(19.0, 31.0);
    }

    @Test
    void reconnectsAfterLongerAndLongerWaitsOfAtMostAMinute() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, TINY);
        sim.server.goDown();
        sim.runFor(3000);
        int tries = sim.connectNanos.size();
        assertThat(tries).isBetween(50, 300);
        for (int i = 1; i < tries; i++) {
            assertThat(sim.connectNanos.get(i) - sim.connectNanos.get(i - 1)).isLessThan(61_000_000_000L);
        }
    }

    @Test
    void serverThatIsNotAssignedYetIsNoWarningAndOneThatIsUnknownIs() {
        for (LinkFailure.Kind kind : EnumSet.of(LinkFailure.Kind.SERVER_AWAITED, LinkFailure.Kind.SERVER_UNKNOWN)) {
            Simulation sim = simulation(ReplicationPlan.ENDLESS, true, TINY);
            sim.server.goDown();
            sim.whenDown = new LinkFailure(kind, "not yet");
            sim.runFor(100);
            boolean waits = kind == LinkFailure.Kind.SERVER_AWAITED;
            assertThat(sim.events)
                    .hasSizeGreaterThan(1)
                    .allSatisfy(event -> assertThat(event.text()).startsWith("not yet; next attempt in "))
                    .extracting(AgentEvent::kind)
                    .containsOnly(waits ? AgentEvent.Kind.STATE : AgentEvent.Kind.WARNING);
        }
    }

    @Test
    void forbiddenAndVersionEndTheAgent() {
        assertThat(outcomeAfter(ErrorCode.FORBIDDEN)).isEqualTo(AgentOutcome.Exit.FORBIDDEN);
        assertThat(outcomeAfter(ErrorCode.VERSION)).isEqualTo(AgentOutcome.Exit.PROTOCOL);
    }

    private static AgentOutcome.Exit outcomeAfter(ErrorCode code) {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, TINY);
        sim.runUntil("a session", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.tell(new ErrorBody(code.code(), code.name(), null, null, null, "no"));
        sim.runUntil("the end", 60, () -> sim.outcome != null);
        return Objects.requireNonNull(sim.outcome).exit();
    }

    @Test
    void duplicateAgentIsToldWhatToDo() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, TINY);
        sim.runUntil("a session", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.tell(new ErrorBody(ErrorCode.FORBIDDEN.code(), "FORBIDDEN", null, null, null, "duplicate agent"));
        sim.runToEnd(60);
        assertThat(Objects.requireNonNull(sim.outcome).text()).endsWith("./run source accept-agents s-1");
    }

    @Test
    void fuzzyEpochsAreExplainedOnce() {
        Simulation sim = new Simulation(1, new ModelServer.Settings(), Simulation.plan(2, false, false, TINY));
        sim.runToEnd(60);
        assertThat(sim.events)
                .filteredOn(event -> event.text().contains("--quiet-source"))
                .hasSize(1);
    }

    @Test
    void refusedEpochBeginsANewSessionAtOnce() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, TINY);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.tell(new ErrorBody(ErrorCode.EPOCH.code(), "EPOCH", null, null, null, "dropped"));
        long since = sim.nanoTime();
        sim.runUntil("a new session", 60, () -> sim.server.sessions == 2);
        assertThat(sim.nanoTime() - since).isLessThan(500_000_000L);
    }

    @Test
    void unreadableSourceEndsTheAgent() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.readFails = true;
        sim.runToEnd(60);
        assertThat(sim.outcome)
                .isEqualTo(new AgentOutcome(
                        AgentOutcome.Exit.SOURCE_FAILED, "/dev/sda: it cannot be read: the disk is gone"));
        assertThat(sim.server.committedEpoch()).isZero();
    }

    @Test
    void failedMarkMakesTheEpochFuzzy() {
        Simulation sim = new Simulation(1, new ModelServer.Settings(), Simulation.plan(0, false, true, ROOT));
        sim.markFails = true;
        sim.runToEnd(60);
        assertThat(sim.replication().report().cycles().getFirst().fuzzy()).isTrue();
        assertThat(sim.thaws).isEqualTo(1);
    }

    @Test
    void sourceIsNeverFrozenWithoutASession() {
        Simulation sim = new Simulation(1, new ModelServer.Settings(), Simulation.plan(0, false, true, ROOT));
        sim.fillDisks(0);
        sim.runUntil("half of it", 60, () -> sim.server.dataBytesReceived > ROOT.sizeBytes() / 2);
        assertThat(sim.frozen).isTrue();
        sim.server.goDown();
        sim.runFor(2);
        assertThat(sim.frozen).isFalse();
        sim.mutate(20);
        sim.server.comeUp();
        sim.consistentCommits = true;
        sim.runToEnd(120);
        assertThat(sim.freezes).isEqualTo(2);
        assertThat(sim.commitsCompared).isEqualTo(1);
    }

    @Test
    void sourceIsNotFrozenForAsLongAsAHoldKeepsAnEpochFromOpening() {
        Simulation sim = new Simulation(1, new ModelServer.Settings(), Simulation.plan(0, false, true, ROOT));
        sim.consistentCommits = true;
        sim.fillDisks(0);
        sim.server.hold();
        sim.runUntil("the first mark", 60, () -> sim.frozen);
        sim.runFor(2);
        sim.server.progress(Progress.WaitingFor.HOLD);
        sim.runFor(1);
        assertThat(sim.frozen).isFalse();
        sim.mutate(20);
        sim.server.progress(Progress.WaitingFor.HOLD);
        sim.runFor(60);
        assertThat(sim.freezes).isEqualTo(1);
        assertThat(sim.server.sessions).isEqualTo(1);
        sim.server.release();
        sim.runToEnd(120);
        assertThat(sim.freezes).as("a new mark, of what the source is now").isEqualTo(2);
        assertThat(sim.commitsCompared).isEqualTo(1);
    }

    @Test
    void quietSourceWaitsForTheEndOfAHoldInItsSession() {
        Simulation sim = simulation(0, true, ROOT);
        sim.fillDisks(0);
        sim.server.hold();
        sim.runFor(3);
        sim.server.progress(Progress.WaitingFor.HOLD);
        sim.runFor(3);
        sim.server.release();
        sim.runToEnd(120);
        assertThat(sim.server.sessions).isEqualTo(1);
    }

    @Test
    void sourceIsOpenedAgainOnlyWhenTheReadsOfALostSessionAreBack() {
        for (int seed = 0; seed < 50; seed++) {
            Simulation sim = new Simulation(
                    seed,
                    new ModelServer.Settings(),
                    Simulation.plan(ReplicationPlan.ENDLESS, false, true, ROOT, DATA));
            sim.readMillisMax = 4000;
            sim.consistentCommits = true;
            sim.fillDisks(0);
            for (int cut = 0; cut < 3; cut++) {
                int sessions = cut + 1;
                sim.runUntil("a session", 60, () -> sim.server.sessions >= sessions && sim.frozen);
                sim.runFor(1);
                sim.server.cut();
                sim.runUntil("thawed", 60, () -> !sim.frozen);
                sim.mutate(20);
            }
            sim.readMillisMax = 3;
            sim.runUntil("a commit", 120, () -> sim.server.committedEpoch() >= 1);
            assertThat(sim.commitsCompared).as("seed %d", seed).isPositive();
        }
    }

    @Test
    void stopDoesNotWaitForAFreezeThatHangs() {
        Simulation sim = new Simulation(1, new ModelServer.Settings(), Simulation.plan(0, false, true, ROOT));
        sim.freezeHangs = true;
        sim.runUntil("the freeze", 60, () -> sim.freezes == 1);
        sim.runFor(20);
        sim.replication().stop();
        sim.runToEnd(5);
        assertThat(Objects.requireNonNull(sim.outcome).exit()).isEqualTo(AgentOutcome.Exit.STOPPED);
        assertThat(sim.thaws).isEqualTo(1);
    }

    @Test
    void lostSessionDoesNotWaitForAFreezeThatHangs() {
        Simulation sim = new Simulation(1, new ModelServer.Settings(), Simulation.plan(0, false, true, ROOT));
        sim.freezeHangs = true;
        sim.runUntil("the freeze", 60, () -> sim.freezes == 1);
        sim.server.cut();
        sim.runUntil("another session", 10, () -> sim.server.sessions == 2);
    }

    @Test
    void stopBeforeTheLastCommitIsNotTheSameAsDone() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.runUntil("the initial sync", 60, () -> sim.replication().report().committedEpoch() == 1);
        sim.replication().stop();
        sim.runToEnd(10);
        assertThat(sim.outcome)
                .isEqualTo(new AgentOutcome(AgentOutcome.Exit.STOPPED, "stopped; epoch 1 is the last committed"));
    }

    @Test
    void greaseIsSentAndDoesNoHarm() {
        Simulation sim = simulation(ReplicationPlan.ENDLESS, true, ROOT);
        sim.runFor(60);
        assertThat(sim.server.skippedFrames).isGreaterThan(20);
        assertThat(sim.server.sessions).isEqualTo(1);
    }

    @Test
    void connectTimeoutEndsAnAgentThatReachesNobody() {
        ReplicationPlan endless = Simulation.plan(ReplicationPlan.ENDLESS, true, false, TINY);
        ReplicationPlan plan = new ReplicationPlan(
                endless.sourceServerId(),
                endless.agentPin(),
                endless.instance(),
                endless.streams(),
                endless.disks(),
                endless.cycles(),
                endless.cyclePauseNanos(),
                0,
                true,
                false,
                true,
                20_000_000_000L,
                ServerLookup.Change.NOTHING);
        Simulation sim = new Simulation(1, new ModelServer.Settings(), plan);
        sim.server.goDown();
        sim.runToEnd(25);
        assertThat(Objects.requireNonNull(sim.outcome).exit()).isEqualTo(AgentOutcome.Exit.UNREACHABLE);
    }

    private static Simulation simulation(int cycles, boolean quiet, ReplicationPlan.Disk... disks) {
        return new Simulation(4711, new ModelServer.Settings(), Simulation.plan(cycles, quiet, false, disks));
    }
}
