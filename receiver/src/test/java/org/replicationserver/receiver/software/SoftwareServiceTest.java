package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.software.SoftwareException.Kind;
import org.replicationserver.receiver.software.SoftwareService.FetchState;
import org.replicationserver.receiver.software.SoftwareService.Order;

class SoftwareServiceTest {
    private static final Order ORDER = new Order(S3Server.UNPAIRED, "agent", null, "1", null, null);

    @TempDir
    private Path directory = Path.of("");

    private final List<FetchState> told = new CopyOnWriteArrayList<>();

    private SoftwareService service() {
        return new SoftwareService(
                S3Server.mirrorSettings(directory.resolve("software"), directory.resolve("mirror")),
                S3Server.awsOfMirror(),
                told::add);
    }

    private Order put(String content) throws Exception {
        Path file = directory.resolve("mirror").resolve(S3Server.UNPAIRED).resolve("agent");
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Files.writeString(file, content);
        return new Order(
                S3Server.UNPAIRED,
                "agent",
                null,
                "1",
                S3Server.hashOf(content.getBytes(StandardCharsets.US_ASCII)),
                null);
    }

    @Test
    void serviceThatIsNeverAskedTouchesNothing() {
        SoftwareService service = service();
        service.begin();

        assertThat(service.status()).isEqualTo(new JsonObject());
        assertThat(directory).isEmptyDirectory();
        assertThat(told).isEmpty();
    }

    @Test
    void failureIsToldInStatusUntilTheNextFetchSucceeds() throws Exception {
        SoftwareService service = service();

        SoftwareException failure = catchThrowableOfType(SoftwareException.class, () -> service.fetch(ORDER));

        assertThat(failure.kind()).isEqualTo(Kind.HASH_NEEDED);
        JsonObject shown = service.status().getJsonObject("lastFailure");
        assertThat(shown.getString("object")).isEqualTo(S3Server.UNPAIRED + "/agent");
        assertThat(shown.getString("kind")).isEqualTo("HASH_NEEDED");
        assertThat(shown.getString("nextAction")).endsWith(".");
        assertThat(service.fetch(put("abc")).getString("version")).isEqualTo("1");
        assertThat(service.status()).isEqualTo(new JsonObject());
        assertThat(told).extracting(FetchState::isDone).containsExactly(false, true, false, true);
    }

    /** The store is open for one at a time; a server does not refuse itself. */
    @Test
    void fetchWaitsForTheOneBeforeIt() throws Exception {
        Order order = put("abc");
        List<Boolean> ends = new CopyOnWriteArrayList<>();
        AtomicReference<Thread> second = new AtomicReference<>();
        SoftwareService[] service = new SoftwareService[1];
        service[0] = new SoftwareService(
                S3Server.mirrorSettings(directory.resolve("software"), directory.resolve("mirror")),
                S3Server.awsOfMirror(),
                state -> {
                    ends.add(state.isDone());
                    if (second.get() == null) {
                        second.set(Thread.ofPlatform().start(() -> {
                            try {
                                service[0].fetch(order);
                            } catch (SoftwareException | InterruptedException e) {
                                throw new AssertionError(e);
                            }
                        }));
                        await().until(() -> second.get().getState() == Thread.State.WAITING || ends.size() == 3);
                    }
                });

        service[0].fetch(order);
        second.get().join();

        assertThat(ends).containsExactly(false, true, false, true);
    }

    /** Whoever cuts a fetch off by that time must not do so while a large object is read again on a slow disk. */
    @Test
    void fetchMayTakeTheLongerToInstallTheLargerAnObjectMayBe() {
        Path store = directory.resolve("software");
        Duration timeout = Duration.ofSeconds(30);
        SoftwareService ofLarge = new SoftwareService(
                S3Server.settings(store, 64L << 30, timeout, Optional.empty()), S3Server.awsOfMirror(), told::add);

        assertThat(service().fetchTimeout()).isBetween(Duration.ofMinutes(5), Duration.ofMinutes(7));
        assertThat(ofLarge.fetchTimeout()).as("20 MB/s").isGreaterThan(Duration.ofSeconds(3400));
    }

    @Test
    void startMendsWhatACrashHasLeftAndTellsOfWhatIsInstalled() throws Exception {
        service().fetch(put("abc"));
        Path link = directory.resolve("software/current/agent");
        Files.delete(link);
        Path left = Files.createDirectories(directory.resolve("software/versions/agent/9"));
        told.clear();

        service().begin();

        await().until(() -> !told.isEmpty());
        assertThat(link.resolve("agent")).hasContent("abc");
        assertThat(left).doesNotExist();
        assertThat(told).singleElement().satisfies(state -> {
            assertThat(state.isDone()).isTrue();
            assertThat(state.failure()).isNull();
        });
    }
}
