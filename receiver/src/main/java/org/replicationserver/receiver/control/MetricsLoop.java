package org.replicationserver.receiver.control;

import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.replicationserver.receiver.status.ResourceMetric;
import org.replicationserver.receiver.status.ResourceSampler;

/** Sends samples of the machine and of the volumes, on the virtual thread {@code control-metrics}; what cannot be sent is counted. */
public final class MetricsLoop extends ControlThread {
    private final ControlPlane controlPlane;
    private final ResourceSampler sampler;
    private final Duration interval;
    private final Clock clock;

    // control-metrics only
    private long dropped;

    /** Starts nothing yet; {@code sampler} is then this thread's alone. */
    public MetricsLoop(ControlPlane controlPlane, ResourceSampler sampler, Duration interval, Clock clock) {
        super("control-metrics", controlPlane);
        this.controlPlane = controlPlane;
        this.sampler = sampler;
        this.interval = interval;
        this.clock = clock;
    }

    @Override
    void step() throws InterruptedException {
        List<ResourceMetric> metrics = sampler.sample();
        List<ResourceMetric> sent = metrics.subList(0, Math.min(metrics.size(), ClientMetrics.METRICS_MAX));
        dropped += metrics.size() - sent.size();
        try {
            controlPlane.sendMetrics(new ClientMetrics(clock.instant(), dropped, sent));
        } catch (ControlPlaneException e) { // told by who made the call; the next sample is newer
            dropped += sent.size();
        }
        Thread.sleep(interval);
    }
}
