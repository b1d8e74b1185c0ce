package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.control.Report;
import org.replicationserver.receiver.control.ReportKind;
import org.replicationserver.receiver.control.ReportText;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.replication.StageClocks;
import org.replicationserver.receiver.server.ToldSessions.Session;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.ManualClock;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.volume.StateDirectory;

/** What goes into the outbox, while that keeps it, is slow, or loses it. */
final class ControlReportsTest {
    private static final String SOURCE = "s-0123456789abcdef0";
    private static final StageClocks NOTHING = new StageClocks(0, 0, 0, 0, 0, 0, 0, 0, StageClocks.UNKNOWN, 0);

    @TempDir
    private Path directory = Path.of("");

    private final ManualClock clock = new ManualClock();
    private final FakeOutbox outbox = new FakeOutbox();
    private StateDirectory state;
    private ControlReports reports;
    private Replications replications;

    /** Keeps reports in order; a test says when they are durable, or that they are lost. */
    private static final class FakeOutbox {
        final List<Report> appended = new ArrayList<>();
        final List<CompletableFuture<Void>> underWay = new ArrayList<>();
        boolean slow;
        boolean fails;

        CompletionStage<Void> append(Report report) {
            if (fails) {
                return CompletableFuture.failedStage(new IOException("No space left on device"));
            }
            appended.add(report);
            CompletableFuture<Void> durable = new CompletableFuture<>();
            if (slow) {
                underWay.add(durable);
            } else {
                durable.complete(null);
            }
            return durable.minimalCompletionStage();
        }

        void keepAll() {
            underWay.forEach(one -> one.complete(null));
            underWay.clear();
        }

        void loseAll() {
            underWay.forEach(one -> one.completeExceptionally(new IOException("I/O error")));
            underWay.clear();
        }
    }

    @BeforeEach
    void start() throws IOException {
        state = StateDirectory.open(directory, failure -> {
            throw new AssertionError(failure);
        });
        replications = new Replications(
                clock,
                ReplicationSettings.defaults(),
                () -> "i-0123456789abcdef0",
                false,
                id -> NOTHING,
                (source, before, after, why, now) -> reports.stateChanged(source, before, after, why, now),
                (source, checkpoint) -> {});
        reports = new ControlReports(
                outbox::append, ToldStates.load(state), ToldSessions.load(state), replications, clock, Runnable::run);
        reports.tellFormerSessions();
    }

    @AfterEach
    void stop() throws IOException {
        state.close();
    }

    /** Everything but what is on disk begins anew. */
    private void restart() throws IOException {
        stop();
        start();
    }

    private void assign() {
        replications.assigned(new SourceAssignment(SOURCE, List.of()), DesiredState.STARTED, SourceRecord.initial());
    }

    private void want(DesiredState desired) {
        replications.desired(SOURCE, desired);
    }

    private void passSeconds(long seconds) {
        for (long i = 0; i < seconds; i++) {
            clock.pass(Duration.ofSeconds(1));
            reports.tick();
        }
    }

    /** The changes of states that are or were in the outbox since the last call, previous→current. */
    private List<String> takeStates() {
        List<String> taken = outbox.appended.stream()
                .filter(report -> report.kind() == ReportKind.STATE)
                .map(ReportText::body)
                .map(body -> body.getString("previousState") + "→" + stateOf(body))
                .toList();
        outbox.appended.clear();
        return taken;
    }

    private static String stateOf(JsonObject body) {
        return body.getJsonObject("dataReplicationInfo").getString("dataReplicationState");
    }

    // --- states

    @Test
    void changeIsFromTheStateThatWasToldAlsoOverARestart() throws Exception {
        assign();
        want(DesiredState.PAUSED);
        assertThat(takeStates()).containsExactly("STOPPED→INITIATING", "INITIATING→PAUSED");

        restart();
        assign();
        assertThat(takeStates()).containsExactly("PAUSED→INITIATING");
        restart();
        assign();
        assertThat(takeStates()).as("nothing new").isEmpty();
    }

    @Test
    void neededRescanIsToldWithTheRecordThatAnotherServerWouldBeginWith() {
        assign();
        outbox.appended.clear();
        SourceRecord record = SourceRecord.initial()
                .withVolume("vol-0", new VolumeRecord("a".repeat(32), Origin.VOLUME_REPLACED, null))
                .withVolume("vol-1", new VolumeRecord("b".repeat(32), Origin.NEW_VOLUME, "EIO"));

        reports.rescanNeeded(SOURCE, record);

        assertThat(outbox.appended).singleElement().satisfies(report -> {
            assertThat(report.kind()).isEqualTo(ReportKind.RECORD);
            JsonObject body = ReportText.body(report);
            assertThat(body.getString("cause")).isEqualTo("RESCAN_NEEDED");
            assertThat(body.getJsonObject("record").encode())
                    .contains("a".repeat(32))
                    .as("the volume that has failed")
                    .doesNotContain("vol-1");
        });
    }

    @Test
    void changesThatAreUnderWayFollowEachOther() throws Exception {
        outbox.slow = true;
        assign();
        want(DesiredState.PAUSED);
        want(DesiredState.STARTED);
        want(DesiredState.PAUSED);
        assertThat(takeStates())
                .containsExactly("STOPPED→INITIATING", "INITIATING→PAUSED", "PAUSED→INITIATING", "INITIATING→PAUSED");

        outbox.keepAll();
        outbox.slow = false;
        restart();
        assign();
        assertThat(takeStates()).containsExactly("PAUSED→INITIATING");
    }

    @Test
    void stateIsNotToldBeforeItsReportIsDurable() throws Exception {
        assign();
        outbox.slow = true;
        want(DesiredState.PAUSED);
        takeStates();

        restart(); // the report is not on disk
        replications.assigned(new SourceAssignment(SOURCE, List.of()), DesiredState.PAUSED, SourceRecord.initial());
        assertThat(takeStates()).containsExactly("INITIATING→PAUSED");
    }

    @Test
    void stateWhoseReportWasLostIsToldLaterWithoutAnotherChange() {
        assign();
        takeStates();
        outbox.fails = true;
        want(DesiredState.PAUSED);
        want(DesiredState.STOPPED);
        passSeconds(60);
        assertThat(takeStates()).isEmpty();

        outbox.fails = false;
        passSeconds(10);
        assertThat(takeStates()).containsExactly("INITIATING→STOPPED");
        passSeconds(60);
        assertThat(takeStates()).as("once").isEmpty();
    }

    @Test
    void firstStateWhoseReportWasLostIsToldLater() {
        outbox.fails = true;
        assign();
        want(DesiredState.PAUSED);
        outbox.fails = false;

        passSeconds(10);
        assertThat(takeStates()).containsExactly("STOPPED→PAUSED");
    }

    @Test
    void nextChangeAfterALossIsFromTheStateThatIsDurable() {
        assign();
        outbox.slow = true;
        want(DesiredState.PAUSED);
        takeStates();
        outbox.loseAll();
        outbox.slow = false;

        want(DesiredState.STOPPED);
        assertThat(takeStates()).containsExactly("INITIATING→STOPPED");
        passSeconds(60);
        assertThat(takeStates()).isEmpty();
    }

    @Test
    void stateThatIsWhatWasToldLastIsNotToldAfterALoss() {
        assign();
        takeStates();
        outbox.fails = true;
        want(DesiredState.PAUSED);
        want(DesiredState.STARTED);
        outbox.fails = false;

        passSeconds(60);
        assertThat(takeStates()).isEmpty();
    }

    @Test
    void lossThatIsKnownBeforeAnOlderReportIsDurableIsMadeUpFor() {
        assign();
        outbox.slow = true;
        want(DesiredState.PAUSED);
        outbox.fails = true;
        want(DesiredState.STOPPED);
        outbox.fails = false;
        takeStates();
        passSeconds(20);
        assertThat(takeStates()).as("one is under way").isEmpty();

        outbox.keepAll();
        passSeconds(10);
        assertThat(takeStates()).containsExactly("PAUSED→STOPPED");
    }

    @Test
    void lostStateOfASourceServerThatWentIsForgotten() {
        outbox.fails = true;
        assign();
        outbox.fails = false;
        replications.unassigned(SOURCE);

        passSeconds(60);
        assertThat(takeStates()).isEmpty();
    }

    // --- sessions

    private void open(long generation) {
        reports.sessionOpened(SOURCE, generation, "192.0.2.1:4711", 1, List.of());
        awaitStored();
    }

    private void end(long generation) {
        reports.sessionEnded(SOURCE, generation, "connection reset", SessionEndCause.LOST);
    }

    /** The event loop of these tests is whoever has something for it. */
    private void awaitStored() {
        state.store("after", new byte[0]).toCompletableFuture().join();
    }

    /** What was told of sessions since the last call. */
    private List<String> takeSessions() {
        awaitStored();
        List<String> taken = outbox.appended.stream()
                .filter(report ->
                        report.kind() == ReportKind.AGENT_CONNECTED || report.kind() == ReportKind.AGENT_DISCONNECTED)
                .map(report -> report.kind() == ReportKind.AGENT_CONNECTED
                        ? "connected " + ReportText.body(report).getString("generation")
                        : "ended " + ReportText.body(report).getString("generation") + " "
                                + ReportText.body(report).getString("reason"))
                .toList();
        outbox.appended.clear();
        return taken;
    }

    @Test
    void endOfASessionIsToldOnceAlsoOverRestarts() throws Exception {
        open(8);
        end(8);
        assertThat(takeSessions()).containsExactly("connected 8", "ended 8 LOST: connection reset");

        restart();
        assertThat(takeSessions()).isEmpty();
    }

    @Test
    void sessionThatEndedWithItsProcessIsToldAtTheNextStartBeforeAnyOther() throws Exception {
        open(8);
        takeSessions();

        restart(); // as after a crash: nobody has told of an end
        open(9);
        assertThat(takeSessions()).containsExactly("ended 8 SERVER_ENDED: the server's process ended", "connected 9");
        end(9);
        takeSessions();
        restart();
        assertThat(takeSessions()).as("once").isEmpty();
    }

    @Test
    void endThatWasNotDurableIsToldAgainAtTheNextStart() throws Exception {
        open(8);
        outbox.slow = true;
        end(8);
        takeSessions();

        restart();
        assertThat(takeSessions()).hasSize(1);
        outbox.keepAll();
        restart();
        assertThat(takeSessions()).isEmpty();
    }

    @Test
    void connectionIsToldOnlyWhenItsEndWillBe() throws Exception {
        BlockingQueue<Runnable> loop = new LinkedBlockingQueue<>();
        ControlReports slowLoop = new ControlReports(
                outbox::append, ToldStates.load(state), ToldSessions.load(state), replications, clock, loop::add);
        slowLoop.sessionOpened(SOURCE, 8, "192.0.2.1:4711", 1, List.of());
        slowLoop.sessionEnded(SOURCE, 8, "connection reset", SessionEndCause.LOST);
        slowLoop.helloRefused(SOURCE, "192.0.2.1:4712", ErrorCode.FORBIDDEN, "duplicate agent");
        assertThat(outbox.appended).extracting(Report::kind).containsExactly(ReportKind.AGENT_AUTHENTICATION);

        Runnable whenStored = loop.take();
        assertThat(ToldSessions.load(state).all()).containsExactly(new Session(SOURCE, 8));
        whenStored.run();
        assertThat(outbox.appended)
                .extracting(Report::kind)
                .containsExactly(
                        ReportKind.AGENT_AUTHENTICATION,
                        ReportKind.AGENT_CONNECTED,
                        ReportKind.AGENT_DISCONNECTED,
                        ReportKind.AGENT_AUTHENTICATION);
    }

    @Test
    void endThatWasLostIsToldLaterAndBeforeTheNextSessionOfItsSourceServer() {
        open(8);
        takeSessions();
        outbox.fails = true;
        end(8);
        outbox.fails = false;
        open(9);
        assertThat(takeSessions()).containsExactly("ended 8 LOST: connection reset", "connected 9");

        outbox.fails = true;
        end(9);
        outbox.fails = false;
        passSeconds(20);
        assertThat(takeSessions()).containsExactly("ended 9 LOST: connection reset");
    }

    @Test
    void endOfASessionThatWasNotToldIsNot() throws Exception {
        for (int i = 1; i <= AgentReportLimit.BURST; i++) {
            open(i);
            end(i);
        }
        takeSessions();
        open(100);
        end(100);
        open(101);
        assertThat(takeSessions()).isEmpty();

        restart();
        assertThat(takeSessions()).isEmpty();
    }

    @Test
    void whatWasToldOfSessionsIsBoundedAndRubbishIsNoneOfIt() throws Exception {
        ToldSessions told = ToldSessions.load(state);
        for (int i = 1; i <= ToldSessions.SESSIONS_MAX + 1; i++) {
            told.add(new Session(SOURCE, i));
        }
        awaitStored();
        assertThat(ToldSessions.load(state).all())
                .hasSize(ToldSessions.SESSIONS_MAX)
                .startsWith(new Session(SOURCE, 2));

        for (String rubbish :
                List.of("", "[]", "{}", "{\"sessions\":[1]}", "{\"sessions\":[{\"generation\":\"1\"}]}")) {
            Files.writeString(directory.resolve("sessions.json"), rubbish);
            assertThat(ToldSessions.load(state).all()).as(rubbish).isEmpty();
        }
    }
}
