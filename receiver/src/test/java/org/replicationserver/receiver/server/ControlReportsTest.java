package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.control.Report;
import org.replicationserver.receiver.control.ReportKind;
import org.replicationserver.receiver.control.ReportText;
import org.replicationserver.receiver.replication.ReplicationSettings;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.replication.StageClocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.volume.StateDirectory;

/** What goes into the outbox, while that keeps it, is slow, or loses it. */
final class ControlReportsTest {
    private static final String SOURCE = "s-0123456789abcdef0";
    private static final StageClocks NOTHING = new StageClocks(0, 0, 0, 0, 0, 0, 0, 0, StageClocks.UNKNOWN, 0);

    @TempDir
    private Path directory = Path.of("");

    private final Clock clock = new Clock();
    private final FakeOutbox outbox = new FakeOutbox();
    private StateDirectory state;
    private ControlReports reports;
    private Replications replications;

    private static final class Clock implements SessionClock {
        private long millis = 1_700_000_000_000L;

        @Override
        public long nanos() {
            return millis * 1_000_000;
        }

        @Override
        public long millis() {
            return millis;
        }
    }

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
        reports = new ControlReports(outbox::append, ToldStates.load(state), replications, clock, Runnable::run);
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
            clock.millis += 1000;
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
}
