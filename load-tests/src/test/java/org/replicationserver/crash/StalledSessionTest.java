package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.integration.Seeds;
import org.replicationserver.integration.ServerLogs;
import org.replicationserver.integration.TestServer;

@ExtendWith(ServerLogs.class)
final class StalledSessionTest {
    /** More than twice the time after which a silent session is ended. */
    private static final Duration STALL = Duration.ofSeconds(75);

    @TempDir
    private Path directory = Path.of("");

    @Test
    @Tag("long")
    @Timeout(240)
    void agentOfAStalledVolumeKeepsItsSessionAndNoOtherIsSlowed() throws Exception {
        TestSource assigned = FileAgent.assigned(directory, "s-1");
        TestSource steady = SteadySource.assigned(directory, "s-2");
        try (ServerProcess server =
                ServerProcess.in(directory).main(TestServer.class).start(assigned, steady)) {
            StalledSession.Device device = new StalledSession.Device() {
                @Override
                public void stall() throws IOException, InterruptedException {
                    TestServer.hold(server, assigned.path(0).getFileName().toString());
                }

                @Override
                public void goOn() throws IOException {
                    server.tell("release");
                }
            };
            StalledSession.run(server, directory, assigned, steady, device, STALL, new Random(Seeds.seed("stall")));
        }
    }
}
