package org.replicationserver.receiver.status;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.log.LoggedLines;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HeldLimit;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeId;

/** What an operator reads in the log of what sessions tell. */
class ServerEventsTest {
    private static final String SOURCE = "s-1";
    private static final String ADDRESS = "192.0.2.1:1";

    private final LoggedLines lines = LoggedLines.of("org.replicationserver.events");
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final ServerEvents events = new ServerEvents(meters, SessionClock.system());

    @AfterEach
    void stop() {
        lines.close();
    }

    private static Welcome.Volume volume(String id, Welcome.Action action, String reason) {
        return new Welcome.Volume(0, id, "/dev/sda", 512, 512, "gen", 0, false, action, reason);
    }

    @Test
    void openedSessionTellsHowEachDiskBegins() {
        events.sessionOpened(
                SOURCE,
                4,
                ADDRESS,
                2,
                List.of(
                        volume("vol-1", Welcome.Action.RESUME, "SAME_DATA"),
                        volume("vol-2", Welcome.Action.RESCAN, "NEW_VOLUME")));
        assertThat(lines.texts())
                .containsExactly("INFO session opened: source=s-1 generation=4 address=192.0.2.1:1 streams=2"
                        + " volumes=[vol-1:RESUME, vol-2:RESCAN:NEW_VOLUME]");
    }

    private void hello(ErrorCode code) {
        events.refused(SOURCE, ADDRESS, new ProtocolException(code, "text").toBody());
    }

    @Test
    void agentThatIsKeptWaitingIsToldOnceUntilSomethingElseIsWanted() {
        hello(ErrorCode.PAUSED);
        hello(ErrorCode.PAUSED);
        String waits = "INFO agent is kept waiting, which is not told again: source=s-1 address=192.0.2.1:1 text=text";
        assertThat(lines.texts()).containsExactly(waits);
        events.desired(SOURCE, DesiredState.STOPPED);
        hello(ErrorCode.PAUSED);
        assertThat(lines.texts()).containsExactly(waits, waits);
    }

    @Test
    void everyOtherRefusalIsAWarning() {
        hello(ErrorCode.FORBIDDEN);
        hello(ErrorCode.FORBIDDEN);
        assertThat(lines.texts())
                .hasSize(2)
                .containsOnly("WARN refused: source=s-1 address=192.0.2.1:1 code=FORBIDDEN text=text");
    }

    @Test
    void limitIsToldWithItsNumberAndOrigin() {
        events.bandwidthLimited(SOURCE, new HeldLimit(50, HeldLimit.Origin.BY_HAND));
        events.bandwidthLimited(null, new HeldLimit(0, HeldLimit.Origin.ASSIGNED));
        assertThat(lines.texts())
                .containsExactly(
                        "INFO bandwidth is limited from now on: source=s-1 mbps=50 origin=BY_HAND",
                        "INFO bandwidth is not limited from now on: source=all mbps=0 origin=ASSIGNED");
    }

    @Test
    void failureOfAVolumeIsToldByFactsAndOnlyThoseThatThereAre() {
        VolumeId id = new VolumeId("vol-1");
        events.volumeFailed(SOURCE, new VolumeFailure(id, "write", "/dev/sdb", 4096, 512, 5, "", "write failed: EIO"));
        events.volumeFailed(
                SOURCE, new VolumeFailure(id, "force", "/dev/sdb", 0, 0, 28, "no room", "force failed: ENOSPC"));
        assertThat(lines.texts())
                .containsExactly(
                        "ERROR volume failed: source=s-1 volume=vol-1 operation=write path=/dev/sdb offset=4096 length=512"
                                + " errno=EIO",
                        "ERROR volume failed: source=s-1 volume=vol-1 operation=force path=/dev/sdb errno=ENOSPC"
                                + " detail=no room");
    }

    @Test
    void whatIsComparedIsCountedAndOnlyWhatAVerificationFoundIsAnError() {
        int mib = 1 << 20;
        events.blocksCompared(SOURCE, new ComparedBlocks("vol-1", false, mib, 4L * mib, mib, 0));
        events.blocksCompared(SOURCE, new ComparedBlocks("vol-1", false, 65536, mib, 65536, 0));
        events.blocksCompared(SOURCE, new ComparedBlocks("vol-1", true, mib, 2L * mib, mib, mib));
        assertThat(lines.texts()).isEmpty();
        events.blocksCompared(SOURCE, new ComparedBlocks("vol-1", true, 65536, mib, 131072, mib + 65536));
        assertThat(lines.texts())
                .containsExactly("ERROR verification found blocks that are not what their agent sent: source=s-1"
                        + " volume=vol-1 offset=1114112 length=131072");
        assertThat(count("hash_offers", "false")).isEqualTo(2);
        assertThat(count("compared_bytes", "false")).isEqualTo(5 * mib);
        assertThat(count("equal_bytes", "false")).isEqualTo(4 * mib - 65536);
        assertThat(count("differing_bytes", "false")).isEqualTo(65536);
        assertThat(count("differing_bytes", "true")).isEqualTo(131072);
    }

    private double count(String name, String verified) {
        return meters.counter("replication_" + name, "verified", verified).count();
    }

    @Test
    void duplicateAgentsAreToldWithTheirKeys() {
        events.duplicateAgent(SOURCE, new RefusedAgent("i", ADDRESS, "sha256:a", "192.0.2.2:2", "sha256:a"));
        events.duplicateAgent(SOURCE, new RefusedAgent("i", ADDRESS, "sha256:a", "192.0.2.2:2", "sha256:b"));
        String end =
                ", the later is refused until `source accept-agents`: source=s-1 address=192.0.2.1:1 other=192.0.2.2:2";
        assertThat(lines.texts())
                .containsExactly(
                        "ERROR two agents take turns with the same key (a cloned machine?)" + end,
                        "ERROR two agents take turns with different keys (registered twice?; refused is sha256:a, the other is sha256:b)"
                                + end);
    }
}
