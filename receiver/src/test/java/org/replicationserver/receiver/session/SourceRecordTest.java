package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;

/** What is kept of a source server over a restart. */
final class SourceRecordTest {
    private static final String DATA_GEN = "00112233445566778899aabbccddeeff";
    private static final RefusedAgent REFUSED =
            new RefusedAgent(DATA_GEN, "192.0.2.1:1", "sha256:a", "192.0.2.2:2", "sha256:a");

    private static SourceRecord full() {
        return SourceRecord.initial()
                .withGeneration(Long.MAX_VALUE)
                .withWriter(7)
                .withCommit(41, true, 1_790_000_000_000L)
                .withFirstByte(1_780_000_000_000L)
                .withVolume("vol-1", new VolumeRecord(DATA_GEN, Origin.VOLUME_REOPENED, null))
                .withVolume("vol-2", new VolumeRecord(DATA_GEN, Origin.STATE_LOST, "write failed: EIO"))
                .withRefusedAgents(List.of(REFUSED));
    }

    @Test
    void everythingIsReadAsItWasWritten() throws Exception {
        assertThat(SourceRecord.parse(full().toBytes())).isEqualTo(full());
        assertThat(SourceRecord.parse(SourceRecord.initial().toBytes())).isEqualTo(SourceRecord.initial());
    }

    @Test
    void memberOfALaterVersionIsIgnored() throws Exception {
        String text = new String(full().toBytes(), StandardCharsets.UTF_8);
        byte[] later = text.replaceFirst("\\{", "{\"tomorrow\":[1],").getBytes(StandardCharsets.UTF_8);
        assertThat(SourceRecord.parse(later)).isEqualTo(full());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "generation",
                "writtenGeneration",
                "previousEpoch",
                "committedEpoch",
                "committedFuzzy",
                "stateLost",
                "volumes",
                "origin"
            })
    void recordWithoutAMemberIsNoRecord(String member) {
        String text = new String(full().toBytes(), StandardCharsets.UTF_8);
        byte[] without = text.replace("\"" + member + "\"", "\"other\"").getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(() -> SourceRecord.parse(without)).isInstanceOf(ProtocolException.class);
    }

    @Test
    void originOfAnotherVersionIsNoRecord() {
        String text = new String(full().toBytes(), StandardCharsets.UTF_8);
        byte[] changed = text.replace("STATE_LOST", "TOMORROW").getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(() -> SourceRecord.parse(changed)).isInstanceOf(ProtocolException.class);
    }

    private static SourceRecord withVolumes(int count) {
        SourceRecord record = full();
        for (int i = record.volumes().size(); i < count; i++) {
            record = record.withVolume(
                    "v".repeat(120) + i, new VolumeRecord(DATA_GEN, Origin.VOLUME_REOPENED, "x".repeat(5000)));
        }
        return record;
    }

    private static SourceAssignment assignmentOf(int count) {
        return new SourceAssignment(
                "s-1",
                IntStream.rangeClosed(1, count)
                        .mapToObj(i -> new VolumeAssignment("vol-" + i, "/dev/sd" + i, Path.of("vol-" + i), 512, false))
                        .toList());
    }

    @Test
    void largestRecordCanBeReadBack() throws Exception {
        int largest = SourceRecord.VOLUMES_KEPT_MAX + ProtocolLimits.DISKS_MAX;
        SourceRecord record =
                withVolumes(largest).withRefusedAgents(Collections.nCopies(InstanceHistory.REFUSED_MAX, REFUSED));
        assertThat(SourceRecord.parse(record.toBytes()).volumes()).hasSize(largest);
    }

    @Test
    void volumeThatIsNotAssignedAnyMoreIsRememberedAsLongAsThereIsRoom() {
        SourceRecord roomy = withVolumes(SourceRecord.VOLUMES_KEPT_MAX);
        assertThat(roomy.pruned(assignmentOf(1))).isEqualTo(roomy);
        SourceRecord pruned = withVolumes(SourceRecord.VOLUMES_KEPT_MAX + 1).pruned(assignmentOf(1));
        assertThat(pruned.volumes()).containsOnlyKeys("vol-1");
        assertThat(pruned.commit().epoch()).isEqualTo(41);
    }
}
