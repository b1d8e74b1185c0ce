package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.VolumeDiscovery;

/** Which volumes are image files only because the machine was judged. */
class VolumePathsTest {
    private static final String EBS = "vol-0123456789abcdef0";

    @TempDir
    private Path sys = Path.of("");

    private boolean isJudged(VolumeDiscovery set, String volumeId, Path path) {
        return VolumePaths.on(sys, Path.of("/images"), set)
                .isJudgedImage(new VolumeAssignment(volumeId, "/dev/sda", path, 512, false));
    }

    @Test
    void idOfAnEbsVolumeIsTakenForAFileByJudgementOnlyWhereTheMachineIsNoEc2InstanceAndNothingElseIsSet()
            throws Exception {
        Path image = Path.of("/images", EBS + ".img");
        assertThat(isJudged(VolumeDiscovery.AUTO, EBS, image)).isTrue();
        assertThat(isJudged(VolumeDiscovery.IMAGE, EBS, image))
                .as("said by an operator")
                .isFalse();
        assertThat(isJudged(VolumeDiscovery.NVME, EBS, image))
                .as("given as its path")
                .isFalse();
        assertThat(isJudged(VolumeDiscovery.AUTO, EBS, Path.of("/dev/xvdf"))).isFalse();
        assertThat(isJudged(VolumeDiscovery.AUTO, "vol-1", Path.of("/images/vol-1.img")))
                .isFalse();

        Files.createDirectories(sys.resolve("class/dmi/id"));
        Files.writeString(sys.resolve("class/dmi/id/sys_vendor"), "Amazon EC2\n");
        assertThat(isJudged(VolumeDiscovery.AUTO, EBS, image)).as("on EC2").isFalse();
    }
}
