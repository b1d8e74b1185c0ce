package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.server.ServerStartException;

/** A start that fails half way. */
@Timeout(60)
final class StartTest {
    @TempDir
    Path directory;

    @Test
    void serverThatCannotListenLeavesNothingRunning() throws Exception {
        TestSource source = TestSource.of(directory, "s-1", 1 << 20);
        try (ServerSocket taken = new ServerSocket(0)) {
            assertThatThrownBy(() ->
                            InProcessServer.onImages(directory, List.of(source), "listen.port=" + taken.getLocalPort()))
                    .isInstanceOf(ServerStartException.class)
                    .hasMessageContaining("port " + taken.getLocalPort());
        }
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain(
                        "volume-writer-" + source.volume(0).volumeId(),
                        "state-writer-sources",
                        "state-writer-replications");
        try (InProcessServer server = InProcessServer.onImages(directory, List.of(source));
                RawAgent agent = RawAgent.connect(server.endpoint(), source, 1)) {
            assertThat(agent.welcome().generation()).isEqualTo(1);
        }
    }
}
