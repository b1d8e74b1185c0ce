package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MarkCommandTest {
    private static final Duration LONG = Duration.ofMinutes(10);

    @TempDir
    Path directory = Path.of("");

    @Test
    void failureIsToldWithExitCodeAndLastLine() {
        assertThat(new MarkCommand("f() { echo one; echo two >&2; echo; exit 3; }; f", LONG).run(MarkPhase.FREEZE))
                .isEqualTo("the mark command at freeze ended with exit code 3: two");
        assertThat(new MarkCommand("exit 4;", LONG).run(MarkPhase.THAW))
                .isEqualTo("the mark command at thaw ended with exit code 4");
    }

    @Test
    void whatTurnsTheDirectionOfTextIsNotRepeated() {
        assertThat(new MarkCommand("f() { printf '\\342\\200\\256x'; exit 3; }; f", LONG).run(MarkPhase.FREEZE))
                .isEqualTo("the mark command at freeze ended with exit code 3: ?x");
    }

    @Test
    void successSaysNothing() {
        assertThat(new MarkCommand("test freeze =", LONG).run(MarkPhase.FREEZE)).isNull();
    }

    @Test
    void commandThatIsNotPatientlyAwaitedIsEndedWithItsChildren() throws IOException {
        Path pid = directory.resolve("pid");
        MarkCommand command = new MarkCommand(
                "f() { sleep 1000 & echo $! > '" + pid + "'; echo hangs; wait; }; f", Duration.ofSeconds(1));
        assertThat(command.run(MarkPhase.THAW)).isEqualTo("the mark command at thaw did not end in time: hangs");
        long child = Long.parseLong(Files.readString(pid).strip());
        Awaitility.await()
                .until(() ->
                        ProcessHandle.of(child).filter(ProcessHandle::isAlive).isEmpty());
    }

    @Test
    void afterACutNoFreezeBeginsButAThawDoes() {
        Path ran = directory.resolve("ran");
        MarkCommand command = new MarkCommand("touch '" + ran + "';:", LONG);
        command.cutShort();
        assertThat(command.run(MarkPhase.FREEZE)).isEqualTo("the agent is being stopped");
        assertThat(ran).doesNotExist();
        assertThat(command.run(MarkPhase.THAW)).isNull();
        assertThat(ran).exists();
    }
}
