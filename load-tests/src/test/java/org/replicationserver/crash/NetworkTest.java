package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.integration.Seeds;
import org.replicationserver.process.Cleanup;

final class NetworkTest {
    /** The kinds that come often, and a reset. */
    private static final int CASES = 12;

    @TempDir
    private Path directory = Path.of("");

    @Test
    @Timeout(120)
    void cutsResetsAndFlipsLoseNothingThatWasAcknowledged() throws Exception {
        Tally tally = new Tally(0, CASES);
        try (Cleanup cleanup = new Cleanup()) {
            new Network().run(new Workshop(directory, Seeds.seed("network"), cleanup, null), tally);
        }
        assertThat(tally.done()).isEqualTo(CASES);
        assertThat(tally.details()).contains("cuts at a record", "cuts at a byte", "flipped bits", "resets");
    }
}
