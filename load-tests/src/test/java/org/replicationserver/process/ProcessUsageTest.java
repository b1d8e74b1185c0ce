package org.replicationserver.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the operating system counts of a process. */
final class ProcessUsageTest {
    private static final int BYTES = 32 << 20;

    @TempDir
    private Path directory = Path.of("");

    @Test
    void bytesThatAProcessReadsAreCounted() throws Exception {
        Path file = Files.write(directory.resolve("file"), new byte[BYTES]);
        long pid = ProcessHandle.current().pid();
        long before = ProcessUsage.readBytes(pid);
        assertThat(Files.readAllBytes(file)).hasSize(BYTES);
        assertThat(ProcessUsage.readBytes(pid) - before).isBetween((long) BYTES, 2L * BYTES);
    }

    @Test
    void processThatIsGoneIsNamed() throws Exception {
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        assertThatThrownBy(() -> ProcessUsage.readBytes(ended.pid()))
                .isInstanceOf(RunException.class)
                .hasMessageStartingWith("/proc/" + ended.pid() + "/io cannot be read");
    }
}
