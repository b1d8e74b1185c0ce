package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestResult;

/** Which stage a speed test says to be the limit, and in which words. */
final class SpeedTestLimitTest {
    private static final long SECOND = 1000;
    private static final long GIB = 1L << 30;

    // a test of ten seconds that took 1 GiB, held up by nothing
    private long millis = 10 * SECOND;
    private TestResult.Waits serverWaits = new TestResult.Waits(0, 0, 0);
    private TestResult.Busy busy = new TestResult.Busy(3 * SECOND, 2 * SECOND);
    private List<TestResult.Volume> volumes = List.of();
    private SourceStatus.Waits waits = new SourceStatus.Waits(0, 9 * SECOND, 0);
    private SpeedTestReport.SourceWork source = new SpeedTestReport.SourceWork(1, GIB, 2 * SECOND, SECOND, 3 * SECOND);

    private SpeedTestReport report() {
        TestResult result = new TestResult("TIME", millis, 4096, GIB, GIB / 2, 0, serverWaits, busy, volumes);
        return new SpeedTestReport("s-1", "host:1500", 5, result, waits, source);
    }

    private SpeedTestLimit limit() {
        return SpeedTestLimit.of(report());
    }

    @Test
    void networkThatTookNoMoreIsNamed() {
        assertThat(limit()).isEqualTo(SpeedTestLimit.NETWORK);
    }

    @Test
    void serverIsNamedWhereItsWindowWasUsedUpAndBlocksWaitedThere() {
        waits = new SourceStatus.Waits(0, 400, 8300);
        serverWaits = new TestResult.Waits(0, 0, 7600);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SERVER_BUSY);
        waits = new SourceStatus.Waits(0, 2500, 6400);
        serverWaits = new TestResult.Waits(0, 0, 3900);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SERVER_BUSY);
    }

    @Test
    void serverThatReadsNoMoreIsNotTakenForTheNetwork() {
        serverWaits = new TestResult.Waits(0, 0, 6 * SECOND);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SERVER_BUSY);
    }

    @Test
    void windowThatIsUsedUpWhileNothingWaitsAtTheServerIsNamedAsSuch() {
        waits = new SourceStatus.Waits(0, SECOND, 8 * SECOND);
        serverWaits = new TestResult.Waits(0, 0, SECOND);
        assertThat(limit()).isEqualTo(SpeedTestLimit.WINDOW);
    }

    @Test
    void nothingIsNamedWhereNothingHeldForHalfOfTheTime() {
        waits = new SourceStatus.Waits(4 * SECOND, 3 * SECOND, 2 * SECOND);
        assertThat(limit()).isEqualTo(SpeedTestLimit.UNKNOWN);
    }

    @Test
    void replicationAndThrottleAreNamedBeforeAllElse() {
        waits = new SourceStatus.Waits(6 * SECOND, 0, 0);
        serverWaits = new TestResult.Waits(5 * SECOND, 0, 0);
        assertThat(limit()).isEqualTo(SpeedTestLimit.THROTTLE);
        serverWaits = new TestResult.Waits(5 * SECOND, 5 * SECOND, 0);
        assertThat(limit()).isEqualTo(SpeedTestLimit.REPLICATION);
    }

    @Test
    void sourceIsNamedByWhatTookItsThreadsLonger() {
        waits = new SourceStatus.Waits(5 * SECOND, 0, 0);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SOURCE_READ);
        source = new SpeedTestReport.SourceWork(1, GIB, SECOND, 2 * SECOND, 0);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SOURCE_CPU);
    }

    @Test
    void processorsThatHaveNothingLeftAreNamed() {
        source = new SpeedTestReport.SourceWork(1, GIB, SECOND, SECOND, 9 * SECOND);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SOURCE_TLS);
        busy = new TestResult.Busy(9 * SECOND, 0);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SERVER_TLS);
        busy = new TestResult.Busy(9 * SECOND, 9 * SECOND);
        assertThat(limit()).isEqualTo(SpeedTestLimit.SERVER_EXPAND);
    }

    @Test
    void volumesThatTakeLessThanWhatArrivedAreNamedWhenAllAreKnown() {
        TestResult.Volume slow = new TestResult.Volume("vol-1", "/dev/sda", 60 * SECOND, 10 * SECOND, GIB / 2);
        volumes = List.of(slow);
        assertThat(limit()).isEqualTo(SpeedTestLimit.VOLUMES);
        volumes = List.of(slow, new TestResult.Volume("vol-2", "/dev/sdb", 60 * SECOND, 0, 0));
        assertThat(limit()).isEqualTo(SpeedTestLimit.NETWORK);
        volumes = List.of(new TestResult.Volume("vol-1", "/dev/sda", 60 * SECOND, SECOND, GIB));
        assertThat(limit()).isEqualTo(SpeedTestLimit.NETWORK);
    }

    @Test
    void tooShortASpeedTestSaysNothing() {
        millis = 400;
        assertThat(limit()).isEqualTo(SpeedTestLimit.TOO_SHORT);
        serverWaits = new TestResult.Waits(0, 1, 0);
        assertThat(limit()).isEqualTo(SpeedTestLimit.REPLICATION);
    }

    @Test
    void textTellsEachStageWithItsNumbers() {
        volumes = List.of(
                new TestResult.Volume("vol-1", "/dev/sda", 60 * SECOND, 30 * SECOND, 3 * GIB),
                new TestResult.Volume("vol-2", "/dev/sdb", 60 * SECOND, 0, 0),
                new TestResult.Volume("vol-3", "/dev/sdc", 0, 0, 0));
        assertThat(SpeedTestText.lines(report()))
                .containsExactly(
                        "speed test of s-1 to host:1500: 10.0 s, 5 streams, ended by TIME",
                        "  arrived      102.4 MiB/s (859 Mbps); on the wire 51.2 MiB/s (429 Mbps)",
                        "  source       1 thread(s) can read 512.0 MiB/s and compress 1024.0 MiB/s; waited for them 0 %",
                        "  network      took no more 90 %, the server's window was used up 0 %; TLS took 30 % of a"
                                + " processor here",
                        "  throttle     held up 0 %",
                        "  replication  went first 0 %; received 0.0 MiB/s meanwhile",
                        "  server       TLS of all took 30 % of a processor, LZ4 and CRC 20 %; blocks waited for that 0 %",
                        "  volume       vol-1 of /dev/sda: wrote 51.2 MiB/s in the last 60 s, busy 50 % of it, so it can"
                                + " take about 102.4 MiB/s",
                        "  volume       vol-2 of /dev/sdb: nothing was written in the last 60 s, so what it can take is not"
                                + " known",
                        "  volume       vol-3 of /dev/sdc is not open",
                        "  limit        NETWORK: " + SpeedTestLimit.NETWORK.text());
    }

    @Test
    void jsonHasTheLimitTheRatesAndWhatTheServerCounted() {
        volumes = List.of(
                new TestResult.Volume("vol-1", "/dev/sda", 60 * SECOND, SECOND, GIB),
                new TestResult.Volume("vol-2", "/dev/sdb", 60 * SECOND, 0, 0));
        var json = SpeedTestText.json(report());
        var told = json.getJsonArray("volumes");
        assertThat(told.getJsonObject(0).getLong("capacityBytesPerSecond")).isEqualTo(GIB);
        assertThat(told.getJsonObject(1).containsKey("capacityBytesPerSecond"))
                .as("is not known")
                .isFalse();
        assertThat(json.getString("limit")).isEqualTo("NETWORK");
        assertThat(json.getLong("rawBytesPerSecond")).isEqualTo(Math.round(GIB / 10.0));
        assertThat(json.getJsonObject("result").getLong("payloadBytes")).isEqualTo(GIB / 2);
        assertThat(json.getJsonObject("source").getLong("networkWaitMillis")).isEqualTo(9 * SECOND);
    }
}
