package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import org.junit.jupiter.api.Test;

/** How the list of volumes is written for a terminal. */
final class VolumeListTextTest {
    private static JsonObject volume(String id, String state) {
        return new JsonObject().put("volumeId", id).put("state", state).put("sizeBytes", 8L << 30);
    }

    private static String text(JsonObject... volumes) {
        return VolumeListText.of(new JsonObject().put("volumes", JsonArray.of((Object[]) volumes)));
    }

    @Test
    void volumesAreInColumnsWithWhatIsUnknownSaidSo() {
        assertThat(text(
                        volume("vol-0123456789abcdef0", "OPEN")
                                .put("path", "/dev/nvme2n1")
                                .put("blockDeviceName", "/dev/sdf")
                                .put("sourceServerId", "s-1")
                                .put("deviceName", "/dev/sda"),
                        volume("vol-1", "FREE").put("path", "/dev/nvme1n1"),
                        volume("vol-2", "NOT_OPEN")
                                .put("sourceServerId", "s-1")
                                .put("deviceName", "/dev/sdb")
                                .put("reason", "EBS volumes seen: none")))
                .isEqualTo("""
                        VOLUME                 EBS DEVICE NAME  SIZE     PATH          STATE
                        vol-0123456789abcdef0  /dev/sdf         8.0 GiB  /dev/nvme2n1  open for /dev/sda of s-1
                        vol-1                  unknown          8.0 GiB  /dev/nvme1n1  free
                        vol-2                  unknown          8.0 GiB  -             not open for /dev/sdb of s-1: EBS volumes seen: none
                        """);
    }

    @Test
    void emptyListIsSaidInWords() {
        assertThat(text()).isEqualTo("no volume is assigned, and no EBS volume is attached\n");
    }
}
