package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.control.CommandParameters.None;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.volume.StateDirectory;

/** Commands from the poll to the result. */
final class CommandLoopTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private final FakeControlPlane controlPlane = new FakeControlPlane();
    private final List<String> executed = new CopyOnWriteArrayList<>();

    @TempDir
    private Path directory = Path.of("");

    /** A server with commands, from start to stop. */
    private final class World implements AutoCloseable {
        final StateDirectory state;
        final Outbox outbox;
        final CommandLoop loop;
        final OutboxSender sender;

        World(CommandHandlers handlers) throws IOException {
            this(handlers, Clock.systemUTC());
        }

        World(CommandHandlers handlers, Clock clock) throws IOException {
            state = StateDirectory.open(directory.resolve("control"), failure -> {});
            outbox = Outbox.open(directory.resolve("outbox"), 64 << 20, Clock.systemUTC());
            loop = new CommandLoop(controlPlane, 20, handlers, state, outbox, clock);
            sender = new OutboxSender(controlPlane, outbox, () -> {});
            loop.start();
            sender.start();
        }

        @Override
        public void close() throws IOException {
            loop.close();
            sender.close();
            outbox.close();
            state.close();
        }
    }

    private CommandHandler done() {
        return command -> {
            executed.add(command.commandId());
            return CompletableFuture.completedStage(CommandResult.succeeded("done " + command.commandId()));
        };
    }

    private static CommandHandlers drainedBy(CommandHandler handler) {
        return handlersOf(CommandType.DRAIN_SERVER, LONG, handler);
    }

    private static CommandHandlers handlersOf(CommandType type, Duration deadline, CommandHandler handler) {
        return CommandHandlers.builder().on(type, deadline, handler).build();
    }

    private static PolledCommand drain(String id) {
        return command(id, CommandType.DRAIN_SERVER, null, null);
    }

    private static PolledCommand start(String id, String source) {
        return command(id, CommandType.START_REPLICATION, source, null);
    }

    private static PolledCommand command(
            String id, CommandType type, @Nullable String source, @Nullable Instant expires) {
        return new PolledCommand.Sound(new ChannelCommand(id, type, source, new None(), expires));
    }

    private static JsonObject bodyOf(SentReport report) {
        return new JsonObject(Buffer.buffer(report.report().body()));
    }

    private List<String> awaitResults(int count) {
        await().atMost(Duration.ofSeconds(30)).until(() -> controlPlane.taken.size() >= count);
        return controlPlane.taken.stream()
                .map(CommandLoopTest::bodyOf)
                .map(body -> body.getString("commandId") + " " + body.getString("status") + " "
                        + body.getString("message", ""))
                .toList();
    }

    @Test
    void commandThatTheStopInterruptsIsNotAnsweredAndComesToTheNextStart() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        controlPlane.polls.add(List.of(drain("c-1")));
        try (World _ = new World(drainedBy(command -> {
            begun.countDown();
            new CountDownLatch(1).await();
            throw new AssertionError("not reached");
        }))) {
            assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(controlPlane.taken).isEmpty();
        controlPlane.polls.add(List.of(drain("c-1")));
        try (World _ = new World(drainedBy(done()))) {
            assertThat(awaitResults(1)).containsExactly("c-1 SUCCEEDED done c-1");
        }
    }

    // --- answers

    @Test
    void everyCommandIsAnswered() throws Exception {
        controlPlane.polls.add(List.of(
                drain("c-1"),
                new PolledCommand.Invalid("c-2", "unknown command type X; known are ..."),
                new PolledCommand.Nameless("commands[2]: no object"),
                command("c-3", CommandType.CREATE_SNAPSHOT, "s-1", null),
                command("c-4", CommandType.DRAIN_SERVER, null, Instant.parse("2020-01-01T00:00:00Z")),
                command("c-5", CommandType.DRAIN_SERVER, null, Instant.now().plusSeconds(600))));
        try (World _ = new World(drainedBy(done()))) {
            assertThat(awaitResults(5))
                    .satisfiesExactlyInAnyOrder(
                            one -> assertThat(one).isEqualTo("c-1 SUCCEEDED done c-1"),
                            one -> assertThat(one).isEqualTo("c-2 INVALID unknown command type X; known are ..."),
                            one -> assertThat(one).isEqualTo("c-3 NOT_SUPPORTED this server cannot do CREATE_SNAPSHOT"),
                            one -> assertThat(one)
                                    .startsWith("c-4 EXPIRED it expired at 2020-01-01T00:00:00Z, here it is "),
                            one -> assertThat(one).isEqualTo("c-5 SUCCEEDED done c-5"));
        }
        assertThat(executed).containsExactly("c-1", "c-5");
    }

    @Test
    void outputOfAHandlerArrives() throws Exception {
        controlPlane.polls.add(List.of(drain("c-1")));
        CommandHandler handler = command ->
                CompletableFuture.completedStage(CommandResult.succeeded("", new JsonObject().put("records", 7)));
        try (World _ = new World(drainedBy(handler))) {
            awaitResults(1);
            JsonObject body = bodyOf(controlPlane.taken.getFirst());
            assertThat(body.getJsonObject("output").getInteger("records")).isEqualTo(7);
            assertThat(body.containsKey("message")).isFalse();
        }
    }

    @Test
    void handlerThatFailsOrThrowsIsAnsweredFailed() throws Exception {
        controlPlane.polls.add(List.of(drain("c-1"), drain("c-2"), drain("c-3")));
        CommandHandler handler = command -> switch (command.commandId()) {
            case "c-1" -> throw new IllegalStateException("thrown");
            case "c-2" -> CompletableFuture.failedStage(new IOException("failed"));
            default ->
                CompletableFuture.completedStage(CommandResult.succeeded(
                        "", new JsonObject().put("x", "x".repeat(CommandResult.OUTPUT_BYTES_MAX))));
        };
        try (World _ = new World(drainedBy(handler))) {
            assertThat(awaitResults(3))
                    .containsExactly(
                            "c-1 FAILED thrown",
                            "c-2 FAILED failed",
                            "c-3 FAILED the output of a command is too large; bytesMax=32768");
        }
    }

    @Test
    void handlerThatTakesTooLongIsAnsweredFailedAndTheNextCommandGoesOn() throws Exception {
        controlPlane.polls.add(List.of(drain("c-1"), drain("c-2")));
        CommandHandler handler = command -> command.commandId().equals("c-1")
                ? new CompletableFuture<>()
                : CompletableFuture.completedStage(CommandResult.succeeded(""));
        try (World _ = new World(handlersOf(CommandType.DRAIN_SERVER, Duration.ofSeconds(1), handler))) {
            assertThat(awaitResults(2))
                    .containsExactly(
                            "c-1 FAILED not done within 1 s; it may still take effect, look at the status before it is"
                                    + " commanded again",
                            "c-2 SUCCEEDED ");
        }
    }

    // --- once in effect

    @Test
    void commandThatComesAgainIsNotExecutedAgain() throws Exception {
        AtomicBoolean takes = new AtomicBoolean();
        controlPlane.taking = report -> {
            if (!takes.get()) {
                throw FakeControlPlane.failure(Kind.UNREACHABLE);
            }
        };
        try (World world = new World(drainedBy(done()))) {
            controlPlane.polls.add(List.of(drain("c-1")));
            await().until(() -> world.outbox.holdsResultOf("c-1"));
            // Its result waits: nothing more of it is needed.
            controlPlane.polls.add(List.of(drain("c-1")));
            controlPlane.polls.add(List.of(drain("c-2")));
            await().until(() -> world.outbox.holdsResultOf("c-2"));
            takes.set(true);
            assertThat(awaitResults(2)).hasSize(2);
            // Its result was taken and lost by the other side: it is told again.
            controlPlane.polls.add(List.of(drain("c-1")));
            assertThat(awaitResults(3))
                    .containsExactly("c-1 SUCCEEDED done c-1", "c-2 SUCCEEDED done c-2", "c-1 SUCCEEDED done c-1");
        }
        assertThat(executed).containsExactly("c-1", "c-2");
    }

    @Test
    void restartDoesNotExecuteAgainWhatWasDone() throws Exception {
        controlPlane.polls.add(List.of(drain("c-1")));
        controlPlane.taking = report -> {
            throw FakeControlPlane.failure(Kind.UNREACHABLE);
        };
        try (World world = new World(drainedBy(done()))) {
            await().until(() -> world.outbox.holdsResultOf("c-1"));
        }
        controlPlane.taking = report -> {};
        controlPlane.polls.add(List.of(drain("c-1")));
        try (World _ = new World(drainedBy(done()))) {
            assertThat(awaitResults(1)).containsExactly("c-1 SUCCEEDED done c-1");
            controlPlane.polls.add(List.of(drain("c-1")));
            awaitResults(2);
        }
        assertThat(executed).containsExactly("c-1");
    }

    /** The result is in the journal, the outbox has lost it: the crash came between the two. */
    @Test
    void resultThatOnlyTheJournalHasIsSent() throws Exception {
        try (StateDirectory state = StateDirectory.open(directory.resolve("control"), failure -> {})) {
            CommandJournal.load(state)
                    .add("c-1", CommandResult.succeeded("long ago"))
                    .toCompletableFuture()
                    .get(20, TimeUnit.SECONDS);
        }
        controlPlane.polls.add(List.of(drain("c-1")));
        try (World _ = new World(drainedBy(done()))) {
            assertThat(awaitResults(1)).containsExactly("c-1 SUCCEEDED long ago");
        }
        assertThat(executed).isEmpty();
    }

    @Test
    void commandThatIsCutByAStopComesAgain() throws Exception {
        controlPlane.polls.add(List.of(drain("c-1")));
        CountDownLatch begun = new CountDownLatch(1);
        CommandHandler endless = command -> {
            begun.countDown();
            return new CompletableFuture<>();
        };
        try (World _ = new World(drainedBy(endless))) {
            assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
        }
        controlPlane.polls.add(List.of(drain("c-1")));
        try (World _ = new World(drainedBy(done()))) {
            assertThat(awaitResults(1)).containsExactly("c-1 SUCCEEDED done c-1");
        }
    }

    @Test
    void faultOfOursInOneCommandKeepsNoOtherOfItsSourceServerFromBeingAnswered() throws Exception {
        AtomicBoolean faulty = new AtomicBoolean(true);
        InstantSource clock = () -> {
            if (faulty.getAndSet(false)) {
                throw new IllegalStateException("a fault of ours");
            }
            return Instant.now();
        };
        controlPlane.polls.add(List.of(drain("c-1"), drain("c-2")));
        try (World _ = new World(drainedBy(done()), clock.withZone(ZoneOffset.UTC))) {
            assertThat(awaitResults(1)).containsExactly("c-2 SUCCEEDED done c-2");
            controlPlane.polls.add(List.of(drain("c-3"), drain("c-1")));
            assertThat(awaitResults(3).subList(1, 3))
                    .containsExactly("c-3 SUCCEEDED done c-3", "c-1 SUCCEEDED done c-1");
        }
        assertThat(executed).containsExactly("c-1", "c-2", "c-3");
    }

    // --- order

    @Test
    void commandsOfOneSourceServerKeepTheirOrderAndOthersDoNotWait() throws Exception {
        CompletableFuture<CommandResult> first = new CompletableFuture<>();
        CommandHandler handler = command -> {
            executed.add(command.commandId());
            return command.commandId().equals("a-1")
                    ? first
                    : CompletableFuture.completedStage(CommandResult.succeeded(""));
        };
        controlPlane.polls.add(List.of(start("a-1", "s-a"), start("a-2", "s-a"), start("b-1", "s-b")));
        controlPlane.polls.add(List.of(start("a-3", "s-a"), start("b-2", "s-b")));
        try (World _ = new World(handlersOf(CommandType.START_REPLICATION, LONG, handler))) {
            assertThat(awaitResults(2)).containsExactly("b-1 SUCCEEDED ", "b-2 SUCCEEDED ");
            assertThat(executed).containsExactlyInAnyOrder("a-1", "b-1", "b-2");
            first.complete(CommandResult.failed("late"));
            assertThat(awaitResults(5).subList(2, 5))
                    .containsExactly("a-1 FAILED late", "a-2 SUCCEEDED ", "a-3 SUCCEEDED ");
        }
    }

    @Test
    void pollsDoNotWaitBeforeTheFirstAnswerAndAfterAFailure() throws Exception {
        List<PolledCommand> full = new ArrayList<>();
        for (int i = 0; i < WireForms.COMMANDS_MAX; i++) {
            full.add(drain("c-" + i));
        }
        AtomicInteger polls = new AtomicInteger();
        controlPlane.polling = () -> {
            int poll = polls.incrementAndGet();
            if (poll == 1 || poll == 5) {
                throw FakeControlPlane.failure(Kind.UNREACHABLE);
            }
        };
        controlPlane.polls.add(full);
        controlPlane.polls.add(List.of(drain("c-16")));
        controlPlane.polls.add(List.of(drain("c-17")));
        controlPlane.polls.add(List.of(drain("c-18")));
        try (World _ = new World(drainedBy(done()))) {
            await().atMost(Duration.ofSeconds(30)).until(() -> controlPlane.waitsSeconds.size() == 7);
            assertThat(controlPlane.waitsSeconds)
                    .as("fails, is full, brings the rest, waits, fails, brings what was missed, waits")
                    .containsExactly(0, 0, 0, 20, 20, 0, 20);
        }
    }

    @Test
    void malformedCommandIsAnsweredWhileOthersRun() throws Exception {
        controlPlane.polls.add(List.of(drain("c-1"), new PolledCommand.Invalid("c-2", "type is missing")));
        try (World _ = new World(drainedBy(command -> new CompletableFuture<>()))) {
            assertThat(awaitResults(1)).containsExactly("c-2 INVALID type is missing");
        }
    }

    @Test
    void pollingStopsWhileTooManyCommandsAreOpen() throws Exception {
        CompletableFuture<CommandResult> gate = new CompletableFuture<>();
        for (int poll = 0; poll < 8; poll++) {
            List<PolledCommand> commands = new ArrayList<>();
            for (int i = 0; i < WireForms.COMMANDS_MAX; i++) {
                commands.add(drain("c-" + poll + "-" + i));
            }
            controlPlane.polls.add(commands);
        }
        try (World _ = new World(drainedBy(command -> gate))) {
            await().until(() -> controlPlane.polls.size() == 4);
            await().during(Duration.ofMillis(300)).until(() -> controlPlane.polls.size() == 4);
            gate.complete(CommandResult.succeeded(""));
            awaitResults(8 * WireForms.COMMANDS_MAX);
        }
    }

    /** A control plane repeats at once what it has no result of; without a pause that would be as fast as it can. */
    @Test
    void pollsThatBringNothingNewAreNotRepeatedAtOnce() throws Exception {
        AtomicInteger count = new AtomicInteger();
        FakeControlPlane repeating = new FakeControlPlane() {
            @Override
            public List<PolledCommand> getCommands(int waitSeconds, int commandsMax) {
                count.incrementAndGet();
                return List.of(drain("c-1"));
            }
        };
        StateDirectory state = StateDirectory.open(directory.resolve("control"), failure -> {});
        try (state;
                Outbox outbox = Outbox.open(directory.resolve("outbox"), 64 << 20, Clock.systemUTC());
                CommandLoop loop = new CommandLoop(
                        repeating,
                        20,
                        drainedBy(command -> new CompletableFuture<>()),
                        state,
                        outbox,
                        Clock.systemUTC())) {
            loop.start();
            await().until(() -> count.get() >= 3);
            assertThat(count.get()).isLessThanOrEqualTo(4);
        }
    }
}
