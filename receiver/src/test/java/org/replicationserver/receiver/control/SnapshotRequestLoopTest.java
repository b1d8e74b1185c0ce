package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

@Timeout(60)
class SnapshotRequestLoopTest {
    private static final Duration INTERVAL = Duration.ofMillis(50);

    private final FakeOperations operations = new FakeOperations();
    private final List<String> made = new CopyOnWriteArrayList<>();
    private final AtomicInteger faults = new AtomicInteger();
    private final List<CompletableFuture<Boolean>> ends = new CopyOnWriteArrayList<>();
    private final SnapshotRequestLoop loop = new SnapshotRequestLoop(
            new FakeControlPlane(),
            operations,
            (source, ids) -> {
                if (faults.getAndDecrement() > 0) {
                    throw new IllegalStateException("a fault of the maker");
                }
                CompletableFuture<Boolean> end = new CompletableFuture<>();
                made.add(source + " " + String.join(" ", ids));
                ends.add(end);
                return end;
            },
            INTERVAL);

    @AfterEach
    void end() {
        loop.close();
    }

    private static final class FakeOperations implements SnapshotOperations {
        final List<SnapshotRequest> wanted = new CopyOnWriteArrayList<>();
        final List<String> deleted = new CopyOnWriteArrayList<>();
        final AtomicInteger asked = new AtomicInteger();
        final AtomicInteger failures = new AtomicInteger();
        final AtomicInteger refusals = new AtomicInteger();
        volatile String refused = "";

        @Override
        public SnapshotCredits snapshotCredits(String sourceServerId) {
            throw new AssertionError("not asked by the loop");
        }

        @Override
        public Map<String, String> startSnapshotGroup(String groupId, String sourceServerId) {
            throw new AssertionError("not asked by the loop");
        }

        @Override
        public List<SnapshotRequest> snapshotRequests() {
            asked.incrementAndGet();
            return List.copyOf(wanted);
        }

        @Override
        public Map<String, String> deleteSnapshotRequests(List<String> requestIds) throws ControlPlaneException {
            if (failures.getAndDecrement() > 0) {
                throw FakeControlPlane.failure(Kind.SERVER_FAULT);
            }
            if (requestIds.contains(refused)) {
                refusals.incrementAndGet();
                throw FakeControlPlane.failure(Kind.NOT_VALID);
            }
            deleted.addAll(requestIds);
            wanted.removeIf(one -> requestIds.contains(one.requestId()));
            return Map.of();
        }
    }

    private void want(String requestId, String source) {
        operations.wanted.add(new SnapshotOperations.SnapshotRequest(requestId, source));
    }

    private void awaitMade(int groups) {
        Awaitility.await("groups").atMost(Duration.ofSeconds(20)).until(() -> made.size() >= groups);
    }

    private void awaitQuestions(int more) {
        int before = operations.asked.get();
        Awaitility.await("questions")
                .atMost(Duration.ofSeconds(20))
                .until(() -> operations.asked.get() >= before + more);
    }

    @Test
    void requestsOfASourceServerAreServedByOneGroupAndClearedOnceItIsMade() {
        want("r-1", "s-1");
        want("r-2", "s-2");
        want("r-3", "s-1");
        loop.start();
        awaitMade(2);
        awaitQuestions(2);
        assertThat(made).as("no second time while it is made").containsExactly("s-1 r-1 r-3", "s-2 r-2");
        assertThat(operations.deleted).isEmpty();

        ends.getFirst().complete(true);

        Awaitility.await("the clearing").atMost(Duration.ofSeconds(20)).until(() -> operations.deleted.size() == 2);
        assertThat(operations.deleted).containsExactly("r-1", "r-3");
    }

    @Test
    void requestThatIsNotServedStaysAndIsTriedAgainAfterAGrowingPause() {
        want("r-1", "s-1");
        loop.start();
        long begun = System.nanoTime();
        for (int i = 1; i <= 5; i++) {
            awaitMade(i);
            ends.get(i - 1).complete(false);
        }

        assertThat(Duration.ofNanos(System.nanoTime() - begun))
                .as("50, 100, 200, 400 ms")
                .isGreaterThan(INTERVAL.multipliedBy(15));
        assertThat(operations.deleted).isEmpty();
        assertThat(made).allMatch("s-1 r-1"::equals);
    }

    @Test
    void clearingThatIsRefusedForGoodDoesNotKeepOthersWaiting() {
        operations.refused = "r-1";
        want("r-1", "s-1");
        loop.start();
        awaitMade(1);
        ends.getFirst().complete(true);
        Awaitility.await("the refusal").atMost(Duration.ofSeconds(20)).until(() -> operations.refusals.get() > 0);

        want("r-2", "s-1");
        want("r-3", "s-2");

        Awaitility.await("the next groups").atMost(Duration.ofSeconds(20)).until(() -> {
            ends.forEach(end -> end.complete(true)); // what was made is not made again
            return made.contains("s-1 r-1 r-2") && made.contains("s-2 r-3");
        });
    }

    @Test
    void clearingThatFailsForLongDoesNotKeepOthersWaiting() {
        operations.failures.set(Integer.MAX_VALUE);
        want("r-1", "s-1");
        loop.start();
        awaitMade(1);
        ends.getFirst().complete(true);

        want("r-2", "s-2");

        Awaitility.await("the next group").atMost(Duration.ofSeconds(20)).until(() -> made.contains("s-2 r-2"));
    }

    @Test
    void makerThatFailsAtOnceIsAskedAgain() {
        faults.set(1);
        want("r-1", "s-1");
        want("r-2", "s-2");
        loop.start();

        Awaitility.await("both").atMost(Duration.ofSeconds(20)).until(() -> made.size() == 2);
        assertThat(made).containsExactlyInAnyOrder("s-1 r-1", "s-2 r-2");
    }

    @Test
    void requestWhoseClearingIsRefusedDoesNotKeepOthersFromBeingCleared() {
        operations.refused = "r-1";
        want("r-1", "s-1");
        want("r-2", "s-1");
        loop.start();
        awaitMade(1);
        ends.getFirst().complete(true);

        Awaitility.await("the clearing").atMost(Duration.ofSeconds(20)).until(() -> operations.deleted.contains("r-2"));
    }

    @Test
    void clearingThatFailsIsTriedAgain() {
        operations.failures.set(1);
        want("r-1", "s-1");
        loop.start();
        awaitMade(1);

        ends.getFirst().complete(true);

        Awaitility.await("the clearing").atMost(Duration.ofSeconds(30)).until(() -> operations.deleted.contains("r-1"));
    }
}
