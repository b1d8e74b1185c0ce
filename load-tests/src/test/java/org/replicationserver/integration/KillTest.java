package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.crash.KillRun;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.simulation.BugBuild;
import org.replicationserver.simulation.KnownBug;

/**
 * The server is killed with SIGKILL at random moments of initial sync and cycles. Nothing acknowledged is missing, the bytes sent
 * again are no more than the windows allow to be unacknowledged, and in the end the images are identical.
 *
 * <p>A SIGKILL keeps the page cache. On the forgetful device, which the ordinary tests have, it does not: what was not forced is lost with
 * the process. That acknowledgements also follow the force of a real file is the matter of {@link AckOrderStraceTest}.
 */
@ExtendWith(ServerLogs.class)
final class KillTest {
    private static final int KILLS = 5;
    private static final int MANY_KILLS = 50;

    @TempDir
    Path directory;

    @SuppressWarnings("SystemOut")
    private void run(ServerProcess.Plan plan, int kills) throws Exception {
        KillRun.Done done = new KillRun(directory, Seeds.seed("kills")).run(plan, kills);
        System.out.println(done.text());
        assertThat(done.killsInInitialSync()).isBetween(1, kills - 1);
        assertThat(done.resentBytesMax())
                .as("a kill that costs nothing tests nothing")
                .isPositive();
    }

    private ServerProcess.Plan forgetful() {
        return ServerProcess.in(directory)
                .main(TestServer.class)
                .jvm("-D" + TestServer.DEVICES + "=" + TestServer.FORGETFUL);
    }

    @Test
    @Timeout(180)
    void killsLoseNothingThatWasAcknowledgedOnADeviceThatForgets() throws Exception {
        run(forgetful(), KILLS);
    }

    @Test
    @Tag("long")
    @Timeout(1200)
    void manyKillsLoseNothingThatWasAcknowledged() throws Exception {
        run(ServerProcess.in(directory), MANY_KILLS);
    }

    @Test
    @Tag("long")
    @Timeout(1200)
    void manyKillsLoseNothingThatWasAcknowledgedOnADeviceThatForgets() throws Exception {
        run(forgetful(), MANY_KILLS);
    }

    /** The device that forgets is what shows it. */
    @Test
    @Tag("long")
    @Timeout(1200)
    void aServerThatAcknowledgesBeforeTheForceIsFound() throws Exception {
        Path classes = directory.resolve("bug/classes");
        new BugBuild(Path.of("..")).build(KnownBug.named("settle-before-force"), classes);
        assertThatThrownBy(() -> run(forgetful().classesBefore(classes), MANY_KILLS))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("holds neither the acknowledged version");
    }
}
