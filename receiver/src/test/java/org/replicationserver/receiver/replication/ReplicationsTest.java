package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.ManualClock;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SourceRecord;

/** What the replications of a server take from what was kept. */
class ReplicationsTest {
    private static final StageClocks NOTHING = new StageClocks(0, 0, 0, 0, 0, 0, 0, 0, StageClocks.UNKNOWN, 0);

    private final ManualClock clock = new ManualClock();
    private final List<DataReplicationState> states = new ArrayList<>();
    private final Replications replications = new Replications(
            clock,
            ReplicationSettings.defaults(),
            () -> "i-0123456789abcdef0",
            false,
            id -> NOTHING,
            (source, before, after, why, now) -> states.add(after),
            (source, checkpoint) -> {});

    private void startWith(SourceRecord record) {
        replications.assigned(ModelWorld.assignment(1), DesiredState.STARTED, record);
        replications.volumeOpened("s-1", "vol-0");
    }

    private void passAndTick(Duration duration) {
        clock.pass(duration);
        replications.tick();
    }

    private DataReplicationInfo info() {
        return Objects.requireNonNull(replications.info("s-1"));
    }

    private InitiationStepStatus connectStep() {
        return info().dataReplicationInitiation().steps().stream()
                .filter(step -> step.name() == InitiationStepName.CONNECT_AGENT_TO_REPLICATION_SERVER)
                .findFirst()
                .orElseThrow()
                .status();
    }

    private List<ExplanationCode> codes() {
        return info().detail().explanations().stream().map(Explanation::code).toList();
    }

    @Test
    void sessionWithoutADurableByteIsKnownAfterARestart() {
        startWith(SourceRecord.initial().withGeneration(1));
        assertThat(connectStep()).isEqualTo(InitiationStepStatus.SUCCEEDED);

        passAndTick(Duration.ofSeconds(61));
        assertThat(states).containsExactly(DataReplicationState.INITIATING, DataReplicationState.DISCONNECTED);
        passAndTick(Duration.ofMinutes(10));
        assertThat(codes()).containsExactly(ExplanationCode.AGENT_NOT_SEEN);
        assertThat(connectStep()).isEqualTo(InitiationStepStatus.SUCCEEDED);
    }

    @Test
    void whoIsRefusedAsADuplicateIsKnownAfterARestart() {
        RefusedAgent refused = new RefusedAgent("i", "192.0.2.1:1", "sha256:a", "192.0.2.2:2", "sha256:b");
        startWith(SourceRecord.initial().withRefusedAgents(List.of(ModelWorld.DUPLICATE, refused)));
        Explanation told = info().detail().explanations().getFirst();
        assertThat(told.code()).isEqualTo(ExplanationCode.DUPLICATE_AGENT);
        assertThat(told.sentence())
                .startsWith(
                        "two agents take turns with different keys (registered twice?; refused is sha256:a, the other is sha256:b), the one at 192.0.2.1:1 is refused,"
                                + " the other is at 192.0.2.2:2");
        assertThat(told.nextAction()).endsWith("(ACCEPT_AGENTS, or: source accept-agents s-1).");

        replications.agentsAccepted("s-1");
        assertThat(codes()).doesNotContain(ExplanationCode.DUPLICATE_AGENT);
    }

    @Test
    void agentThatNeverHadASessionIsNotMissed() {
        startWith(SourceRecord.initial());
        assertThat(connectStep()).isEqualTo(InitiationStepStatus.IN_PROGRESS);

        passAndTick(Duration.ofMinutes(10));
        assertThat(states).containsExactly(DataReplicationState.INITIATING);
        assertThat(codes()).containsExactly(ExplanationCode.AGENT_NEVER_CONNECTED);
        assertThat(connectStep()).isEqualTo(InitiationStepStatus.FAILED);
    }

    @Test
    void firstByteTellsOfASessionWhoseRecordIsLost() {
        replications.restore(
                "s-1",
                new ReplicationCheckpoint(
                        DataReplicationState.INITIAL_SYNC,
                        1,
                        1,
                        0,
                        0,
                        false,
                        false,
                        DesiredState.STARTED,
                        1,
                        Map.of()));
        startWith(SourceRecord.lost());

        assertThat(connectStep()).isEqualTo(InitiationStepStatus.SUCCEEDED);
    }
}
