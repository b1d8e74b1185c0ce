package org.replicationserver.fuzz;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.replicationserver.receiver.tool.DecodeCommand;
import picocli.CommandLine;

/**
 * A captured stream as {@code decode} prints it. The first byte of an input chooses: as it is, with right checksums, or as hexadecimal
 * text.
 *
 * <p>Rules: the command ends with 0 and no fault, with 1 and a fault, or with 74 for text that is not hexadecimal; nothing that a terminal
 * obeys is printed; a line each.
 */
final class CapturedStreams implements FuzzTarget {
    private static final int FAULT = 1;
    private static final int IO_ERROR = 74;
    private static final int HEX = 2;

    private final CommandLine command = new CommandLine(new DecodeCommand()).setExecutionExceptionHandler((e, _, _) -> {
        throw e;
    });
    private final ScratchFile file;

    CapturedStreams(Path directory) {
        file = new ScratchFile(directory, "captured");
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        int form = Byte.toUnsignedInt(input[0]) % 3;
        byte[] bytes = Arrays.copyOfRange(input, 1, input.length);
        if (form == 1) {
            SealedFrames.seal(bytes, 1);
        }
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        command.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        String path = file.with(bytes).toString();
        int exitCode = form == HEX ? command.execute("--hex", path) : command.execute(path);
        boolean said = !err.toString().isEmpty();
        Rules.require(exitCode == 0 ? !said : said, "a fault is told, and nothing else is: exit code " + exitCode);
        Rules.require(
                exitCode == 0 || exitCode == FAULT || (exitCode == IO_ERROR && form == HEX), "exit code " + exitCode);
        requirePrintable(err.toString());
        if (form != HEX) {
            // Names of blocks of text are printed as they are.
            requirePrintable(out.toString());
        }
        Rules.require(
                new String(out.toString().getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)
                        .equals(out.toString()),
                "what is printed is text");
    }

    private static void requirePrintable(String text) {
        Rules.require(
                text.chars()
                        .allMatch(c ->
                                c == '\n' || (!Character.isISOControl(c) && Character.getType(c) != Character.FORMAT)),
                "nothing that a terminal obeys is printed: " + text);
    }
}
