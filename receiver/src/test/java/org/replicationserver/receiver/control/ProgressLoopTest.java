package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

@Timeout(60)
final class ProgressLoopTest {
    private final Map<String, JsonObject> infos = new TreeMap<>();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final AtomicInteger asked = new AtomicInteger();

    private ProgressLoop start(ControlPlane controlPlane) {
        return start(controlPlane, Clock.systemUTC());
    }

    private ProgressLoop start(ControlPlane controlPlane, Clock clock) {
        ProgressLoop loop = new ProgressLoop(
                controlPlane,
                () -> {
                    asked.incrementAndGet();
                    return CompletableFuture.completedFuture(Map.copyOf(new TreeMap<>(infos)));
                },
                Duration.ofMillis(5),
                clock);
        loop.start();
        return loop;
    }

    private void put(String source, int bytes) {
        infos.put(source, new JsonObject().put("bytes", bytes));
    }

    @Test
    void whatIsRefusedAboutOneSourceServerKeepsNoOtherFromBeingTold() {
        List<String> sources = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            put("s-" + i, i);
            sources.add("s-" + i);
        }
        sources.remove("s-7");
        FakeControlPlane controlPlane = new FakeControlPlane() {
            @Override
            public void sendProgress(String source, Instant observed, JsonObject info) throws ControlPlaneException {
                if (source.equals("s-7")) {
                    throw failure(Kind.NOT_FOUND);
                }
                told.add(source);
            }
        };
        try (ProgressLoop _ = start(controlPlane)) {
            await().atMost(Duration.ofSeconds(30)).until(() -> asked.get() >= 3);
        }
        assertThat(told).as("once each, as nothing has changed since").containsExactlyInAnyOrderElementsOf(sources);
    }

    @Test
    void progressIsToldWithTheTimeOfItsObservationHoweverLongSendingTakes() {
        put("s-1", 1);
        put("s-2", 2);
        Instant begun = Instant.parse("2026-11-25T08:00:00Z");
        AtomicInteger sends = new AtomicInteger();
        InstantSource moving = () -> begun.plusSeconds(60L * (asked.get() + sends.get()));
        List<Instant> observations = new CopyOnWriteArrayList<>();
        FakeControlPlane controlPlane = new FakeControlPlane() {
            @Override
            public void sendProgress(String source, Instant observed, JsonObject info) {
                observations.add(observed);
                sends.incrementAndGet();
            }
        };
        try (ProgressLoop _ = start(controlPlane, moving.withZone(ZoneOffset.UTC))) {
            await().atMost(Duration.ofSeconds(30)).until(() -> observations.size() == 2);
        }
        assertThat(observations).as("before anything was asked").containsOnly(begun);
    }

    @Test
    void whileTheCircuitIsOpenNothingIsAsked() throws Exception {
        put("s-1", 1);
        CountDownLatch waits = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        FakeControlPlane controlPlane = new FakeControlPlane() {
            @Override
            public void sendProgress(String source, Instant observed, JsonObject info) throws ControlPlaneException {
                if (closed.getCount() > 0) {
                    throw failure(Kind.CIRCUIT_OPEN);
                }
                told.add(source);
            }
        };
        controlPlane.awaiting = atMost -> {
            waits.countDown();
            closed.await();
            return true;
        };
        try (ProgressLoop _ = start(controlPlane)) {
            waits.await();
            assertThat(asked)
                    .as("after it was told so: the event loop has no work for what cannot be told")
                    .hasValue(1);
            closed.countDown();
            await().atMost(Duration.ofSeconds(30)).until(() -> told.contains("s-1"));
        }
    }
}
