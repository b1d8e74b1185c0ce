package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the server says that it cannot start. */
class ServeCommandTest {
    @TempDir
    private Path directory = Path.of("");

    private CommandRun serve(String... sets) {
        String[] args = new String[sets.length + 3];
        args[0] = "serve";
        args[1] = "--set=state.directory=" + directory;
        args[2] = "--set=listen.port=0";
        for (int i = 0; i < sets.length; i++) {
            args[i + 3] = "--set=" + sets[i];
        }
        return CommandRun.of(args);
    }

    private static CommandRun serveWithState(Object stateDirectory) {
        return CommandRun.of("serve", "--set=listen.port=0", "--set=state.directory=" + stateDirectory);
    }

    private static CommandRun failed(int exitCode, String line) {
        return new CommandRun(exitCode, "", line + "\n");
    }

    @Test
    void stateDirectoryThatCannotBeUsedIsNamedWithTheReason() throws Exception {
        assertThat(serveWithState("/proc/x"))
                .isEqualTo(failed(74, "state.directory=/proc/x cannot be used: no such file or directory"));
        Path file = Files.createFile(directory.resolve("file"));
        assertThat(serveWithState(file))
                .isEqualTo(failed(74, "state.directory=" + file + " cannot be used: exists and is no directory"));
        assertThat(serveWithState(file + "/below"))
                .isEqualTo(failed(74, "state.directory=" + file + "/below cannot be used: not a directory"));
        Files.createDirectories(directory.resolve("sources/lock"));
        assertThat(serveWithState(directory))
                .isEqualTo(failed(
                        74,
                        "state.directory=" + directory + " cannot be used: is a directory: " + directory
                                + "/sources/lock"));
    }

    @Test
    void otherDirectoriesThatCannotBeUsedAreNamedWithTheReason() {
        assertThat(serve("image.directory=/proc/y"))
                .isEqualTo(failed(74, "image.directory=/proc/y cannot be used: no such file or directory"));
        assertThat(serve("cert.directory=/proc/z"))
                .isEqualTo(failed(
                        74,
                        "cert.directory=/proc/z cannot be used: path=/proc/z: cannot be made; allowed: a place where"
                                + " this process may write; no such file or directory"));
    }

    @Test
    void failedStartGivesTheStateDirectoryBack() {
        serve("image.directory=/proc/y");
        assertThat(serve("image.directory=/proc/y").exitCode()).isEqualTo(74);
    }

    @Test
    void socketThatCannotBeMadeIsNoFaultOfThePort() throws Exception {
        Path inTheWay = directory.resolve("admin.socket");
        Files.createDirectories(inTheWay.resolve("x"));
        assertThat(serve())
                .satisfies(run -> assertThat(run.exitCode()).isEqualTo(74))
                .satisfies(run -> assertThat(run.err())
                        .isEqualTo("state.directory=" + directory + " cannot be used: a directory that is not empty: "
                                + inTheWay + "\n"));
    }
}
