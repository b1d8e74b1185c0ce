package org.replicationserver.demo;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/** Limits the bandwidth in the middle of the initial sync, measures what goes over the wire, and takes the limit away. */
record ThrottleStep(DemoAgent agent, LocalServer server, LocalControlPlane controlPlane, Sightings sightings) {
    /** So low that a small disk lasts for {@link #MEASURED_MAX}. */
    private static final int LIMIT_MBPS = 24;

    /** When so many hundredths of the disk are durable the limit is set. */
    private static final int FROM_PERCENT = 10;

    /** With so many hundredths there is still something left for what comes then. */
    private static final int TO_PERCENT = 70;

    /** For what the server was reading when the limit began. */
    private static final Duration SETTLING = Duration.ofSeconds(1);

    private static final Duration MEASURED_MIN = Duration.ofSeconds(5);

    /** Servers report progress every 10 s, and know when a sync will end after 10 s of it. */
    private static final Duration MEASURED_MAX = Duration.ofSeconds(20);

    void run(String replicationServerId) throws RunException, InterruptedException {
        await("the initial sync", () -> agent.durablePercent() >= FROM_PERCENT);
        limit(replicationServerId, LIMIT_MBPS);
        ThrottledRate rate = measure();
        agent.requireUnfinished("its rate was measured");
        agent.scene().transcript().say("throttle: " + rate.text());
        rate.requireKept();
        limit(replicationServerId, 0);
    }

    private void await(String awaited, BooleanSupplier reached) throws RunException, InterruptedException {
        agent.watch(server).await(awaited, Watch.SYNC_TIMEOUT, () -> {
            sightings.look();
            return reached.getAsBoolean();
        });
    }

    private void limit(String replicationServerId, int mbps) throws RunException, InterruptedException {
        JsonObject bandwidth = new JsonObject().put("bandwidthThrottling", mbps);
        String commandId = controlPlane
                .fleet()
                .issue(
                        replicationServerId,
                        new JsonObject()
                                .put("type", "SET_BANDWIDTH")
                                .put("sourceServerId", LocalServer.SOURCE_SERVER)
                                .put("parameters", new JsonObject().put("bandwidth", bandwidth)));
        agent.watch(server).awaitSuccess(controlPlane, commandId);
        agent.scene()
                .transcript()
                .say("throttle: SET_BANDWIDTH to " + (mbps == 0 ? "no limit" : mbps + " Mbps") + " SUCCEEDED, at "
                        + agent.durablePercent() + " % of the initial sync");
    }

    private ThrottledRate measure() throws RunException, InterruptedException {
        long settledNanos = System.nanoTime() + SETTLING.toNanos();
        await("the limit of bandwidth", () -> System.nanoTime() >= settledNanos);
        long beginNanos = System.nanoTime();
        // What the agent has sent may be in the buffers of both sides, which hold seconds of such a rate.
        long beginBytes = server.readBytes();
        await("the measurement", () -> isMeasured(System.nanoTime() - beginNanos));
        double seconds = (System.nanoTime() - beginNanos) / 1e9;
        return new ThrottledRate(LIMIT_MBPS, server.readBytes() - beginBytes, seconds);
    }

    private boolean isMeasured(long nanos) {
        boolean isEnough = sightings.hasEta()
                || nanos >= MEASURED_MAX.toNanos()
                || agent.durablePercent() >= TO_PERCENT
                || agent.report().committedEpoch() > 0;
        return nanos >= MEASURED_MIN.toNanos() && isEnough;
    }
}
