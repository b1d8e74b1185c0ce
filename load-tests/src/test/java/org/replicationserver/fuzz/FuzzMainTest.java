package org.replicationserver.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

final class FuzzMainTest {
    private record Outcome(int exitCode, String out, String err) {}

    @TempDir
    private Path directory = Path.of("");

    private static Outcome fuzz(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command =
                FuzzMain.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        return new Outcome(command.execute(arguments), out.toString(), err.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "frame, 'unknown parser frame; known: frames, frame-body, '",
        "--seconds=0, allowed: 1 and more",
        "--directory=/no/such/place, is no directory",
        "--replay=x, --replay is of one PARSER",
        "--secnds=1, nearest known: --seconds"
    })
    void aMistakeIsNamed(String argument, String named) {
        Outcome outcome = fuzz(argument);
        assertThat(outcome.exitCode()).isEqualTo(2);
        assertThat(outcome.err().lines().findFirst()).get().asString().contains(named);
    }

    @Test
    void eachParserIsListedWithWhatItReads() {
        Outcome listed = fuzz("--list");
        assertThat(listed.exitCode()).isZero();
        for (Parser parser : Parser.values()) {
            assertThat(listed.out()).containsPattern("(?m)^" + parser.label() + " +" + parser.reads() + "$");
        }
    }

    @Test
    void anInputIsReplayedWithoutTheEngine() throws Exception {
        Path pin = Files.writeString(directory.resolve("pin"), "\u0002sha256:" + "ab".repeat(32));
        Outcome sound = fuzz("certificates", "--replay", pin.toString());
        assertThat(sound.exitCode()).isZero();
        assertThat(sound.out()).isEqualTo("certificates: no rule is broken by these 72 bytes\n");

        Outcome missing =
                fuzz("certificates", "--replay", directory.resolve("none").toString());
        assertThat(missing.exitCode()).isEqualTo(74);
        assertThat(missing.err()).contains("none: cannot be read");
    }

    @Test
    void minimisingIntoADirectoryThatHasSomethingIsRefused() throws Exception {
        Files.createDirectories(directory.resolve("frames"));
        Files.writeString(directory.resolve("outbox"), "a file");
        Files.writeString(
                Files.createDirectories(directory.resolve("frame-body")).resolve("input"), "x");
        for (String parser : List.of("frame-body", "outbox")) {
            Outcome outcome = fuzz("frames", parser, "--minimise", directory.toString());
            assertThat(outcome.exitCode()).isEqualTo(2);
            assertThat(outcome.err())
                    .startsWith("fuzz: --minimise=" + directory + ": " + directory.resolve(parser)
                            + " is there; allowed: a directory that is empty, or none");
        }
        assertThat(directory.resolve("frames")).as("nothing was begun").isEmptyDirectory();
    }
}
