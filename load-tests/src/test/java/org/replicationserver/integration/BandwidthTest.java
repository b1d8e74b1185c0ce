package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.harness.RawConnection;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.integration.FullStreams.Taken;

/** The limits of bandwidth as they are seen on the wire, by agents that send as fast as they may over real sockets and TLS. */
@Timeout(240)
@ExtendWith(ServerLogs.class)
final class BandwidthTest {
    private static final int SIZE_BYTES = 512 << 20;
    private static final int BLOCK_BYTES = 16 * 1024;
    private static final int SMALL_BLOCK_BYTES = 1024;
    private static final Duration TEN_SECONDS = Duration.ofSeconds(10);

    /** What sockets hold is taken at once when a limit begins, and acknowledged a moment later. */
    private static final Duration SETTLING = Duration.ofSeconds(2);

    private static final double TOLERANCE_PERCENT = 3;

    @TempDir
    Path directory;

    /** Its devices acknowledge at once, so that what is measured is not them. */
    private InProcessServer server(List<TestSource> sources, String... settings) throws Exception {
        return InProcessServer.start(directory, sources, spec -> new NullDevice(spec.sizeBytes()), settings);
    }

    private TestSource source(String id) throws Exception {
        return TestSource.of(directory, id, SIZE_BYTES);
    }

    private String run(String... command) throws IOException, InterruptedException {
        Commands.Result result = Commands.run(ServerProcess.in(directory).cli(command));
        assertThat(result.exitCode()).as(result.output()).isZero();
        return result.output();
    }

    private String throttle(String... words) throws IOException, InterruptedException {
        return run(Stream.concat(Stream.of("throttle"), Stream.of(words)).toArray(String[]::new))
                .strip();
    }

    @SuppressWarnings("SystemOut")
    private static void report(String what, double targetMbps, Taken taken) {
        System.out.printf(
                "bandwidth, %s: %.4f of %.2f Mbps in %.2f s, streams differ by %.3f%n",
                what, taken.mbps() / targetMbps, targetMbps, taken.seconds(), taken.unfairness());
    }

    private static void assertHeld(String what, double mbps, Taken taken) {
        report(what, mbps, taken);
        assertThat(taken.mbps()).as(what).isCloseTo(mbps, withinPercentage(TOLERANCE_PERCENT));
    }

    /** The control connection answers at once, however slow the data connections are. */
    private static void assertControlAnswers(RawConnection control) throws IOException {
        for (int i = 1; i <= 5; i++) {
            long pongs = control.pongs();
            long began = System.nanoTime();
            control.ping();
            Awaitility.await()
                    .pollInterval(Duration.ofMillis(1))
                    .atMost(Duration.ofSeconds(1))
                    .until(() -> control.pongs() > pongs);
            assertThat(System.nanoTime() - began).as("nanoseconds to PONG").isLessThan(500_000_000L);
        }
    }

    @Tag("long")
    @Tag("alone")
    @Test
    void fourConnectionsOfASourceShareItsLimitAndTheControlConnectionHasNone() throws Exception {
        TestSource source = source("s-1").throttled(20);
        try (InProcessServer server = server(List.of(source));
                FullStreams full = FullStreams.begin(server.endpoint(), source, 4, BLOCK_BYTES)) {
            full.during(SETTLING);
            Taken taken = full.during(TEN_SECONDS);
            assertHeld("20 Mbps, 4 streams", 20, taken);
            assertThat(taken.unfairness()).isLessThan(0.1);
            assertControlAnswers(full.agent().control());
        }
    }

    @Tag("long")
    @Tag("alone")
    @ParameterizedTest
    @CsvSource({"1, 1", "1, 4", "3, 16", "10, 1", "100, 4", "100, 16", "500, 4"})
    void limitIsHeldOverAnyTenSecondsAtAnyRate(int mbps, int streams) throws Exception {
        TestSource source = source("s-1").throttled(mbps);
        int blockBytes = mbps < 20 ? SMALL_BLOCK_BYTES : BLOCK_BYTES;
        try (InProcessServer server = server(List.of(source));
                FullStreams full = FullStreams.begin(server.endpoint(), source, streams, blockBytes)) {
            full.during(SETTLING);
            for (int i = 0; i < 2; i++) {
                Taken taken = full.during(TEN_SECONDS);
                assertHeld(mbps + " Mbps, " + streams + " streams", mbps, taken);
                assertThat(taken.unfairness()).isLessThan(0.1);
            }
            assertControlAnswers(full.agent().control());
        }
    }

    /** What the machine does without a limit is measured first; it may do less a moment later, so there are three tries. */
    @Tag("long")
    @Tag("alone")
    @Test
    void limitNearWhatTheMachineDoesIsHeld() throws Exception {
        TestSource source = source("s-1");
        try (InProcessServer server = server(List.of(source));
                FullStreams full = FullStreams.begin(server.endpoint(), source, 4, 4 * BLOCK_BYTES)) {
            full.during(TEN_SECONDS); // warms the code up
            double best = 0;
            for (int tries = 0; tries < 3 && Math.abs(best - 1) > TOLERANCE_PERCENT / 100; tries++) {
                throttle("0", "--source-server-id", "s-1");
                int mbps = Math.min(10_000, (int) (0.75 * full.during(SETTLING).mbps()));
                throttle(Integer.toString(mbps), "--source-server-id", "s-1");
                full.during(SETTLING);
                Taken taken = full.during(TEN_SECONDS);
                report("0.75 of what the machine does", mbps, taken);
                best = taken.mbps() / mbps;
            }
            assertThat(best).isCloseTo(1, withinPercentage(TOLERANCE_PERCENT));
        }
    }

    @Tag("long")
    @Tag("alone")
    @Test
    void limitThatIsChangedHoldsFromThenOn() throws Exception {
        TestSource source = source("s-1");
        try (InProcessServer server = server(List.of(source));
                FullStreams full = FullStreams.begin(server.endpoint(), source, 4, BLOCK_BYTES)) {
            double free = full.during(SETTLING).mbps();
            assertThat(free).isGreaterThan(80);
            for (int mbps : new int[] {100, 5, 50}) {
                throttle(Integer.toString(mbps), "--source-server-id", "s-1");
                full.during(SETTLING);
                assertHeld("changed to " + mbps, mbps, full.during(TEN_SECONDS));
            }
            throttle("20");
            full.during(SETTLING);
            assertHeld("20 for the server beside 50", 20, full.during(TEN_SECONDS));
            throttle("0");
            full.during(SETTLING);
            assertHeld("50 again", 50, full.during(TEN_SECONDS));
            throttle("0", "--source-server-id", "s-1");
            full.during(SETTLING);
            assertThat(full.during(SETTLING).mbps()).as("no limit any more").isGreaterThan(free / 4);
        }
    }

    @Tag("long")
    @Tag("alone")
    @Test
    void sourcesShareTheServersLimitHoweverManyConnectionsTheyHave() throws Exception {
        TestSource one = source("s-1");
        TestSource other = source("s-2");
        try (InProcessServer server = server(List.of(one, other), "throttle.server-mbps=40");
                FullStreams few = FullStreams.begin(server.endpoint(), one, 1, BLOCK_BYTES);
                FullStreams many = FullStreams.begin(server.endpoint(), other, 8, BLOCK_BYTES)) {
            few.during(SETTLING);
            List<Taken> taken = FullStreams.during(TEN_SECONDS, List.of(few, many));
            assertHeld("40 Mbps of the server, 1 and 8 streams", 40, Taken.sum(taken));
            assertThat(taken.get(0).mbps()).isCloseTo(20, withinPercentage(10));
            assertThat(taken.get(1).mbps()).isCloseTo(20, withinPercentage(10));
            throttle("4", "--source-server-id", "s-2");
            few.during(SETTLING);
            taken = FullStreams.during(TEN_SECONDS, List.of(few, many));
            assertHeld("40 Mbps of the server, 4 of one source", 40, Taken.sum(taken));
            assertHeld("4 Mbps of one source", 4, taken.get(1));
        }
    }

    @Tag("long")
    @Tag("alone")
    @Test
    void limitIsChangedByCommand() throws Exception {
        TestSource source = source("s-1");
        try (InProcessServer server = server(List.of(source));
                FullStreams full = FullStreams.begin(server.endpoint(), source, 2, BLOCK_BYTES)) {
            assertThat(full.during(Duration.ofSeconds(1)).mbps()).isGreaterThan(80);
            assertThat(throttle("40", "--source-server-id", "s-1"))
                    .isEqualTo(
                            "source server s-1: a limit of 40 Mbps from now on, until another one is set or assigned or the server starts again");
            full.during(SETTLING);
            assertThat(full.during(SETTLING).mbps()).isCloseTo(40, withinPercentage(10));
            assertThat(throttle("10"))
                    .isEqualTo(
                            "all source servers together: a limit of 10 Mbps from now on, until another one is set or assigned or the server starts again");
            full.during(SETTLING);
            assertThat(full.during(SETTLING).mbps()).isCloseTo(10, withinPercentage(10));
            throttle("0");
            assertThat(throttle("0", "--source-server-id", "s-1"))
                    .isEqualTo(
                            "source server s-1: no limit from now on, until another one is set or assigned or the server starts again");
            full.during(Duration.ofSeconds(1));
            assertThat(full.during(Duration.ofSeconds(1)).mbps()).isGreaterThan(80);
            Commands.Result unknown =
                    Commands.run(ServerProcess.in(directory).cli("throttle", "1", "--source-server-id", "s-9"));
            assertThat(unknown.output().strip()).isEqualTo("no source server s-9 is assigned");
            assertThat(unknown.exitCode()).isEqualTo(1);
        }
    }

    @Test
    void statusTellsWhichLimitsHoldAndWhereTheyComeFrom() throws Exception {
        TestSource limited = source("s-1").throttled(20);
        try (InProcessServer server = server(List.of(limited, source("s-2")), "throttle.server-mbps=100")) {
            assertThat(server.endpoint().port()).isPositive();
            assertThat(run("status"))
                    .contains("\n  limit of bandwidth: 20 Mbps, assigned\n")
                    .contains("\nlimit of bandwidth of all source servers together: 100 Mbps, assigned\n")
                    .containsOnlyOnce("limit of bandwidth:");
            throttle("0", "--source-server-id", "s-1");
            throttle("30", "--source-server-id", "s-2");
            throttle("40");
            assertThat(run("status"))
                    .contains("\n  limit of bandwidth: none, set by hand\n")
                    .contains("\n  limit of bandwidth: 30 Mbps, set by hand\n")
                    .contains("\nlimit of bandwidth of all source servers together: 40 Mbps, set by hand\n");
            JsonObject status = new JsonObject(run("status", "--json"));
            JsonObject byHand = new JsonObject().put("bandwidthThrottling", 40).put("origin", "BY_HAND");
            assertThat(status.getJsonObject("bandwidth")).isEqualTo(byHand);
            assertThat(status.getJsonArray("sourceServers"))
                    .extracting(source -> ((JsonObject) source).getJsonObject("bandwidth"))
                    .containsExactlyInAnyOrder(
                            byHand.copy().put("bandwidthThrottling", 0),
                            byHand.copy().put("bandwidthThrottling", 30));
        }
    }
}
