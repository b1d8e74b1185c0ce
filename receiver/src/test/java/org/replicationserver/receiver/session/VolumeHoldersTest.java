package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

/** Who has a volume of this server, and who has it next. */
final class VolumeHoldersTest {
    private static final VolumeAssignment VOLUME =
            new VolumeAssignment("vol-0", "/dev/sda", Path.of("vol-0"), SessionWorld.VOLUME_BYTES, false);

    private final VolumeHolders holders = new VolumeHolders();

    /** Otherwise one whom it was taken from meanwhile would have to wait, before it can go, for one who wanted it later. */
    @Test
    void whoWantsAVolumeFirstHasItFirst() {
        CompletionStage<Void> first = holders.take("s-1", VOLUME);
        CompletionStage<Void> second = holders.take("s-2", VOLUME);
        CompletionStage<Void> third = holders.take("s-3", VOLUME);
        assertThat(first).isCompleted();
        assertThat(holders.holderOf("vol-0")).isEqualTo("s-1");

        holders.release("s-1", VOLUME);
        assertThat(second).isCompleted();
        assertThat(third.toCompletableFuture()).isNotDone();
        assertThat(holders.holderOf("vol-0")).isEqualTo("s-2");

        holders.release("s-2", VOLUME);
        assertThat(third).isCompleted();
        holders.release("s-3", VOLUME);
        assertThat(holders.holderOf("vol-0")).isNull();
    }
}
