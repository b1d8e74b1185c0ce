package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.replicationserver.receiver.replication.ModelWorld.MIB;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.receiver.protocol.Seeds;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.DataReplicationInfo.StageSeconds;

/** Where the time of a lag goes: a bottleneck is put into each stage in turn. */
class LagAttributionTest {
    private final ModelWorld world = new ModelWorld();

    /** Fractions of the time in which the agent waits. */
    private double source;

    private double network;
    private double window;
    private boolean agentTells;
    private double toldNanos;

    @BeforeEach
    void replicate() {
        world.replicateAll();
        world.passSeconds(0.25); // the first look at the clocks
    }

    private void agent(double sourcePart, double networkPart, double windowPart) {
        agentTells = true;
        source = sourcePart;
        network = networkPart;
        window = windowPart;
    }

    /** Time with lag goes by; an agent that tells what it waits for does so every 2 s. */
    private void lag(int seconds) {
        for (int i = 0; i < seconds / 2; i++) {
            world.passSeconds(2);
            tell();
        }
    }

    /** What it waited for since it told last. */
    private void tell() {
        if (agentTells) {
            toldNanos += 2e9;
            world.report(
                    new AgentWaits(
                            Math.round(source * toldNanos),
                            Math.round(network * toldNanos),
                            Math.round(window * toldNanos)),
                    MIB,
                    0);
            world.model.tick(world.clocks.read(), world.now());
        }
    }

    private List<StageSeconds> attribution() {
        return world.info().detail().lagAttribution();
    }

    private double seconds(LagStage stage) {
        return attribution().stream()
                .filter(part -> part.stage() == stage)
                .mapToDouble(StageSeconds::seconds)
                .sum();
    }

    record Bottleneck(LagStage stage, String name, Consumer<LagAttributionTest> build) {
        @Override
        public String toString() {
            return stage + ": " + name;
        }
    }

    static Stream<Bottleneck> bottlenecks() {
        return Stream.of(
                new Bottleneck(LagStage.SOURCE, "the agent has no block ready", test -> test.agent(0.9, 0.05, 0)),
                new Bottleneck(
                        LagStage.SOURCE,
                        "the agent waits for nothing, so it is busy itself",
                        test -> test.agent(0, 0, 0)),
                new Bottleneck(LagStage.SOURCE, "nothing is known", test -> {}),
                new Bottleneck(LagStage.NETWORK, "sockets are full", test -> test.agent(0.1, 0.8, 0)),
                new Bottleneck(LagStage.NETWORK, "the window is too small for the round trip", test -> {
                    test.agent(0, 0, 0.9);
                    test.world.clocks.blocksUnderWay = 0.1;
                    test.world.clocks.deviceBusy = 0.05;
                }),
                new Bottleneck(LagStage.NETWORK, "the same, of an agent that tells nothing", test -> {
                    test.world.clocks.windowUsedUp = 0.9;
                    test.world.clocks.blocksUnderWay = 0.1;
                    test.world.clocks.deviceBusy = 0.05;
                }),
                new Bottleneck(LagStage.THROTTLE, "the window is on its way, and the throttle lets it wait", test -> {
                    test.agent(0, 0, 0.9);
                    test.world.clocks.blocksUnderWay = 0.1;
                    test.world.clocks.throttlePaused = 0.95;
                }),
                new Bottleneck(LagStage.CPU_TLS_LZ4, "the event loop is saturated", test -> {
                    test.agent(0, 0.9, 0);
                    test.world.clocks.loopCpu = 0.97;
                }),
                new Bottleneck(LagStage.CPU_TLS_LZ4, "the event loop is saturated, the agent tells nothing", test -> {
                    test.world.clocks.loopCpu = 0.97;
                }),
                new Bottleneck(LagStage.CPU_TLS_LZ4, "blocks are expanded", test -> {
                    test.agent(0, 0, 0.9);
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.expandBusy = 0.7;
                    test.world.clocks.deviceBusy = 0.2;
                }),
                new Bottleneck(
                        LagStage.CPU_TLS_LZ4, "the window is used up while the event loop is saturated", test -> {
                            test.agent(0, 0, 0.9);
                            test.world.clocks.blocksUnderWay = 1;
                            test.world.clocks.loopCpu = 0.9;
                            test.world.clocks.deviceBusy = 0.1;
                        }),
                new Bottleneck(LagStage.WRITE_QUEUE, "blocks wait for a writer that is doing nothing", test -> {
                    test.agent(0, 0, 0.9);
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 0.2;
                    test.world.clocks.expandBusy = 0.1;
                }),
                new Bottleneck(LagStage.VOLUME, "the device is slow", test -> {
                    test.agent(0.1, 0, 0.8);
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 0.95;
                }),
                new Bottleneck(LagStage.VOLUME, "the same, of an agent that tells nothing", test -> {
                    test.world.clocks.windowUsedUp = 0.8;
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 0.95;
                }),
                new Bottleneck(LagStage.VOLUME, "memory is used up because the device is slow", test -> {
                    test.agent(0, 0.9, 0);
                    test.world.clocks.memoryPaused = 0.8;
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 0.95;
                }),
                new Bottleneck(LagStage.VOLUME, "the instance's limit is known and not reached", test -> {
                    test.agent(0, 0, 0.9);
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 0.9;
                    test.world.clocks.instanceLimitKnown = true;
                    test.world.clocks.instanceLimited = 0.1;
                }),
                new Bottleneck(LagStage.INSTANCE_LIMIT, "the instance's limit is reached", test -> {
                    test.agent(0, 0, 0.9);
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 0.9;
                    test.world.clocks.instanceLimitKnown = true;
                    test.world.clocks.instanceLimited = 0.8;
                }),
                new Bottleneck(LagStage.THROTTLE, "connections are not read", test -> {
                    test.agent(0.1, 0.8, 0);
                    test.world.clocks.throttlePaused = 0.9;
                }),
                new Bottleneck(LagStage.THROTTLE, "connections are not read, the agent tells nothing", test -> {
                    test.world.clocks.throttlePaused = 0.9;
                }),
                new Bottleneck(LagStage.HOLD, "the agent waits for the end of a hold", test -> {
                    test.agent(0, 0, 0.1);
                    test.world.clocks.hold = 0.9;
                }),
                new Bottleneck(LagStage.HOLD, "the same, of an agent that tells nothing", test -> {
                    test.world.clocks.hold = 0.9;
                    test.world.clocks.deviceBusy = 0.1;
                }),
                new Bottleneck(LagStage.VOLUME, "a commit waits for the device", test -> {
                    test.agent(0, 0, 0);
                    test.world.model.commitWaits(true, test.world.now());
                    test.world.clocks.blocksUnderWay = 1;
                    test.world.clocks.deviceBusy = 1;
                }));
    }

    @ParameterizedTest
    @MethodSource("bottlenecks")
    void largestShareNamesTheBottleneck(Bottleneck bottleneck) {
        world.openEpoch(MIB);
        bottleneck.build.accept(this);
        lag(60);

        assertThat(attribution().getFirst().stage()).as("%s", attribution()).isEqualTo(bottleneck.stage);
        assertThat(attribution().getFirst().seconds()).isGreaterThan(36);
        assertThat(world.model.lagLastMinute(world.now()).largest()).isEqualTo(bottleneck.stage);
    }

    @ParameterizedTest
    @MethodSource("bottlenecks")
    void stagesSumUpToTheTimeWithLag(Bottleneck bottleneck) {
        world.openEpoch(MIB);
        bottleneck.build.accept(this);
        lag(60);

        assertThat(attribution().stream().mapToDouble(StageSeconds::seconds).sum())
                .isCloseTo(60, within(1e-9));
    }

    @Test
    void everyStageIsTheBottleneckOfAScenario() {
        assertThat(bottlenecks().map(Bottleneck::stage)).contains(LagStage.values());
    }

    @Test
    void timeIsSplitAsTheClocksSay() {
        world.openEpoch(MIB);
        agent(0.2, 0.3, 0.4); // and 0.1 of its own work
        world.passSeconds(2);
        tell();
        StageTimes before = world.model.lagLastMinute(world.now());
        world.clocks.throttlePaused = 0.1;
        world.clocks.memoryPaused = 0.1; // goes to the window: 0.5
        world.clocks.blocksUnderWay = 0.9;
        world.clocks.deviceBusy = 0.5;
        world.clocks.expandBusy = 0.2;
        lag(40);

        StageTimes split = world.model.lagLastMinute(world.now()).minus(before);
        assertThat(split.totalNanos()).isEqualTo(Duration.ofSeconds(40).toNanos());
        assertThat(split.percent(LagStage.SOURCE)).isEqualTo(30);
        assertThat(split.percent(LagStage.THROTTLE))
                .as("0.1 of sockets, 0.05 of the window")
                .isEqualTo(15);
        assertThat(split.percent(LagStage.VOLUME)).isEqualTo(25);
        assertThat(split.percent(LagStage.CPU_TLS_LZ4)).isEqualTo(10);
        assertThat(split.percent(LagStage.NETWORK)).isEqualTo(10);
        assertThat(split.percent(LagStage.WRITE_QUEUE)).isEqualTo(10);
    }

    @Test
    void loopThatIsBusyAndNotSaturatedIsNotTheBottleneck() {
        world.openEpoch(MIB);
        agent(0, 1, 0);
        world.clocks.loopCpu = 0.85;
        lag(60);

        assertThat(seconds(LagStage.CPU_TLS_LZ4)).isZero();
    }

    @Test
    void stagesSumUpToTheLagWhateverHappens() {
        Random random = Seeds.random("stagesSumUpToTheLagWhateverHappens");
        for (int run = 0; run < 200; run++) {
            long now = random.nextInt();
            LagAttribution attribution = new LagAttribution(ReplicationSettings.defaults(), now);
            ClockBank clocks = new ClockBank();
            boolean lagging = false;
            long lagNanos = 0;
            for (int i = 0; i < 300; i++) {
                long step = random.nextInt(5) == 0 ? random.nextLong(100_000_000_000L) : random.nextLong(500_000_000L);
                now += step;
                clocks.pass(step);
                lagNanos += lagging ? step : 0;
                switch (random.nextInt(4)) {
                    case 0 -> {
                        lagging = random.nextBoolean();
                        attribution.lagging(now, random.nextBoolean(), lagging, random.nextBoolean());
                    }
                    case 1 ->
                        attribution.agentWaited(
                                now,
                                new AgentWaits(
                                        random.nextLong(now & 0xFFFFFFFFFFL), random.nextInt(), random.nextLong()));
                    case 2 -> clocks.randomize(random);
                    default -> attribution.tick(now, clocks.read());
                }
            }
            clocks.pass(1000);
            attribution.lagging(now, true, false, false);
            attribution.tick(now + 1000, clocks.read());
            attribution.tick(now + 10_000_000_000L, clocks.read()); // a report is not waited for any more

            assertThat(attribution.total().totalNanos()).isEqualTo(lagNanos);
            assertThat(LagStage.values()).allMatch(stage -> attribution.total().nanos(stage) >= 0);
        }
    }

    @Test
    void noLagIsNoTime() {
        world.clocks.deviceBusy = 1;
        world.pass(Duration.ofMinutes(10));

        assertThat(attribution()).isEmpty();
    }

    @Test
    void lagCountsToTheMomentNotToTheTick() {
        world.jump(Duration.ofMillis(100));
        world.openEpoch(MIB);
        world.jump(Duration.ofMillis(30));
        world.commit();
        world.jump(Duration.ofMillis(70));
        world.openEpoch(MIB);
        world.jump(Duration.ofMillis(5));
        world.commit();
        world.passSeconds(0.25);

        assertThat(world.model.lagLastMinute(world.now()).totalNanos())
                .isEqualTo(Duration.ofMillis(35).toNanos());
    }

    @Test
    void newLagBeginsItsOwnSum() {
        world.openEpoch(MIB);
        world.passSeconds(20);
        world.commit();
        world.passSeconds(10);
        assertThat(seconds(LagStage.SOURCE)).as("of the last one").isEqualTo(20);

        world.openEpoch(MIB);
        world.passSeconds(5);

        assertThat(seconds(LagStage.SOURCE)).isEqualTo(5);
        assertThat(world.model.lagLastMinute(world.now()).totalNanos())
                .isEqualTo(Duration.ofSeconds(25).toNanos());
    }

    @Test
    void lagThatASessionLeavesGoesOnWithTheNextAndDoesNotCountInBetween() {
        world.openEpoch(MIB);
        world.passSeconds(20);
        world.lose();
        world.passSeconds(30);
        world.open(Welcome.Action.RESUME);
        world.passSeconds(5);

        assertThat(seconds(LagStage.SOURCE)).isEqualTo(25);
    }

    @Test
    void lastMinuteForgetsWhatIsOlder() {
        world.openEpoch(MIB);
        world.clocks.throttlePaused = 1;
        world.passSeconds(100);
        assertThat(world.model.lagLastMinute(world.now()).nanos(LagStage.THROTTLE) / 1e9)
                .isBetween(59.0, 60.0);

        world.clocks.throttlePaused = 0;
        world.passSeconds(61);
        assertThat(world.model.lagLastMinute(world.now()).largest()).isEqualTo(LagStage.SOURCE);
        assertThat(world.model.lagLastMinute(world.now()).nanos(LagStage.THROTTLE))
                .isZero();
        assertThat(seconds(LagStage.THROTTLE)).as("since the lag began").isEqualTo(100);

        world.commit();
        world.pass(Duration.ofMinutes(5));
        assertThat(world.model.lagLastMinute(world.now()).totalNanos()).isZero();
    }

    @Test
    void reportThatIsTooOldDoesNotCountAnyMore() {
        world.openEpoch(MIB);
        agent(0, 1, 0);
        lag(10);
        double told = seconds(LagStage.NETWORK);
        double source = seconds(LagStage.SOURCE);
        world.passSeconds(20);

        assertThat(seconds(LagStage.NETWORK)).isEqualTo(told);
        assertThat(seconds(LagStage.SOURCE)).isCloseTo(source + 20, within(1e-6));
    }

    @Test
    void clocksOfAVolumeThatWasReopenedMayBeginAnew() {
        world.openEpoch(MIB);
        world.clocks.windowUsedUp = 1;
        world.clocks.deviceBusy = 1;
        world.clocks.blocksUnderWay = 1;
        world.passSeconds(10);
        world.clocks.reset();
        world.passSeconds(0.25);
        assertThat(world.model.lagLastMinute(world.now()).totalNanos())
                .isEqualTo(Duration.ofMillis(10_250).toNanos());
        world.passSeconds(10);

        assertThat(seconds(LagStage.VOLUME)).isEqualTo(20);
    }

    @Test
    void waitsThatExceedTheTimeAreScaled() {
        world.openEpoch(MIB);
        agent(1, 3, 0);
        lag(2);
        StageTimes before = world.model.lagLastMinute(world.now());
        lag(40);

        StageTimes split = world.model.lagLastMinute(world.now()).minus(before);
        assertThat(split.percent(LagStage.NETWORK)).isEqualTo(50);
        assertThat(split.percent(LagStage.SOURCE)).isEqualTo(50);
    }
}
