package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.Welcome;

/** The server's record of a source server is gone, its volume is not. */
@Timeout(60)
final class LostStateTest {
    private static final int SIZE_BYTES = 8 << 20;

    @TempDir
    Path directory;

    /** The old content must not show where the new one has zeros, which a volume that is taken for new is not told to write. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nextFullSyncIsIdentical(boolean deleted) throws Exception {
        TestSource source = TestSource.of(directory, "s-1", SIZE_BYTES);
        sync(source, Images.random(1, SIZE_BYTES), "NEW_VOLUME");

        Path record = ServerProcess.stateDirectory(directory).resolve("sources/s-1.json");
        if (deleted) {
            Files.delete(record);
        } else {
            Files.writeString(record, "rubbish");
        }
        byte[] mostlyZero = new byte[SIZE_BYTES];
        Arrays.fill(mostlyZero, 0, 512, (byte) 7);
        sync(source, mostlyZero, "STATE_LOST");
    }

    private void sync(TestSource source, byte[] image, String expectedReason) throws Exception {
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source));
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 2)) {
            Welcome.Volume volume = agent.welcome().volumes().getFirst();
            assertThat(volume.action()).isEqualTo(Welcome.Action.RESCAN);
            assertThat(volume.reason()).isEqualTo(expectedReason);
            agent.openNextEpoch();
            agent.sendImage(0, image);
            agent.commit();
            agent.bye();
        }
        assertThat(Arrays.mismatch(Files.readAllBytes(source.path(0)), image)).isEqualTo(-1);
    }
}
