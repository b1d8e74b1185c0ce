package org.replicationserver.receiver.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.volume.Volume;
import org.replicationserver.volume.VolumeFailure;
import org.replicationserver.volume.VolumeId;

/** What the server's look at itself says of its volumes. */
class BootCheckTest {
    private static Availability open(@Nullable VolumeFailure failure) {
        Volume volume = (Volume) Proxy.newProxyInstance(
                BootCheckTest.class.getClassLoader(), new Class<?>[] {Volume.class}, (proxy, method, args) -> {
                    assertThat(method.getName()).isEqualTo("failure");
                    return failure;
                });
        return new Availability.Open(volume);
    }

    @Test
    void volumeThatHasFailedIsNotToldAsOneThatTakesWrites() {
        VolumeFailure failure =
                new VolumeFailure(new VolumeId("vol-1"), "write", "/dev/sdb", 0, 512, 5, "", "write failed: EIO");
        assertThat(BootCheck.troubleOf(open(failure))).isEqualTo("write failed: EIO");
        assertThat(BootCheck.troubleOf(open(null))).isNull();
        assertThat(BootCheck.troubleOf(new Availability.Unavailable("not there")))
                .isEqualTo("not there");
    }
}
