package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.replicationserver.receiver.session.OpenSession.open;
import static org.replicationserver.receiver.session.TestAgent.FIRST_AGENT;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.Welcome;

/** Whether an agent goes on where it was or sends everything again. */
class SourceSessionResumeTest {
    private static final String OTHER_AGENT = "1".repeat(32);

    /** What becomes of an agent's first disk whose memory ends with this generation and epoch. */
    private static String answerTo(OpenSession open, String instance, long generation, long committedEpoch) {
        String dataGen = open.control.welcome().volumes().getFirst().dataGen();
        Hello.Remembered remembered = new Hello.Remembered(
                generation, List.of(new Hello.RememberedDisk("/dev/sd0", dataGen, committedEpoch)));
        Welcome.Volume volume = open.world
                .connect()
                .hello(1, 1, instance, remembered)
                .welcome()
                .volumes()
                .getFirst();
        return volume.action() + " " + volume.reason();
    }

    @Test
    void agentThatRemembersTheSameDataGenerationResumes() {
        assertThat(answerTo(open(1, 1), FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
    }

    @Test
    void agentThatLostItsWelcomeResumes() {
        OpenSession open = open(1, 1);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
    }

    /** Another agent with the same certificate; with an epoch it may have written. */
    private static void sessionOfAnother(OpenSession open, boolean opensEpoch) {
        TestAgent other = open.world.connect().hello(1, 1, OTHER_AGENT, null);
        other.welcome();
        if (opensEpoch) {
            other.openEpoch(1);
        }
    }

    @Test
    void agentSendsEverythingAgainWhenAnotherMayHaveWrittenMeanwhile() {
        OpenSession open = open(1, 1);
        sessionOfAnother(open, true);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESCAN AGENT_BEHIND");
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).as("the WELCOME was lost").isEqualTo("RESCAN AGENT_BEHIND");
        assertThat(answerTo(open, FIRST_AGENT, 4, 0)).as("it arrived").isEqualTo("RESUME NONE");
    }

    /**
     * Two disks; another agent has written, and then the first agent comes, of whose second disk it cannot be told anything.
     *
     * @return what it is told of both when it comes again, and remembers the session in between
     */
    private static List<String> answersAfterASessionThatTold(int disks, boolean secondIsOpen) {
        OpenSession open = open(1, 2);
        List<Welcome.Volume> first = open.control.welcome().volumes();
        TestAgent other = open.world.connect().hello(1, 2, OTHER_AGENT, null);
        other.welcome();
        other.openEpoch(1);
        VolumeHost.Availability second = open.world.availability.get("vol-1");
        if (!secondIsOpen) {
            open.world.availability.put("vol-1", new VolumeHost.Availability.Unavailable("gone"));
        }
        Welcome between = open.world
                .connect()
                .hello(1, disks, FIRST_AGENT, rememberedOf(1, first))
                .welcome();
        assertThat(between.volumes().getFirst().reason()).isEqualTo("AGENT_BEHIND");
        open.world.availability.put("vol-1", second);
        return open
                .world
                .connect()
                .hello(1, 2, FIRST_AGENT, rememberedOf(between.generation(), first))
                .welcome()
                .volumes()
                .stream()
                .map(volume -> volume.action() + " " + volume.reason())
                .toList();
    }

    private static Hello.Remembered rememberedOf(long generation, List<Welcome.Volume> volumes) {
        return new Hello.Remembered(
                generation,
                volumes.stream()
                        .map(volume -> new Hello.RememberedDisk(volume.deviceName(), volume.dataGen(), 0))
                        .toList());
    }

    @Test
    void agentThatWasBehindIsToldSoOfADiskThatItDidNotName() {
        assertThat(answersAfterASessionThatTold(1, true)).containsExactly("RESUME NONE", "RESCAN AGENT_BEHIND");
    }

    @Test
    void agentThatWasBehindIsToldSoOfAVolumeThatWasNotOpen() {
        assertThat(answersAfterASessionThatTold(2, false)).containsExactly("RESUME NONE", "RESCAN AGENT_BEHIND");
    }

    @Test
    void sessionThatOpenedNoEpochLeavesTheMemoryOfOthersGood() {
        OpenSession open = open(1, 1);
        sessionOfAnother(open, false);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESUME NONE");
    }

    @Test
    void agentWhoseMemoryWentBackSendsEverythingAgain() {
        OpenSession open = open(1, 1);
        TestAgent second = open.world.connect().hello(1, 1, FIRST_AGENT, null);
        second.welcome();
        second.openEpoch(1);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESCAN AGENT_BEHIND");
    }

    @Test
    void agentThatMissesMoreThanTheAnswerToItsLastCommitSendsEverythingAgain() {
        OpenSession open = open(1, 1);
        commit(open, 1);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).as("the answer was lost").isEqualTo("RESUME NONE");
        open = open(1, 1);
        commit(open, 1);
        open.control.openEpoch(2);
        commit(open, 2);
        assertThat(answerTo(open, FIRST_AGENT, 1, 0)).isEqualTo("RESCAN AGENT_BEHIND");
    }

    private static void commit(OpenSession open, long epoch) {
        open.control.commit(epoch, open.stream(0).fence(epoch));
        assertThat(open.world.record().commit().epoch()).isEqualTo(epoch);
    }

    @Test
    void serverThatIsBehindTheAgentAsksForARescan() {
        assertThat(answerTo(open(1, 1), FIRST_AGENT, 1, 3)).isEqualTo("RESCAN EPOCH_BEHIND");
    }

    @Test
    void rememberedVolumeWithoutARecordIsALossOfState() {
        SessionWorld world = new SessionWorld(1);
        Hello.Remembered remembered =
                new Hello.Remembered(9, List.of(new Hello.RememberedDisk("/dev/sd0", "a".repeat(32), 3)));
        Welcome.Volume volume = world.connect()
                .hello(1, 1, "0".repeat(32), remembered)
                .welcome()
                .volumes()
                .getFirst();
        assertThat(volume.action()).isEqualTo(Welcome.Action.RESCAN);
        assertThat(volume.reason()).isEqualTo("STATE_LOST");
    }
}
