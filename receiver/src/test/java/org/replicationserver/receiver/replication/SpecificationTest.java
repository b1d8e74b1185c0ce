package org.replicationserver.receiver.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.replication.StateTransitions.Effect;

/** What README.md says in tables is what the code does. A failure prints the rows as they should be. */
class SpecificationTest {
    private static final List<DataReplicationState> COLUMNS = List.of(
            DataReplicationState.INITIATING,
            DataReplicationState.INITIAL_SYNC,
            DataReplicationState.BACKLOG,
            DataReplicationState.CREATING_SNAPSHOT,
            DataReplicationState.CONTINUOUS,
            DataReplicationState.RESCAN,
            DataReplicationState.STALLED,
            DataReplicationState.DISCONNECTED,
            DataReplicationState.PAUSED,
            DataReplicationState.STOPPED,
            DataReplicationState.PENDING_SNAPSHOT_SHIPPING,
            DataReplicationState.SHIPPING_SNAPSHOT);

    @Test
    void everyCellOfTheTransitionTableIsThatOfTheCode() {
        assertThat(COLUMNS).containsExactlyInAnyOrder(DataReplicationState.values());
        List<String> heading = new ArrayList<>(List.of("event"));
        COLUMNS.forEach(state -> heading.add(state.name()));
        List<List<String>> table = new ArrayList<>();
        for (ReplicationEvent event : ReplicationEvent.values()) {
            List<String> row = new ArrayList<>(List.of(event.name()));
            COLUMNS.forEach(state -> row.add(cell(StateTransitions.effect(state, event))));
            table.add(row);
        }

        assertRows(table, heading.toArray(String[]::new));
    }

    private static String cell(Effect effect) {
        DataReplicationState state = effect.state();
        return switch (effect.kind()) {
            case NOTHING -> "–";
            case UNDER -> "under";
            case BACK -> "back";
            case TO -> String.valueOf(state);
        };
    }

    @Test
    void everyStageIsAsItIsWritten() {
        List<List<String>> table = Stream.of(LagStage.values())
                .map(stage -> List.of(
                        stage.name(),
                        stage.words,
                        stage.words.equals(stage.wordsIfUnsure) ? "the same" : stage.wordsIfUnsure,
                        stage.nextAction))
                .toList();

        assertRows(table, "stage", "words");
    }

    @Test
    void everyExplanationIsAsItIsWritten() {
        List<List<String>> table = Stream.of(ExplanationCode.values())
                .map(code -> List.of(
                        code.name(),
                        code.severity.name(),
                        code.error == null ? "–" : String.valueOf(code.error),
                        code.sentence,
                        code.nextAction == null ? otherAction(code) : String.valueOf(code.nextAction)))
                .toList();

        assertRows(table, "code", "severity");
    }

    private static String otherAction(ExplanationCode code) {
        boolean isOfFailure = code.name().startsWith("CONTROL_PLANE_")
                || code == ExplanationCode.SNAPSHOTS_FAILURE
                || code == ExplanationCode.SOFTWARE_NOT_FETCHED;
        return isOfFailure ? "*of the failure*" : "*of the stage*";
    }

    @Test
    void everyExplanationSaysWhenItIsTrue() {
        List<String> codes = ReadmeTables.rows("code", "is true").stream()
                .flatMap(row -> Stream.of(row.getFirst().split(", ")))
                .toList();

        assertThat(codes)
                .containsExactlyInAnyOrderElementsOf(
                        Stream.of(ExplanationCode.values()).map(Enum::name).toList());
    }

    @Test
    void everyEventSaysWhenItHappens() {
        List<String> events = ReadmeTables.rows("event", "happens when").stream()
                .flatMap(row -> Stream.of(row.getFirst().split(", ")))
                .toList();

        assertThat(events)
                .containsExactlyInAnyOrderElementsOf(
                        Stream.of(ReplicationEvent.values()).map(Enum::name).toList());
    }

    @Test
    void everyStepIsWritten() {
        List<String> steps = ReadmeTables.rows("step", "done").stream()
                .flatMap(row -> Stream.of(row.getFirst().split(", ")))
                .toList();

        assertThat(steps)
                .containsExactlyInAnyOrderElementsOf(
                        Stream.of(InitiationStepName.values()).map(Enum::name).toList());
    }

    @Test
    void everySettingHasItsDefault() throws ReflectiveOperationException {
        ReplicationSettings defaults = ReplicationSettings.defaults();
        List<List<String>> table = new ArrayList<>();
        for (RecordComponent setting : ReplicationSettings.class.getRecordComponents()) {
            Object value = setting.getAccessor().invoke(defaults);
            table.add(List.of(
                    setting.getName(),
                    value instanceof Duration time ? time.toSeconds() + " s" : String.valueOf(value)));
        }

        assertRows(table, "setting", "default");
    }

    private static void assertRows(List<List<String>> expected, String... heading) {
        assertThat(ReadmeTables.rows(heading))
                .withFailMessage(() -> "README must say:\n"
                        + String.join(
                                "\n", expected.stream().map(ReadmeTables::row).toList()))
                .isEqualTo(expected);
    }
}
