package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.json.JsonObject;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.controlplane.LocalControlPlane;
import org.replicationserver.process.LocalServer;
import org.replicationserver.process.RunException;

/** What a demo says of what its control plane was told, and what it takes for a failure. */
final class ControlPlaneTest {
    private static final Watch NOTHING_TO_WATCH = new Watch(null, null);

    @TempDir
    private Path directory = Path.of("");

    private final StringWriter said = new StringWriter();
    private final Transcript transcript = new Transcript(new PrintWriter(said));
    private LocalControlPlane controlPlane;
    private ReportingServer server;

    @BeforeEach
    void start() throws RunException {
        controlPlane = LocalControlPlane.start(directory.resolve("control-plane"));
        server = ReportingServer.assigned(controlPlane);
    }

    @AfterEach
    void close() {
        server.close();
        controlPlane.close();
    }

    private String stop() {
        return controlPlane.fleet().issue(ReportingServer.ID, "STOP_REPLICATION", LocalServer.SOURCE_SERVER);
    }

    private Account account() {
        return Account.of(controlPlane.simulator());
    }

    @Test
    void commandThatSucceedsIsNoFailure() throws Exception {
        String commandId = stop();
        server.answer(1, commandId, "SUCCEEDED", "");
        assertThatCode(() -> NOTHING_TO_WATCH.awaitSuccess(controlPlane, commandId))
                .doesNotThrowAnyException();
    }

    @Test
    void commandThatFailsIsAFailureWithItsReason() throws Exception {
        String commandId = stop();
        server.answer(1, commandId, "FAILED", "the disk is on fire");
        assertThatThrownBy(() -> NOTHING_TO_WATCH.awaitSuccess(controlPlane, commandId))
                .isInstanceOf(RunException.class)
                .hasMessage(ReportingServer.ID + " answered STOP_REPLICATION with FAILED: the disk is on fire");
    }

    @Test
    void accountOfReportsInOrderIsRegularAndTellsWhatBecameOfCommands() throws Exception {
        server.answer(1, stop(), "SUCCEEDED", "");
        server.answer(2, stop(), "SUCCEEDED", "");
        account().requireRegular();
        account().print(transcript);
        assertThat(said.toString().lines().map(String::strip))
                .contains(
                        ReportingServer.ID + ": STOP_REPLICATION SUCCEEDED",
                        ReportingServer.ID + ": PAIR_SOURCE_SERVER has no result",
                        "reports taken                2",
                        "irregularities               none",
                        "violations of the contract   none");
    }

    @Test
    void reportsWithAGapAreAFailure() throws Exception {
        server.answer(1, stop(), "SUCCEEDED", "");
        server.answer(3, stop(), "SUCCEEDED", "");
        account().print(transcript);
        assertThat(said.toString()).contains("irregularities               " + ReportingServer.ID + " GAP: sequence 3");
        assertThatThrownBy(() -> account().requireRegular())
                .isInstanceOf(RunException.class)
                .hasMessage("the control plane was told something irregular by " + ReportingServer.ID
                        + " GAP: sequence 3 came after 1");
    }

    @Test
    void requestsThatAreNotAsTheControlApiSaysAreAFailure() throws Exception {
        for (int i = 0; i < 2; i++) {
            assertThat(server.send("GetChannelCommandsForMgn", new JsonObject().put("waitSeconds", -1)))
                    .isEqualTo(400);
        }
        int more = account().violations().size() - 1;
        assertThat(more).isPositive();
        account().print(transcript);
        assertThat(said.toString()).contains("violations of the contract   GetChannelCommandsForMgn request");
        assertThatThrownBy(() -> account().requireRegular())
                .isInstanceOf(RunException.class)
                .hasMessageStartingWith("something was not as the control API says: GetChannelCommandsForMgn request")
                .hasMessageEndingWith("; and " + more + " more");
    }

    @Test
    void progressIsSaidOnceAndWithTheTimesWhenItWillBeComplete() throws Exception {
        Sightings sightings = new Sightings(controlPlane, transcript);
        sightings.look();
        server.tellProgress(ReportingServer.info(1 << 20));
        sightings.look();
        server.tellProgress(ReportingServer.info(1 << 20));
        sightings.look();
        assertThat(sightings.hasEta()).isFalse();
        JsonObject later = ReportingServer.info(2 << 20);
        later.getJsonObject("detail")
                .put("etaEarliestDateTime", "2026-11-25T08:55:00Z")
                .put("etaLatestDateTime", "2026-11-25T09:05:30Z");
        server.tellProgress(later);
        sightings.look();
        assertThat(sightings.hasEta()).isTrue();
        later.getJsonObject("detail").put("etaLatestDateTime", "2026-11-25T08:55:00.9Z");
        server.tellProgress(later);
        sightings.look();
        assertThat(said.toString().lines())
                .containsExactly(
                        "initial sync: the control plane sees INITIAL_SYNC, 1.0 MiB of 8.0 MiB",
                        "initial sync: the control plane sees INITIAL_SYNC, 2.0 MiB of 8.0 MiB,"
                                + " complete between 08:55:00 and 09:05:30 UTC at this rate",
                        "initial sync: the control plane sees INITIAL_SYNC, 2.0 MiB of 8.0 MiB, complete at 08:55:00 UTC at this rate");
    }

    @Test
    void limitThatIsNotKeptIsAFailure() throws Exception {
        ThrottledRate kept = new ThrottledRate(24, 33_000_000, 10);
        kept.requireKept();
        assertThat(kept.text()).isEqualTo("26.4 Mbps on the wire over 10.0 s, the limit is 24 Mbps");
        assertThatThrownBy(() -> new ThrottledRate(24, 37_000_000, 10).requireKept())
                .isInstanceOf(RunException.class)
                .hasMessage(
                        "the limit of bandwidth is not kept: 29.6 Mbps on the wire over 10.0 s, the limit is 24 Mbps");
    }
}
