package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;

/**
 * Tells regularly how far replications are, on the virtual thread {@code control-progress}: what has changed since it was told. What
 * cannot be told is not kept, because the next is newer.
 */
public final class ProgressLoop extends ControlThread {
    private final ControlPlane controlPlane;
    private final Supplier<CompletableFuture<Map<String, JsonObject>>> infos;
    private final Duration interval;
    private final Clock clock;

    // control-progress only
    private final Map<String, JsonObject> told = new HashMap<>();

    /** @param infos the schema DataReplicationInfo of each source server now, by its id */
    public ProgressLoop(
            ControlPlane controlPlane,
            Supplier<CompletableFuture<Map<String, JsonObject>>> infos,
            Duration interval,
            Clock clock) {
        super("control-progress", controlPlane);
        this.controlPlane = controlPlane;
        this.infos = infos;
        this.interval = interval;
        this.clock = clock;
    }

    @Override
    void step() throws ControlPlaneException, InterruptedException {
        // Before what is observed: whoever compares it with a report's time must not take an old state for the newer
        // one.
        Instant observed = clock.instant();
        Map<String, JsonObject> now;
        try {
            now = infos.get().get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
        told.keySet().retainAll(now.keySet());
        ControlPlaneException failure = null;
        for (Map.Entry<String, JsonObject> one : now.entrySet()) {
            if (!one.getValue().equals(told.get(one.getKey()))) {
                try {
                    controlPlane.sendProgress(one.getKey(), observed, one.getValue());
                    told.put(one.getKey(), one.getValue());
                } catch (ControlPlaneException e) { // the others are told all the same
                    failure = e.kind().isRefusal() ? failure : e;
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
        Thread.sleep(interval);
    }
}
