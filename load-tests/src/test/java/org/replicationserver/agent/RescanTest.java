package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.protocol.SourceStatus;

/** Rescans by hash and verifications, against the server model, in virtual time. */
class RescanTest {
    private static final int BLOCK = BlockLayout.BLOCK_BYTES;
    private static final int MIB = 1 << 20;
    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final ReplicationPlan.Disk ROOT =
            new ReplicationPlan.Disk("/dev/sda", 5 * MIB + 3 * BLOCK + 512, 512);
    private static final ReplicationPlan.Disk LARGE = new ReplicationPlan.Disk("/dev/sdb", 40 * MIB, 512);

    private final ModelServer.Settings settings = new ModelServer.Settings();

    private Simulation replicated(ReplicationPlan.Disk disk) {
        return replicated(4711, disk);
    }

    private Simulation replicated(long seed, ReplicationPlan.Disk disk) {
        Simulation sim = new Simulation(seed, settings, Simulation.plan(ReplicationPlan.ENDLESS, true, false, disk));
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 120, () -> sim.server.committedEpoch() == 1);
        return sim;
    }

    /** The next session finds another history of the volume. */
    private static void forgetHistory(Simulation sim) {
        sim.server.cut();
        sim.server.volumes.getFirst().dataGen = sim.server.newDataGen();
    }

    private static void untilCommit(Simulation sim, long epoch) {
        sim.runUntil("epoch " + epoch, 120, () -> sim.server.committedEpoch() == epoch);
    }

    @Test
    void newVolumeIsSentAndNotCompared() {
        Simulation sim = replicated(ROOT);
        assertThat(sim.server.offeredBytes).isZero();
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void rescanSendsOnlyTheBlocksThatDiffer() {
        Simulation sim = replicated(ROOT);
        long received = sim.server.dataBytesReceived;
        Arrays.fill(sim.disks.getFirst(), 2 * MIB, 2 * MIB + BLOCK, (byte) 1);
        sim.server.volumes.getFirst().put(2 * MIB, new byte[BLOCK]);
        sim.server.volumes.getFirst().rot(3 * MIB - 1);
        sim.server.volumes.getFirst().rot((int) ROOT.sizeBytes() - 1);
        forgetHistory(sim);
        untilCommit(sim, 2);
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.server.dataBytesReceived - received).isEqualTo(2 * BLOCK + 512);
        AgentReport.Disk disk = sim.replication().report().disks().getFirst();
        assertThat(disk.comparedBytes()).isEqualTo(ROOT.sizeBytes());
        assertThat(disk.differingBytes()).isEqualTo(2 * BLOCK + 512);
        assertThat(disk.equalBytes()).isEqualTo(ROOT.sizeBytes() - disk.differingBytes());
        assertThat(sim.server.offeredBytes)
                .as("each block once, those of the MiBs that differ twice")
                .isEqualTo(ROOT.sizeBytes() + MIB + 3 * BLOCK + 512);
        assertThat(sim.events)
                .anyMatch(event -> event.text().contains("compares with its volume and sends what differs"));
    }

    /** What was sent and not acknowledged before the cut would be sent a second time, so the first block is acknowledged. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void rescanGoesOnWhereACutHasStoppedIt(long seed) {
        settings.acknowledgesAtOnce = true;
        Simulation sim = replicated(seed, LARGE);
        sim.runUntil("the last acknowledgements", 1, () -> durable(sim) == LARGE.sizeBytes());
        long received = sim.server.dataBytesReceived;
        sim.server.volumes.getFirst().rot(1);
        sim.server.volumes.getFirst().rot((int) LARGE.sizeBytes() - 1);
        forgetHistory(sim);
        sim.runUntil("a part", 5, () -> compared(sim) >= 12L * MIB && durable(sim) == LARGE.sizeBytes() + BLOCK);
        assertThat(compared(sim)).isLessThan(LARGE.sizeBytes());
        sim.server.cut();
        untilCommit(sim, 2);
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.server.dataBytesReceived - received).isEqualTo(2 * BLOCK);
        assertThat(compared(sim)).as("nothing is compared twice").isEqualTo(LARGE.sizeBytes());
    }

    private static long durable(Simulation sim) {
        return sim.replication().report().durableBytes();
    }

    private static long compared(Simulation sim) {
        return sim.replication().report().disks().getFirst().comparedBytes();
    }

    @Test
    void serverThatDoesNotCompareIsSentEverything() {
        settings.comparesHashes = false;
        Simulation sim = replicated(ROOT);
        forgetHistory(sim);
        untilCommit(sim, 2);
        assertThat(sim.server.offeredBytes).isZero();
        assertThat(sim.replication().report().rawBytesSent()).isEqualTo(2 * ROOT.sizeBytes());
    }

    @Test
    void nextServerThatDoesNotCompareIsSentWhatIsLeft() {
        Simulation sim = replicated(LARGE);
        long sent = sim.replication().report().rawBytesSent();
        forgetHistory(sim);
        sim.runUntil("a part", 60, () -> compared(sim) >= 12L * MIB);
        settings.comparesHashes = false;
        sim.server.cut();
        untilCommit(sim, 2);
        assertThat(sim.replication().report().rawBytesSent() - sent).isEqualTo(LARGE.sizeBytes() - compared(sim));
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void whatWasFoundEqualIsWhatALaterChangeIsSeenAgainst() {
        Simulation sim = replicated(ROOT);
        byte[] before = Arrays.copyOf(sim.disks.getFirst(), BLOCK);
        byte[] after = new byte[BLOCK];
        Arrays.fill(after, (byte) 9);
        System.arraycopy(after, 0, sim.disks.getFirst(), 0, BLOCK);
        sim.server.volumes.getFirst().put(0, after);
        forgetHistory(sim);
        untilCommit(sim, 2);
        System.arraycopy(before, 0, sim.disks.getFirst(), 0, BLOCK);
        untilCommit(sim, 4);
        assertThat(sim.isIdentical()).as("the block as it was sent at first").isTrue();
    }

    @Test
    void backlogOfARescanIsWhatIsNotComparedYet() {
        Simulation sim = replicated(LARGE);
        sim.readMillisMax = 400;
        forgetHistory(sim);
        sim.runUntil("a part", 120, () -> compared(sim) > 0 && compared(sim) < LARGE.sizeBytes());
        long before = compared(sim);
        long statuses = sim.server.statuses;
        sim.runUntil("a status", 5, () -> sim.server.statuses > statuses);
        SourceStatus.Volume told = sim.server.status().volumes().getFirst();
        assertThat(told.backlogBytes()).isBetween(LARGE.sizeBytes() - compared(sim), LARGE.sizeBytes() - before);
    }

    /** What was found equal before a cut is read again at the next mark, and so may be looked at before what is compared after it. */
    @Test
    void aBlockBeforeThoseThatWereLookedAtIsStillSent() {
        Simulation sim = new Simulation(4711, settings, Simulation.plan(ReplicationPlan.ENDLESS, false, true, LARGE));
        sim.consistentCommits = true;
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 120, () -> sim.server.committedEpoch() == 1);
        sim.server.volumes.getFirst().rot(1);
        forgetHistory(sim);
        sim.runUntil("an answer about MiBs", 60, () -> compared(sim) > 0);
        sim.server.cut();
        settings.answerMillisMax = 2000;
        untilCommit(sim, 2);
        assertThat(sim.isIdentical()).isTrue();
    }

    // --- verifications

    private Simulation verifying(int cycles, long verifyNanos, ReplicationPlan.Disk... disks) {
        return verifying(4711, cycles, verifyNanos, disks);
    }

    private Simulation verifying(long seed, int cycles, long verifyNanos, ReplicationPlan.Disk... disks) {
        ReplicationPlan plan = Simulation.plan(cycles, false, false, disks);
        Simulation sim = new Simulation(seed, settings, Simulation.verifying(plan, verifyNanos));
        sim.fillDisks(3);
        return sim;
    }

    private static AgentReport.Verified verified(Simulation sim) {
        return Objects.requireNonNullElse(sim.replication().report().verified(), AgentReport.Verified.NONE);
    }

    @Test
    void verificationOfASoundVolumeEndsWell() {
        Simulation sim = verifying(0, SECOND_NANOS, ROOT, LARGE);
        sim.runToEnd(300);
        assertThat(sim.outcome).isEqualTo(new AgentOutcome(AgentOutcome.Exit.DONE, "all cycles are committed"));
        assertThat(verified(sim).equalBytes()).isEqualTo(ROOT.sizeBytes() + LARGE.sizeBytes());
        assertThat(verified(sim).leftBytes()).isZero();
        assertThat(sim.server.verifiedBytes).isEqualTo(ROOT.sizeBytes() + LARGE.sizeBytes());
        assertThat(sim.server.committedEpoch()).isEqualTo(1);
    }

    @Test
    void verificationTellsWhereAVolumeIsNotWhatWasSentAndChangesNothing() {
        Simulation sim = verifying(1, SECOND_NANOS, ROOT);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.volumes.getFirst().rot(3 * BLOCK + 17);
        sim.server.volumes.getFirst().rot(4 * BLOCK);
        sim.server.volumes.getFirst().rot((int) ROOT.sizeBytes() - 1);
        long received = sim.server.dataBytesReceived;
        sim.runToEnd(60);
        AgentOutcome.Exit exit = Objects.requireNonNull(sim.outcome).exit();
        assertThat(exit).isEqualTo(AgentOutcome.Exit.DIFFERS);
        assertThat(exit.code()).isEqualTo(1);
        assertThat(verified(sim).differences())
                .containsExactly(
                        new AgentReport.Difference("/dev/sda", 3 * BLOCK, 2 * BLOCK),
                        new AgentReport.Difference("/dev/sda", ROOT.sizeBytes() - 512, 512));
        assertThat(sim.server.dataBytesReceived).isEqualTo(received);
        assertThat(sim.isIdentical()).isFalse();
        assertThat(sim.events)
                .anyMatch(event -> event.kind() == AgentEvent.Kind.WARNING
                        && event.text().contains("/dev/sda: 131072 bytes at byte 196608"));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void writersOnTheSourceGiveNoFalseAlarm(long seed) {
        Random random = new Random(seed);
        ReplicationPlan plan = Simulation.plan(
                ReplicationPlan.ENDLESS, random.nextLong(SECOND_NANOS), false, random.nextBoolean(), LARGE);
        Simulation sim = new Simulation(seed, settings, Simulation.verifying(plan, 1 + random.nextLong(SECOND_NANOS)));
        sim.fillDisks(3);
        sim.runUntil("the initial sync", 120, () -> sim.server.committedEpoch() == 1);
        for (int i = 0; i < 400; i++) {
            sim.mutate(3);
            long untilNanos = sim.nanoTime() + random.nextLong(100_000_000);
            sim.runUntil("the next change", 10, () -> sim.nanoTime() >= untilNanos);
            if (random.nextInt(60) == 0) {
                sim.server.cut();
            }
        }
        sim.runUntil("a verification", 120, () -> verified(sim).verifications() > 0);
        assertThat(sim.server.verifiedBytes).isGreaterThan(LARGE.sizeBytes() / 2);
        assertThat(verified(sim).differingBytes()).as("seed %d", seed).isZero();
        assertThat(sim.events).noneMatch(event -> event.text().contains("is not what was sent"));
    }

    /** As long as an acknowledgement is awaited nothing is verified, and the next epoch may go before it. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void aBlockThatHasChangedIsComparedAfterTheNextCommit(long seed) {
        settings.acknowledgesAtOnce = true;
        Simulation sim = verifying(seed, ReplicationPlan.ENDLESS, 1000 * SECOND_NANOS, ROOT);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        sim.disks.getFirst()[5] ^= 1;
        sim.runUntil("the first round", 60, () -> verified(sim).equalBytes() == ROOT.sizeBytes() - BLOCK);
        sim.server.volumes.getFirst().rot(BLOCK + 1);
        untilCommit(sim, 2);
        sim.runUntil("the second round", 60, () -> verified(sim).verifications() == 1);
        assertThat(verified(sim).equalBytes()).isEqualTo(ROOT.sizeBytes());
    }

    @Test
    void anEpochThatIsDueGoesBeforeAVerification() {
        Simulation sim = verifying(ReplicationPlan.ENDLESS, SECOND_NANOS, LARGE);
        sim.runUntil("the initial sync", 120, () -> sim.server.committedEpoch() == 1);
        sim.readMillisMax = 200;
        sim.runUntil("a verification", 60, () -> sim.server.verifiedBytes > 0);
        assertThat(sim.replication().report().phase()).isEqualTo(AgentReport.Phase.VERIFYING);
        long verified = sim.server.verifiedBytes;
        assertThat(verified).isLessThan(LARGE.sizeBytes());
        sim.readMillisMax = 1;
        sim.server.requestCommit(0);
        untilCommit(sim, 2);
        assertThat(sim.server.verifiedBytes).isLessThan(LARGE.sizeBytes());
        sim.runUntil("the rest", 300, () -> verified(sim).verifications() == 1);
        assertThat(verified(sim).equalBytes()).isEqualTo(LARGE.sizeBytes());
    }

    /** Between two rounds, as a block of each disk has changed; one difference is told. */
    private Simulation betweenRounds(ReplicationPlan.Disk... disks) {
        settings.acknowledgesAtOnce = true;
        ReplicationPlan plan = Simulation.plan(ReplicationPlan.ENDLESS, 5 * SECOND_NANOS, false, false, disks);
        Simulation sim = new Simulation(4711, settings, Simulation.verifying(plan, 1000 * SECOND_NANOS));
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.committedEpoch() == 1);
        sim.server.volumes.getFirst().rot(4 * BLOCK);
        long unequalBytes = BLOCK;
        for (int disk = 0; disk < disks.length; disk++) {
            sim.scribbleAt(disk, 0);
            unequalBytes += BLOCK;
        }
        long wanted =
                Arrays.stream(disks).mapToLong(ReplicationPlan.Disk::sizeBytes).sum() - unequalBytes;
        sim.runUntil("the first round", 5, () -> verified(sim).equalBytes() == wanted);
        return sim;
    }

    private static void grow(Simulation sim) {
        int grownBytes = sim.disks.getFirst().length + MIB;
        sim.resize(0, grownBytes);
        sim.server.resize(0, grownBytes);
    }

    @Test
    void aDiskThatGrowsBetweenRoundsIsVerifiedAnew() {
        Simulation sim = betweenRounds(ROOT);
        grow(sim);
        sim.runUntil("the verification", 60, () -> verified(sim).verifications() == 1);
        assertThat(verified(sim).equalBytes()).isEqualTo(ROOT.sizeBytes() + MIB - BLOCK);
        assertThat(verified(sim).leftBytes()).isZero();
        assertThat(sim.events).anyMatch(event -> event.text().contains("/dev/sda: its verification is given up"));
    }

    @Test
    void differencesOfADiskAreToldAlsoAfterAnotherHasGrown() {
        Simulation sim = betweenRounds(ROOT, LARGE);
        grow(sim);
        untilCommit(sim, 2);
        sim.server.volumes.get(1).rot(0);
        sim.runUntil("the verification", 60, () -> verified(sim).verifications() == 1);
        assertThat(sim.events)
                .filteredOn(event -> event.kind() == AgentEvent.Kind.WARNING)
                .extracting(AgentEvent::text)
                .anyMatch(text -> text.contains("/dev/sda: 65536 bytes at byte 262144"))
                .anyMatch(text -> text.contains("/dev/sdb: 65536 bytes at byte 0"));
    }

    @Test
    void serverThatDoesNotCompareIsToldOnce() {
        settings.comparesHashes = false;
        Simulation sim = verifying(0, SECOND_NANOS, ROOT);
        sim.runToEnd(60);
        assertThat(Objects.requireNonNull(sim.outcome).exit()).isEqualTo(AgentOutcome.Exit.DONE);
        assertThat(sim.events).anyMatch(event -> event.text().contains("does not compare hashes"));
    }
}
