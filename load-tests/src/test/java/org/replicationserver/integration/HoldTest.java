package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.crash.HoldRun;
import org.replicationserver.harness.ServerProcess;

/** Source servers that are written all the time are held at random moments: all volumes are the source at its mark, until the release. */
@ExtendWith(ServerLogs.class)
final class HoldTest {
    private static final int HOLDS = 5;
    private static final int MANY_HOLDS = 50;

    @TempDir
    Path directory;

    @SuppressWarnings("SystemOut")
    private HoldRun.Done run(int holds) throws Exception {
        HoldRun.Done done = new HoldRun(directory, Seeds.seed("holds")).run(ServerProcess.in(directory), holds);
        System.out.println(done.text());
        assertThat(done.valid() + done.expired()).isEqualTo(holds);
        return done;
    }

    @Test
    @Timeout(180)
    void volumesAreTheSourceAtItsMarkAsLongAsTheyAreHeld() throws Exception {
        run(HOLDS);
    }

    @Test
    @Tag("long")
    @Timeout(600)
    void manyHoldsAreHonestAndHarmNoOtherSource() throws Exception {
        HoldRun.Done done = run(MANY_HOLDS);
        assertThat(done.expired()).isBetween(1, MANY_HOLDS - 1);
        assertThat(done.bytesDurableOfOther()).isPositive();
    }
}
