package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.volume.BlockDevice;
import org.replicationserver.volume.Mark;
import org.replicationserver.volume.testing.ForwardingDevice;

/** What a volume is that was opened, extended or put in the place of another one, and what its agent is told of it. */
final class DataGenerationTest {
    /** A device with what the system would tell of it. */
    private final class ToldDevice extends ForwardingDevice {
        ToldDevice(BlockDevice device) {
            super(device);
        }

        @Override
        public @Nullable String physicalId() {
            return physicalId;
        }

        @Override
        public Mark mark() {
            return mark;
        }

        @Override
        public boolean isKnownZero() {
            return knownZero;
        }
    }

    private @Nullable String physicalId = "inode=1";
    private Mark mark = Mark.NOT_KEPT;
    private boolean knownZero;
    private final SessionWorld world = new SessionWorld(1, SessionWorld.settings(1 << 30, 1L << 30), ToldDevice::new);

    private void reopen() {
        world.sessions.unassign(SessionWorld.SOURCE);
        world.writeAll();
        assign(SessionWorld.VOLUME_BYTES);
    }

    private static VolumeAssignment assigned(String path) {
        return new VolumeAssignment("vol-0", "/dev/sd0", Path.of(path), SessionWorld.VOLUME_BYTES, false);
    }

    /** This server had it before, with this record, then another one, which reported that. */
    private void comeBack(@Nullable VolumeRecord here, VolumeRecord told) {
        world.sessions.unassign(SessionWorld.SOURCE);
        world.writeAll();
        world.stored.remove(SessionWorld.SOURCE);
        if (here != null) {
            world.stored.put(
                    SessionWorld.SOURCE,
                    SourceRecord.initial().withGeneration(1).withVolume("vol-0", here));
        }
        world.assign(
                new SourceAssignment(SessionWorld.SOURCE, List.of(assigned("vol-0"))),
                SourceRecord.initial().withGeneration(5).withVolume("vol-0", told));
    }

    private static final VolumeRecord OTHER = new VolumeRecord("a".repeat(32), Origin.NEW_VOLUME, null);
    private static final VolumeRecord TOLD = new VolumeRecord("b".repeat(32), Origin.NEW_VOLUME, null);

    private Welcome.Volume welcomedWithWhatWasTold() {
        return welcomed(new Hello.Remembered(5, List.of(new Hello.RememberedDisk("/dev/sd0", TOLD.dataGen(), 0))));
    }

    @Test
    void deviceThatIsKnownHereWithOlderContentIsNotResumedWhenItsSourceServerComesBack() {
        comeBack(OTHER.opened(assigned("vol-0"), "inode=1"), TOLD);
        Welcome.Volume volume = welcomedWithWhatWasTold();
        assertThat(volume.reason()).isEqualTo("VOLUME_REPLACED");
        assertThat(volume.dataGen()).isNotEqualTo(TOLD.dataGen());
        assertThat(recorded().staleId()).as("it is judged once").isNull();
    }

    /** What it told is stored before the device is there. */
    @Test
    void deviceWithOlderContentIsKnownThoughItComesAfterARestart() {
        world.closed.put("vol-0", new VolumeHost.Availability.Unavailable("not there", true));
        comeBack(OTHER.opened(assigned("vol-0"), "inode=1"), TOLD);
        SourceRecord stored = world.record();
        assertThat(stored.volumes().get("vol-0"))
                .extracting(VolumeRecord::staleId)
                .isEqualTo("inode=1");
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        world.closed.clear();
        assign(SessionWorld.VOLUME_BYTES);
        assertThat(welcomedWithWhatWasTold().reason()).isEqualTo("VOLUME_REPLACED");
    }

    @Test
    void deviceThatHadTheSameContentHereResumes() {
        comeBack(TOLD.opened(assigned("vol-0"), "inode=1"), TOLD);
        assertThat(welcomedWithWhatWasTold().action()).isEqualTo(Welcome.Action.RESUME);
    }

    @Test
    void anotherDeviceThanTheOneWithTheSameContentIsNotResumed() {
        comeBack(TOLD.opened(assigned("vol-0"), "inode=2"), TOLD);
        assertThat(welcomedWithWhatWasTold().reason()).isEqualTo("VOLUME_REPLACED");
    }

    /** Somebody has prepared it. */
    @Test
    void imageThatNoServerHasHadIsNotWhatAnotherServerReported() {
        mark = Mark.ABSENT;
        comeBack(null, TOLD);
        assertThat(world.told).contains("replaced vol-0: not known here, inode=1");
        assertThat(welcomedWithWhatWasTold().reason()).isEqualTo("VOLUME_REPLACED");
    }

    @Test
    void volumeThatHasItsMarkIsWhatAnotherServerReported() {
        mark = Mark.PRESENT;
        comeBack(null, TOLD);
        assertThat(welcomedWithWhatWasTold().action()).isEqualTo(Welcome.Action.RESUME);
    }

    @Test
    void deviceThatTellsNothingIsAnotherOneUnderAnotherPath() {
        Welcome.Volume first = welcomed(null);
        physicalId = null;
        world.assign(new SourceAssignment(SessionWorld.SOURCE, List.of(assigned("loop"))), null);
        world.writeAll();
        assertThat(world.told).contains("replaced vol-0: inode=1, path=loop");
        assertThat(welcomed(memoryOf(first)).reason()).isEqualTo("VOLUME_REPLACED");
        assertThat(recorded().physicalId()).isNull();
    }

    @Test
    void faultAfterTheRecordOfAReplacedVolumeIsTold() {
        welcomed(null);
        physicalId = null;
        world.mistakes.add("begun anew vol-0");
        world.assign(new SourceAssignment(SessionWorld.SOURCE, List.of(assigned("loop"))), null);
        world.writeAll();
        assertThat(world.told).containsOnlyOnce(AssignmentFaultTest.FAULT);
    }

    private void assign(long sizeBytes) {
        world.assign(
                new SourceAssignment(
                        SessionWorld.SOURCE,
                        List.of(new VolumeAssignment("vol-0", "/dev/sd0", Path.of("vol-0"), sizeBytes, false))),
                null);
        world.writeAll();
    }

    private Welcome.Volume welcomed(Hello.@Nullable Remembered remembers) {
        TestAgent agent = world.connect().hello(1, 1, TestAgent.FIRST_AGENT, remembers);
        Welcome.Volume volume = agent.welcome().volumes().getFirst();
        agent.cut();
        world.writeAll();
        return volume;
    }

    private VolumeRecord recorded() {
        return Objects.requireNonNull(world.record().volumes().get("vol-0"));
    }

    private static Hello.Remembered memoryOf(Welcome.Volume volume) {
        return new Hello.Remembered(9, List.of(new Hello.RememberedDisk("/dev/sd0", volume.dataGen(), 0)));
    }

    @Test
    void volumeThatIsOpenedAgainResumes() {
        Welcome.Volume first = welcomed(null);
        reopen();
        assertThat(welcomed(memoryOf(first)).action()).isEqualTo(Welcome.Action.RESUME);
    }

    @Test
    void anotherDeviceInThePlaceOfAVolumeIsNoticedAndRescanned() {
        Welcome.Volume first = welcomed(null);
        physicalId = "inode=2";
        reopen();
        assertThat(world.told).contains("replaced vol-0: inode=1, inode=2");
        Welcome.Volume again = welcomed(memoryOf(first));
        assertThat(again.reason()).isEqualTo("VOLUME_REPLACED");
        assertThat(again.dataGen()).isNotEqualTo(first.dataGen());
        assertThat(recorded().physicalId()).isEqualTo("inode=2");
        reopen();
        assertThat(welcomed(memoryOf(again)).action()).as("that one again").isEqualTo(Welcome.Action.RESUME);
    }

    /** A server that replaces this one knows nothing else. */
    @Test
    void whateverMakesAnAgentsMemoryWorthlessIsToldOnceItIsStoredAndBeforeAnySession() {
        welcomed(null);
        assertThat(world.needed).as("nothing is remembered of what is new").isEmpty();

        physicalId = "inode=2";
        reopen();
        assertThat(world.needed).hasSize(1);
        assertThat(world.needed.getLast().volumes().get("vol-0")).isEqualTo(recorded());

        world.holdStores();
        world.sessions.rescan(SessionWorld.SOURCE, Set.of("vol-0"));
        world.settle();
        assertThat(world.needed).as("not stored yet").hasSize(1);
        world.storeRecords();
        assertThat(world.needed).hasSize(2);
        assertThat(world.needed.getLast().volumes().get("vol-0")).isEqualTo(recorded());
    }

    @Test
    void deviceThatIsNotToldFromOthersIsNoOtherOne() {
        Welcome.Volume first = welcomed(null);
        physicalId = null;
        reopen();
        assertThat(welcomed(memoryOf(first)).action()).isEqualTo(Welcome.Action.RESUME);
        physicalId = "inode=2";
        reopen();
        assertThat(welcomed(memoryOf(first)).reason())
                .as("what was told last counts")
                .isEqualTo("VOLUME_REPLACED");
    }

    @Test
    void recordOfAnOlderVersionTakesTheDeviceThatIsThere() {
        VolumeRecord old = new VolumeRecord("a".repeat(32), Origin.NEW_VOLUME, null);
        world.sessions.unassign(SessionWorld.SOURCE);
        world.settle();
        world.stored.put(SessionWorld.SOURCE, SourceRecord.initial().withVolume("vol-0", old));
        assign(SessionWorld.VOLUME_BYTES);
        assertThat(world.told).contains("vol-0 held nobody knows what");
        assertThat(recorded()).isEqualTo(old.opened(assigned("vol-0"), "inode=1"));
    }

    /** A restarted agent remembers nothing, so only the volume can tell. */
    @Test
    void volumeThatWasWrittenAndHasNoRecordIsNotNew() {
        mark = Mark.PRESENT;
        reopen();
        assertThat(welcomed(null).reason()).isEqualTo("STATE_LOST");
    }

    /** As it usually does after a start. */
    @Test
    void volumeThatWasWrittenIsNotNewEitherWhereTheHelloComesBeforeItIsOpen() {
        mark = Mark.PRESENT;
        assertThat(welcomedWhileOpening(null).reason()).isEqualTo("STATE_LOST");
        assertThat(recorded().origin()).isEqualTo(Origin.STATE_LOST);
    }

    /** What a volume turned out to be when it was opened, after the HELLO, must outlive a crash as the generation does. */
    @Test
    void welcomeWaitsUntilWhatWasFoundOfAVolumeIsStored() {
        world.sessions.unassign(SessionWorld.SOURCE);
        world.writeAll();
        mark = Mark.PRESENT;
        world.holdOpens();
        assign(SessionWorld.VOLUME_BYTES);
        TestAgent agent = world.connect().hello(1, 1);
        assertThat(recorded().origin()).as("as the HELLO found it").isEqualTo(Origin.NEW_VOLUME);
        world.holdStores();
        world.openDevices();
        assertThat(agent.has(FrameType.WELCOME)).isFalse();
        world.storeRecords();
        assertThat(agent.welcome().volumes().getFirst().reason()).isEqualTo("STATE_LOST");
        assertThat(recorded().origin()).isEqualTo(Origin.STATE_LOST);
    }

    /** It is believed to be fresh as long as nobody knows that it was written. */
    @Test
    void volumeThatAnAgentKnowsIsNotFreshWhereTheHelloComesBeforeItIsOpen() {
        knownZero = true;
        Hello.Remembered remembers =
                new Hello.Remembered(9, List.of(new Hello.RememberedDisk("/dev/sd0", "a".repeat(32), 3)));
        Welcome.Volume volume = welcomedWhileOpening(remembers);
        assertThat(volume.reason()).isEqualTo("STATE_LOST");
        assertThat(volume.fresh()).isFalse();
        assertThat(world.writer(0).isFresh()).isFalse();
    }

    @Test
    void volumeThatIsMarkedButEmptyStaysNew() {
        mark = Mark.PRESENT;
        knownZero = true;
        assertThat(welcomedWhileOpening(null).reason()).isEqualTo("NEW_VOLUME");
        assertThat(world.writer(0).isFresh()).isTrue();
    }

    /** There it is the session that made it not empty. */
    @Test
    void volumeThatASessionHasWrittenToKeepsItsOrigin() {
        TestAgent agent = world.connect().hello(1, 1);
        world.connect().attach(agent.welcome().generation(), 0);
        agent.openEpoch(1);
        agent.cut();
        mark = Mark.PRESENT;
        reopen();
        assertThat(recorded().origin()).isEqualTo(Origin.NEW_VOLUME);
    }

    private Welcome.Volume welcomedWhileOpening(Hello.@Nullable Remembered remembers) {
        world.sessions.unassign(SessionWorld.SOURCE);
        world.writeAll();
        world.holdOpens();
        assign(SessionWorld.VOLUME_BYTES);
        TestAgent agent = world.connect().hello(1, 1, TestAgent.FIRST_AGENT, remembers);
        assertThat(agent.has(FrameType.WELCOME)).isFalse();
        world.openDevices();
        return agent.welcome().volumes().getFirst();
    }

    @Test
    void volumeThatNobodyHadIsNew() {
        assertThat(welcomed(null).reason()).isEqualTo("NEW_VOLUME");
    }

    @Test
    void imageOfAVolumeThatWasWrittenIsExtendedOnlyFromTheSizeThatItHad() {
        assertThat(world.told).contains("vol-0 held 0");
        Welcome.Volume first = welcomed(null);
        world.told.clear();
        assign(2L * SessionWorld.VOLUME_BYTES);
        assertThat(world.told)
                .containsSubsequence("close vol-0", "closed vol-0", "vol-0 held " + SessionWorld.VOLUME_BYTES);
        assign(SessionWorld.VOLUME_BYTES);
        assertThat(welcomed(memoryOf(first)).action())
                .as("neither growing nor shrinking is another content")
                .isEqualTo(Welcome.Action.RESUME);
    }

    /** Its writer is still the one of the smaller volume when the HELLO comes. */
    @Test
    void imageThatGrowsBeforeItsFirstSessionIsExtendedFromTheSizeThatItHas() {
        world.assign(two(SessionWorld.VOLUME_BYTES / 2), null);
        world.connect().hello(1, 1).welcome();
        world.assign(two(SessionWorld.VOLUME_BYTES), null);
        TestAgent grown = world.connect().hello(1, 2);
        world.writeAll();
        assertThat(grown.welcome().volumes()).extracting(Welcome.Volume::action).doesNotContain(Welcome.Action.FAILED);
        assertThat(Objects.requireNonNull(world.record().volumes().get("vol-1")).heldBytes())
                .isEqualTo(SessionWorld.VOLUME_BYTES);
    }

    /** A second disk, of this size. */
    private static SourceAssignment two(long sizeBytes) {
        return new SourceAssignment(
                SessionWorld.SOURCE,
                List.of(
                        new VolumeAssignment("vol-0", "/dev/sd0", Path.of("vol-0"), SessionWorld.VOLUME_BYTES, false),
                        new VolumeAssignment("vol-1", "/dev/sd1", Path.of("vol-1"), sizeBytes, false)));
    }

    @Test
    void helloIsToldWhichOfItsDisksIsNotAsAssigned() {
        SessionWorld three = new SessionWorld(2);
        TestAgent unknown = three.connect().hello(1, 3);
        assertThat(unknown.errors()).containsExactly(ErrorCode.FORBIDDEN);
        assertThat(errorOf(unknown).volume()).isEqualTo(2);

        List<VolumeAssignment> volumes = new ArrayList<>();
        volumes.add(new VolumeAssignment("vol-0", "/dev/sd0", Path.of("vol-0"), SessionWorld.VOLUME_BYTES, false));
        volumes.add(new VolumeAssignment("vol-1", "/dev/sd1", Path.of("vol-1"), 512, false));
        three.assign(new SourceAssignment(SessionWorld.SOURCE, volumes), null);
        TestAgent larger = three.connect().hello(1, 2);
        assertThat(larger.errors()).containsExactly(ErrorCode.RANGE);
        assertThat(errorOf(larger).volume()).isEqualTo(1);
        assertThat(errorOf(larger).text()).contains("/dev/sd1 has", "assigned are 512");
    }

    private static ErrorBody errorOf(TestAgent agent) {
        try {
            return ErrorBody.parse(agent.last(FrameType.ERROR));
        } catch (ProtocolException e) {
            throw new AssertionError(e);
        }
    }
}
