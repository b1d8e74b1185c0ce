package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import org.replicationserver.harness.TestSource;

/** A real block device behind the server, past the page cache. Needs root and loop devices. */
@Timeout(120)
final class LoopDeviceTest {
    private static final int DISK_BYTES = 32 << 20;
    private static final int TAIL_BYTES = 1 << 20;

    @TempDir
    Path directory;

    private Path attach(int sectorBytes) throws Exception {
        assumeTrue(Commands.isRoot(), "skipped: loop devices need root");
        Commands.assumeInstalled("losetup");
        byte[] old = new byte[DISK_BYTES + TAIL_BYTES];
        Arrays.fill(old, (byte) 0xEE);
        Path backing = Images.write(directory.resolve("backing.img"), old);
        Commands.Result attached = Commands.run(List.of(
                "losetup", "--find", "--show", "--sector-size", Integer.toString(sectorBytes), backing.toString()));
        assumeTrue(attached.exitCode() == 0, "skipped: no loop device to be had: " + attached.output());
        return Path.of(attached.output().strip());
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void blockDeviceBecomesIdenticalAndItsTailIsNotTouched(int sectorBytes) throws Exception {
        byte[] image = Images.mixed(6, DISK_BYTES);
        Path device = attach(sectorBytes);
        try {
            TestSource source = TestSource.of(directory, "s-1", DISK_BYTES).onDevice(device);
            try (InProcessServer server = InProcessServer.onImages(directory, List.of(source));
                    RawAgent agent = RawAgent.connect(server.endpoint(), source, 4)) {
                agent.openNextEpoch();
                agent.sendImage(0, image);
                agent.commit();
                agent.bye();
            }
            byte[] replica = Files.readAllBytes(directory.resolve("backing.img"));
            assertThat(Arrays.mismatch(Arrays.copyOf(replica, DISK_BYTES), image))
                    .isEqualTo(-1);
            byte[] tail = Arrays.copyOfRange(replica, DISK_BYTES, replica.length);
            assertThat(tail).containsOnly(0xEE);
        } finally {
            Commands.runSuccessfully("losetup", "--detach", device.toString());
        }
    }
}
