package org.replicationserver.receiver.replication;

import java.util.Random;

/** The clocks of a server, each of which runs for a fraction of the time. */
final class ClockBank {
    double throttlePaused;
    double memoryPaused;
    double hold;
    double deviceBusy;
    double expandBusy;
    double loopCpu;
    double windowUsedUp;
    double blocksUnderWay;
    double instanceLimited;
    boolean instanceLimitKnown;
    long blocks;

    /** What the last reading said of them. */
    long blocksRead;

    private StageClocks now = zero();

    private static StageClocks zero() {
        return new StageClocks(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /** All clocks begin at 0 again. */
    void reset() {
        now = zero();
    }

    void randomize(Random random) {
        throttlePaused = random.nextDouble();
        memoryPaused = random.nextDouble();
        hold = random.nextDouble();
        deviceBusy = random.nextDouble();
        expandBusy = random.nextDouble();
        loopCpu = random.nextDouble() * 1.5; // other threads' time may be in it
        windowUsedUp = random.nextDouble();
        blocksUnderWay = random.nextDouble();
        instanceLimited = random.nextDouble();
        instanceLimitKnown = random.nextBoolean();
        blocks = random.nextInt(3);
        if (random.nextInt(10) == 0) {
            reset();
        }
    }

    void pass(long nanos) {
        now = new StageClocks(
                now.throttlePausedNanos() + part(nanos, throttlePaused),
                now.memoryPausedNanos() + part(nanos, memoryPaused),
                now.holdNanos() + part(nanos, hold),
                now.deviceBusyNanos() + part(nanos, deviceBusy),
                now.expandBusyNanos() + part(nanos, expandBusy),
                now.loopCpuNanos() + part(nanos, loopCpu),
                now.windowUsedUpNanos() + part(nanos, windowUsedUp),
                now.blocksUnderWayNanos() + part(nanos, blocksUnderWay),
                now.instanceLimitedNanos() + part(nanos, instanceLimited),
                0);
    }

    private static long part(long nanos, double fraction) {
        return Math.round(nanos * fraction);
    }

    StageClocks read() {
        blocksRead = blocks;
        return new StageClocks(
                now.throttlePausedNanos(),
                now.memoryPausedNanos(),
                now.holdNanos(),
                now.deviceBusyNanos(),
                now.expandBusyNanos(),
                now.loopCpuNanos(),
                now.windowUsedUpNanos(),
                now.blocksUnderWayNanos(),
                instanceLimitKnown ? now.instanceLimitedNanos() : StageClocks.UNKNOWN,
                blocks);
    }
}
