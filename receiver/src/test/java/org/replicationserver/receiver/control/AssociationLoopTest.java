package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.cert.Pin;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.volume.StateDirectory;

final class AssociationLoopTest {
    private static final Instant NOW = Instant.parse("2026-11-25T08:00:00Z");
    private static final ReplicationServerInfo SERVER = new ReplicationServerInfo(
            Pin.parse("sha256:" + "a".repeat(64)), null, 1500, "0.1.0", "brp/1", Instant.EPOCH);

    private final FakeControlPlane controlPlane = new FakeControlPlane();
    private final LinkedBlockingQueue<Associations> changes = new LinkedBlockingQueue<>();

    /** Source servers that are not taken. */
    private final Set<String> refused = new CopyOnWriteArraySet<>();

    @TempDir
    private Path directory = Path.of("");

    private static Associations associations(String... ids) throws MalformedException {
        return answer(ids).associations();
    }

    private static AssociationsAnswer answer(String... ids) throws MalformedException {
        JsonArray list = new JsonArray();
        for (int i = 0; i < ids.length; i++) {
            list.add(AssociationsAnswerTest.association(ids[i], "vol-" + ids[i], (char) ('a' + i)));
        }
        return AssociationsAnswer.read(new JsonObject().put("associations", list));
    }

    private AssociationLoop loop(@Nullable StateDirectory state, Duration interval) {
        return new AssociationLoop(
                controlPlane,
                () -> SERVER,
                interval,
                state == null ? null : new AssociationStore(state),
                this::take,
                Runnable::run,
                Clock.fixed(NOW, ZoneOffset.UTC));
    }

    private AssociationTaker.Taken take(Associations associations) {
        changes.add(associations);
        List<Association> taken = associations.associations().stream()
                .filter(one -> !refused.contains(one.sourceServerId()))
                .toList();
        Map<String, String> refusals = new HashMap<>();
        refused.forEach(id -> refusals.put(id, "on purpose"));
        return new AssociationTaker.Taken(new Associations(taken, associations.bandwidth()), refusals);
    }

    private StateDirectory state() throws IOException {
        return StateDirectory.open(directory, failure -> {});
    }

    private Associations nextChange() throws InterruptedException {
        return Objects.requireNonNull(changes.poll(20, TimeUnit.SECONDS), "no change came");
    }

    @Test
    void asksAtTheStartThenRegularlyAndHandsOnWhatHasChanged() throws Exception {
        Associations one = associations("s-1");
        Associations two = associations("s-1", "s-2");
        controlPlane.associations = () -> AssociationsAnswer.of(one);
        try (AssociationLoop loop = loop(null, Duration.ofMillis(10))) {
            loop.start();
            assertThat(nextChange()).isEqualTo(one);
            await().until(() -> controlPlane.asked.get() > 5);
            assertThat(changes).as("the same again is no change").isEmpty();
            controlPlane.associations = () -> AssociationsAnswer.of(two);
            assertThat(nextChange()).isEqualTo(two);
            assertThat(loop.status()).isEqualTo(new AssociationStatus(NOW, false, null));
        }
    }

    @Test
    void asksAtOnceWhenToldTo() throws Exception {
        try (AssociationLoop loop = loop(null, Duration.ofHours(1))) {
            loop.start();
            assertThat(nextChange()).as("also an empty one is an answer").isEqualTo(Associations.NONE);
            loop.askNow();
            await().until(() -> controlPlane.asked.get() == 2);
        }
    }

    @Test
    void restartWithoutAControlPlaneCarriesOnWithTheLastAnswerAndTellsItsAge() throws Exception {
        Associations one = associations("s-1");
        controlPlane.associations = () -> AssociationsAnswer.of(one);
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofHours(1))) {
            loop.start();
            nextChange();
        }
        controlPlane.associations = () -> {
            throw FakeControlPlane.failure(Kind.UNREACHABLE);
        };
        Associations two = associations("s-2");
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofHours(1))) {
            loop.start();
            assertThat(nextChange()).isEqualTo(one);
            assertThat(loop.status().answered()).isEqualTo(NOW);
            assertThat(loop.status().fromDisk()).isTrue();
            assertThat(loop.status().trouble()).contains("UNREACHABLE");
            controlPlane.associations = () -> AssociationsAnswer.of(two);
            assertThat(nextChange()).as("as soon as there is an answer").isEqualTo(two);
            assertThat(loop.status()).isEqualTo(new AssociationStatus(NOW, false, null));
        }
    }

    @Test
    void nothingIsHandedOnWhileNothingIsKnown() throws Exception {
        controlPlane.associations = () -> {
            throw FakeControlPlane.failure(Kind.UNREACHABLE);
        };
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofHours(1))) {
            loop.start();
            await().until(() -> loop.status().trouble() != null);
            assertThat(changes).isEmpty();
            assertThat(loop.status().answered()).isNull();
        }
    }

    @Test
    void malformedAssociationOfTheFirstAnswerLeavesTheOneOfTheLastStart() throws Exception {
        Associations both = associations("s-1", "s-2");
        controlPlane.associations = () -> AssociationsAnswer.of(both);
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofHours(1))) {
            loop.start();
            nextChange();
        }
        controlPlane.associations = () -> {
            try {
                return AssociationsAnswer.read(new JsonObject()
                        .put("associations", new JsonArray().add(new JsonObject().put("sourceServerId", "s-2"))));
            } catch (MalformedException e) {
                throw new AssertionError(e);
            }
        };
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofHours(1))) {
            loop.start();
            assertThat(nextChange().associations()).containsExactly(both.of("s-2"));
            assertThat(loop.status().trouble()).contains("associations[0]: agentPins is missing");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{}", "{\"associations\":[7],\"answeredDateTime\":\"2026-11-25T08:00:00Z\"}"})
    void answerThatCannotBeReadBackIsNone(String text) throws Exception {
        Files.writeString(directory.resolve(AssociationStore.RECORD + ".json"), text);
        try (StateDirectory state = state()) {
            assertThat(new AssociationStore(state).load()).isNull();
        }
    }

    @Test
    void answerTooLargeToBeKeptIsToldAndNothingElse() throws Exception {
        JsonArray list = new JsonArray();
        for (int i = 0; i < 64; i++) {
            JsonArray disks = new JsonArray();
            for (int j = 0; j < 60; j++) {
                disks.add(new JsonObject()
                        .put("deviceName", "/dev/" + j)
                        .put("sizeBytes", 1L << 30)
                        .put("volumeId", "vol-" + i + "-" + j)
                        .put("path", "x".repeat(300))
                        .put("fresh", true));
            }
            list.add(AssociationsAnswerTest.association("s-" + i, "vol-" + i, 'a')
                    .put("agentPins", new JsonArray().add(String.format("sha256:%064x", i)))
                    .put("disks", disks));
        }
        AssociationsAnswer large = AssociationsAnswer.read(new JsonObject().put("associations", list));
        assertThat(large.malformed()).isEmpty();
        try (StateDirectory state = state()) {
            new AssociationStore(state).store(NOW, large.associations());
            assertThat(state.load(AssociationStore.RECORD)).isEmpty();
        }
    }

    @Test
    void whatACommandChangedHoldsAgainstAnAnswerToAnEarlierQuestion() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch mayAnswer = new CountDownLatch(1);
        AtomicReference<Associations> known = new AtomicReference<>(associations("s-1"));
        controlPlane.associations = () -> {
            AssociationsAnswer answer = AssociationsAnswer.of(known.get());
            if (asked.getCount() > 0) {
                asked.countDown();
                mayAnswer.await();
            }
            return answer;
        };
        try (AssociationLoop loop = loop(null, Duration.ofMinutes(1))) {
            loop.start();
            asked.await();
            Associations both = associations("s-1", "s-2");
            loop.edit(before -> both).toCompletableFuture().get(20, TimeUnit.SECONDS);
            assertThat(nextChange()).isEqualTo(both);
            known.set(associations("s-2"));
            mayAnswer.countDown();
            assertThat(nextChange()).as("asked again").isEqualTo(associations("s-2"));
        }
    }

    @Test
    void whatACommandChangedSurvivesARestart() throws Exception {
        controlPlane.associations = () -> {
            throw FakeControlPlane.failure(Kind.UNREACHABLE);
        };
        Associations one = associations("s-1");
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofMinutes(1))) {
            loop.edit(before -> one).toCompletableFuture().get(20, TimeUnit.SECONDS);
            assertThat(nextChange()).isEqualTo(one);
        }
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofMinutes(1))) {
            loop.start();
            assertThat(nextChange()).isEqualTo(one);
        }
    }

    @Test
    void whatWasRefusedIsNeitherKeptNorTheBeginOfTheNextChange() throws Exception {
        Associations both = associations("s-1", "s-2");
        refused.add("s-2");
        try (StateDirectory state = state();
                AssociationLoop loop = loop(state, Duration.ofMinutes(1))) {
            AssociationTaker.Taken taken =
                    loop.edit(before -> both).toCompletableFuture().get(20, TimeUnit.SECONDS);
            assertThat(taken.refusals()).containsOnlyKeys("s-2");
            refused.clear();
            Associations next = loop.edit(before -> before)
                    .toCompletableFuture()
                    .get(20, TimeUnit.SECONDS)
                    .associations();
            assertThat(next.associations()).containsExactly(both.of("s-1"));
            assertThat(Objects.requireNonNull(new AssociationStore(state).load())
                            .associations())
                    .isEqualTo(next);
        }
    }

    @Test
    void whatWasRefusedOnceIsTriedAgainByACommandThatSaysTheSame() throws Exception {
        Associations one = associations("s-1");
        refused.add("s-1");
        try (AssociationLoop loop = loop(null, Duration.ofMinutes(1))) {
            loop.edit(before -> one).toCompletableFuture().get(20, TimeUnit.SECONDS);
            refused.clear();
            assertThat(loop.edit(before -> one).toCompletableFuture().get(20, TimeUnit.SECONDS))
                    .isEqualTo(new AssociationTaker.Taken(one, Map.of()));
        }
    }

    @Test
    void afterACommandItIsAskedSoonWhatTheControlPlaneSays() throws Exception {
        try (AssociationLoop loop = loop(null, Duration.ofHours(1))) {
            loop.start();
            nextChange();
            loop.edit(before -> before).toCompletableFuture().get(20, TimeUnit.SECONDS);
            await().until(() -> controlPlane.asked.get() == 2);
        }
    }
}
