package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Disks that come, go, grow and shrink under a running agent, against the server model in virtual time. */
class DiskChangeTest {
    private static final int BLOCK = BlockLayout.BLOCK_BYTES;
    private static final int MIB = 1 << 20;
    private static final ReplicationPlan.Disk ROOT = new ReplicationPlan.Disk("/dev/sda", 3 * MIB + 1536, 512);
    private static final ReplicationPlan.Disk DATA = new ReplicationPlan.Disk("/dev/sdb", 2 * MIB, 512);

    private final Simulation sim = synced(false, ROOT, DATA);

    /** Cycles without an end, and a first one that is committed. */
    private static Simulation synced(boolean marked, ReplicationPlan.Disk... disks) {
        return synced(2, marked, disks);
    }

    private static Simulation synced(long pauseSeconds, boolean marked, ReplicationPlan.Disk... disks) {
        Simulation sim = new Simulation(
                1,
                new ModelServer.Settings(),
                Simulation.plan(
                        ReplicationPlan.ENDLESS, TimeUnit.SECONDS.toNanos(pauseSeconds), !marked, marked, disks));
        sim.hidden = marked;
        sim.fillDisks(0);
        sim.runUntil("the initial sync", 60, () -> sim.server.wholeCommits == 1);
        return sim;
    }

    private long received() {
        return sim.server.dataBytesReceived;
    }

    private void awaitCommits(int more) {
        awaitCommits(sim, more);
    }

    private static void awaitCommits(Simulation sim, int more) {
        long epoch = sim.server.committedEpoch() + more;
        sim.runUntil("commits", 60, () -> sim.server.committedEpoch() >= epoch);
    }

    private AgentReport.Disk disk(int number) {
        return sim.replication().report().disks().get(number);
    }

    private void awaitWholeCommit() {
        long commits = sim.server.wholeCommits;
        sim.runUntil("a commit of all disks", 120, () -> sim.server.wholeCommits > commits + 1);
    }

    private void assertTold(String... parts) {
        assertThat(sim.events)
                .extracting(AgentEvent::text)
                .anySatisfy(text -> assertThat(text).contains(parts));
    }

    private void assertNothingRescanned() {
        assertThat(sim.server.offeredBytes).isZero();
        assertThat(sim.events)
                .extracting(AgentEvent::text)
                .filteredOn(text -> text.contains("sends everything"))
                .hasSize(2);
    }

    @Test
    void ofAGrownDiskOnlyTheNewPartIsSent() {
        long before = received();
        sim.resize(1, 4 * MIB + 512);
        sim.server.resize(1, 4 * MIB + 512);
        awaitWholeCommit();
        assertThat(received() - before).isEqualTo(2 * MIB + 512);
        assertThat(sim.isIdentical()).isTrue();
        assertTold("/dev/sdb: has grown from 2097152 to 4194816 bytes");
        assertNothingRescanned();
    }

    @Test
    void whatIsNewDoesNotWaitForTheNextCycle() {
        Simulation resting = synced(36_000, false, ROOT, DATA);
        resting.resize(1, 3 * MIB);
        resting.server.resize(1, 3 * MIB);
        resting.runUntil("what has grown", 10, () -> resting.server.wholeCommits == 2);
        resting.server.assign(1, false);
        resting.runFor(5);
        resting.scribbleAt(1, 0);
        resting.cycleNow();
        resting.runUntil("a cycle without it", 10, () -> resting.server.committedEpoch() == 3);
        resting.server.assign(1, true);
        resting.runUntil("what was left out", 10, () -> resting.server.committedEpoch() == 4);
        assertThat(resting.isIdentical()).isTrue();
    }

    @Test
    void theBlockInWhichTheOldEndWasIsSentWithTheNewPart() {
        long before = received();
        sim.resize(0, 4 * MIB);
        sim.server.resize(0, 4 * MIB);
        awaitWholeCommit();
        assertThat(received() - before).isEqualTo(MIB);
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void diskThatHasGrownBeforeItsAssignmentWaitsAndTheOthersGoOn() {
        long before = received();
        sim.resize(1, 3 * MIB);
        awaitCommits(2);
        assertTold("/dev/sdb: the server refuses it: 3145728 bytes, assigned are 2097152", "./run assign");
        assertThat(received()).isEqualTo(before);
        sim.scribbleAt(0, 5 * BLOCK);
        awaitCommits(2);
        assertThat(received() - before).as("the other disk").isEqualTo(BLOCK);
        assertThat(sim.server.wholeCommits).as("commits of all disks").isEqualTo(1);
        assertThat(sim.server.refusedHellos).as("offers in about 8 s").isBetween(1, 4);

        sim.server.resize(1, 3 * MIB);
        awaitWholeCommit();
        assertThat(received() - before).isEqualTo(BLOCK + MIB);
        assertThat(sim.isIdentical()).isTrue();
        assertNothingRescanned();
    }

    @Test
    void diskThatGrowsAfterItsAssignmentIsTakenInWithoutBeingAskedFor() {
        sim.server.resize(1, 3 * MIB);
        awaitCommits(2);
        assertTold("/dev/sdb", "assigned are 3145728");
        long before = received();
        sim.resize(1, 3 * MIB);
        awaitWholeCommit();
        assertThat(received() - before).isEqualTo(MIB);
        assertThat(sim.isIdentical()).isTrue();
        assertNothingRescanned();
    }

    @Test
    void diskThatGrewWithoutASessionIsNotAskedForByItsOldSize() {
        sim.server.cut();
        sim.server.goDown();
        sim.resize(1, 3 * MIB);
        sim.server.resize(1, 3 * MIB);
        sim.runFor(3);
        sim.server.comeUp();
        awaitWholeCommit();
        assertThat(sim.server.refusedHellos).isZero();
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void changesOfAnUnsettledSessionAreKeptWhenADiskGrows() {
        sim.scribbleAt(1, 0);
        sim.scribbleAt(1, MIB);
        sim.server.stalled = true;
        awaitSent(2 * BLOCK);
        sim.server.cut();
        sim.resize(1, 3 * MIB);
        sim.server.resize(1, 3 * MIB);
        awaitWholeCommit();
        assertThat(sim.isIdentical()).isTrue();
    }

    private void awaitSent(long bytes) {
        long until = received() + bytes;
        sim.runUntil("sent", 60, () -> received() >= until);
    }

    @Test
    void shrunkDiskIsToldAndTheOthersGoOn() {
        sim.resize(1, MIB);
        sim.scribbleAt(0, 0);
        long before = received();
        awaitCommits(2);
        assertTold("/dev/sdb: has shrunk from 2097152 to 1048576 bytes");
        assertTold("/dev/sdb: the server refuses it: 1048576 bytes, assigned are 2097152");
        assertThat(received() - before).isEqualTo(BLOCK);
        assertThat(sim.outcome).isNull();
    }

    @Test
    void onlyDiskOfAnotherSizeWaitsWithBoundedPausesForItsAssignment() {
        Simulation one = synced(false, DATA);
        one.resize(0, 3 * MIB);
        one.runFor(1800);
        assertThat(one.outcome).isNull();
        assertThat(one.server.refusedHellos).isBetween(30, 200);
        assertThat(one.events)
                .extracting(AgentEvent::text)
                .filteredOn(text -> text.contains("./run assign"))
                .as("told once")
                .hasSize(1);
        long before = one.server.dataBytesReceived;
        one.server.resize(0, 3 * MIB);
        awaitCommits(one, 1);
        assertThat(one.server.dataBytesReceived - before).isEqualTo(MIB);
        assertThat(one.isIdentical()).isTrue();
    }

    @Test
    void whereNoDiskIsLeftEachIsToldWithItsReason() {
        sim.server.assign(1, false);
        sim.resize(0, 5 * MIB);
        sim.runFor(60);
        assertTold(
                "no disk can be replicated: ",
                "/dev/sda: the server refuses it: ",
                "/dev/sdb: the server refuses it: not assigned");
    }

    @Test
    void diskWhoseAssignmentGoesAndComesAgainResumes() {
        long before = received();
        sim.server.assign(1, false);
        sim.scribbleAt(0, 0);
        sim.scribbleAt(1, 0);
        awaitCommits(2);
        assertTold("/dev/sdb: the server refuses it: not assigned", "the others go on");
        assertThat(received() - before).as("of the other disk").isEqualTo(BLOCK);
        sim.server.assign(1, true);
        awaitWholeCommit();
        assertThat(received() - before).isEqualTo(2 * BLOCK);
        assertThat(sim.replication().report().bytesResent()).isZero();
        assertThat(sim.isIdentical()).isTrue();
        assertNothingRescanned();
    }

    @Test
    void diskThatIsAssignedLaterIsAwaited() {
        Simulation later = new Simulation(
                1,
                new ModelServer.Settings(),
                Simulation.plan(ReplicationPlan.ENDLESS, TimeUnit.SECONDS.toNanos(2), true, false, ROOT, DATA));
        later.fillDisks(0);
        later.server.assign(1, false);
        later.runUntil("commits of the other disk", 60, () -> later.server.committedEpoch() >= 2);
        later.server.assign(1, true);
        awaitCommits(later, 2);
        assertThat(later.isIdentical()).isTrue();
    }

    @Test
    void agentWithoutAnyAssignedDiskEnds() {
        Simulation none = new Simulation(
                1, new ModelServer.Settings(), Simulation.plan(ReplicationPlan.ENDLESS, true, false, ROOT, DATA));
        none.server.assign(0, false);
        none.server.assign(1, false);
        none.runToEnd(60);
        assertThat(Objects.requireNonNull(none.outcome).exit()).isEqualTo(AgentOutcome.Exit.FORBIDDEN);
    }

    @Test
    void agentWhoseDisksAreAllTakenAwayWaits() {
        sim.server.assign(0, false);
        sim.server.assign(1, false);
        sim.runFor(600);
        assertThat(sim.outcome).isNull();
        sim.server.assign(0, true);
        sim.server.assign(1, true);
        awaitWholeCommit();
        assertNothingRescanned();
    }

    @Test
    void diskThatIsGoneIsLeftOutUntilItIsThereAgain() {
        sim.gone.add(1);
        sim.scribbleAt(0, 0);
        sim.scribbleAt(1, BLOCK);
        long before = received();
        awaitCommits(2);
        assertTold("/dev/sdb: it cannot be read: the disk is gone", "the others go on");
        assertThat(received() - before).isEqualTo(BLOCK);
        sim.gone.clear();
        awaitWholeCommit();
        assertTold("/dev/sdb: can be read again");
        assertThat(received() - before).isEqualTo(2 * BLOCK);
        assertThat(sim.isIdentical()).isTrue();
        assertNothingRescanned();
    }

    @Test
    void agentWithoutAnyReadableDiskEnds() {
        sim.gone.add(0);
        awaitCommits(1);
        sim.gone.add(1);
        sim.runToEnd(60);
        assertThat(Objects.requireNonNull(sim.outcome).exit()).isEqualTo(AgentOutcome.Exit.SOURCE_FAILED);
        assertThat(sim.outcome.text()).contains("/dev/sda: ", "/dev/sdb: ", "the disk is gone");
    }

    /** What was claimed for a read that failed must not count as sent. */
    @Test
    void blocksOfAFailedReadAreSentWhenTheDiskCanBeReadAgain() {
        for (int at = 0; at < DATA.sizeBytes(); at += BLOCK) {
            sim.scribbleAt(1, at);
        }
        sim.scribbleAt(0, 0);
        sim.unreadable = 1;
        sim.runUntil("a read fails", 10, () -> disk(1).failure() != null);
        assertThat(disk(1).settledBytes()).as("none of it was read").isZero();
        awaitCommits(2);
        assertTold("/dev/sdb: it cannot be read: the disk is gone", "the others go on");
        assertThat(sim.isIdentical()).isFalse();
        sim.unreadable = -1;
        awaitWholeCommit();
        assertThat(sim.isIdentical()).isTrue();
        assertThat(sim.frames.held()).isZero();
    }

    @Test
    void diskThatCannotBeReadKeepsItsPauseWhileTheOnlyOtherIsRefused() {
        Simulation marked = synced(true, ROOT, DATA);
        marked.server.assign(0, false);
        marked.unreadable = 1;
        int freezes = marked.freezes;
        marked.runFor(600);
        assertThat(marked.outcome).isNull();
        assertThat(marked.freezes - freezes)
                .as("tries, of which one a minute is allowed")
                .isBetween(5, 12);
        marked.unreadable = -1;
        marked.server.assign(0, true);
        marked.runUntil("a commit of both", 120, () -> marked.server.wholeCommits > 1);
        assertThat(marked.isIdentical()).isTrue();
    }

    @Test
    void diskThatDoesNotAnswerALookIsLeftOutAndTheOthersGoOn() {
        sim.runFor(10); // until all blocks are acknowledged
        sim.silent.add(1);
        sim.server.cut();
        sim.scribbleAt(0, 0);
        sim.scribbleAt(1, BLOCK);
        long before = received();
        awaitCommits(3);
        assertToldOnce("/dev/sdb: it does not answer: not within 10 s; this disk is left out and the others go on");
        assertThat(received() - before).isEqualTo(BLOCK);
        sim.silent.clear();
        awaitWholeCommit();
        assertTold("/dev/sdb: can be read again");
        assertThat(received() - before).isEqualTo(2 * BLOCK);
        assertThat(sim.isIdentical()).isTrue();
        assertNothingRescanned();
    }

    @Test
    void diskThatDoesNotAnswerAnOpeningIsLeftOutAndTheOthersGoOn() {
        sim.silent.add(1);
        awaitCommits(3);
        assertThat(sim.server.sessions).as("without a cut").isEqualTo(2);
        assertToldOnce("/dev/sdb: it does not answer");
        sim.silent.clear();
        awaitWholeCommit();
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void agentNoneOfWhoseDisksAnswersLooksAgainWithBoundedPauses() {
        sim.silent.add(0);
        sim.silent.add(1);
        sim.server.cut();
        int before = sim.looks;
        sim.runFor(600);
        assertThat(sim.outcome).isNull();
        assertThat(sim.looks - before).isBetween(10, 60);
        assertToldOnce("/dev/sda: it does not answer");
        sim.silent.clear();
        awaitWholeCommit();
        assertThat(sim.isIdentical()).isTrue();
    }

    @Test
    void snapshotThatDoesNotAnswerIsLeftOutUntilOneDoes() {
        Simulation marked = synced(true, ROOT, DATA);
        marked.silent.add(1);
        awaitCommits(marked, 3);
        marked.silent.clear();
        long whole = marked.server.wholeCommits;
        marked.runUntil("a commit of both", 60, () -> marked.server.wholeCommits > whole);
        marked.silent.add(0);
        marked.silent.add(1);
        marked.runFor(300);
        assertThat(marked.outcome).isNull();
        marked.silent.clear();
        long before = marked.server.wholeCommits;
        marked.runUntil("a commit after none did", 120, () -> marked.server.wholeCommits > before);
        assertThat(marked.isIdentical()).isTrue();
    }

    private void assertToldOnce(String part) {
        assertThat(sim.events)
                .extracting(AgentEvent::text)
                .filteredOn(text -> text.contains(part))
                .hasSize(1);
    }

    @Test
    void assignmentThatNoSessionHearsOfIsFoundInSeconds() {
        sim.server.assign(1, false);
        sim.runUntil("the refusal", 10, () -> sim.server.refusedHellos == 1);
        sim.server.assign(1, true);
        long commits = sim.server.wholeCommits;
        sim.runUntil("a commit of all disks", 15, () -> sim.server.wholeCommits > commits);
    }

    @Test
    void refusedDisksAreOfferedTogetherAndLessAndLessOften() {
        Simulation three = synced(false, ROOT, DATA, new ReplicationPlan.Disk("/dev/sdc", MIB, 512));
        three.server.assign(1, false);
        three.server.assign(2, false);
        three.runFor(300);
        assertThat(three.server.refusedHellos)
                .as("two for each offer, of which the last pauses are of minutes")
                .isBetween(2 * 3, 2 * 12);
        int before = three.server.refusedHellos;
        three.runFor(3600);
        assertThat(three.server.refusedHellos - before)
                .as("two for each offer, after pauses of 2 to 300 s")
                .isBetween(2 * 12, 2 * 50);
    }

    @Test
    void diskThatIsBackDoesNotWaitForTheNextCycle() {
        Simulation resting = synced(36_000, false, ROOT, DATA);
        resting.gone.add(1);
        resting.server.cut();
        resting.runUntil(
                "it is left out",
                10,
                () -> resting.replication().report().disks().get(1).failure() != null);
        resting.runFor(5);
        resting.scribbleAt(1, 0);
        resting.cycleNow();
        resting.runUntil("a cycle without it", 10, () -> resting.server.committedEpoch() == 2);
        resting.gone.clear();
        resting.server.cut();
        resting.runUntil("what was left out", 10, () -> resting.server.committedEpoch() == 3);
        assertThat(resting.isIdentical()).isTrue();
    }

    @Test
    void diskThatIsThereOnlyAtItsMarkIsTakenWithTheSizeThatItHasThen() {
        Simulation marked = synced(true, ROOT, DATA);
        marked.consistentCommits = true;
        long before = marked.server.dataBytesReceived;
        marked.runUntil("thawed", 10, () -> !marked.frozen);
        marked.resize(1, 3 * MIB);
        marked.server.resize(1, 3 * MIB);
        awaitCommits(marked, 2);
        assertThat(marked.server.dataBytesReceived - before).isEqualTo(MIB);
        assertThat(marked.isIdentical()).isTrue();
        assertThat(marked.freezes - marked.thaws).isBetween(0, 1);
    }
}
