package org.replicationserver.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A mistake is told before anything is made or started. */
final class DemoMainTest {
    private static void requireOneLine(String argument, String named) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = DemoMain.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(argument);

        assertThat(exitCode).isEqualTo(2);
        assertThat(out.toString()).isEmpty();
        assertThat(err.toString().lines()).singleElement().asString().contains(named);
    }

    @ParameterizedTest
    @CsvSource({
        "--size=255MiB, 256MiB to 64GiB",
        "--size=1GB, not a size like",
        "--size=400000001, a multiple of 4KiB",
        "--streams=0, 1 to 16",
        "--source=., an image or block device",
        "--source=/no/such/disk, an image or block device",
        "--nonsense, --nonsense"
    })
    void aMistakeGetsOneLineThatNamesIt(String argument, String named) {
        requireOneLine(argument, named);
    }

    @Test
    void aSourceThatIsReplicatedInNoTimeIsRefused(@TempDir Path directory) throws IOException {
        Path small = directory.resolve("small.img");
        try (RandomAccessFile file = new RandomAccessFile(small.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
        requireOneLine("--source=" + small, "256MiB and more");
    }
}
