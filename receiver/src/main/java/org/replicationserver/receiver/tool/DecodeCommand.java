package org.replicationserver.receiver.tool;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints a captured stream of frames for a person. */
@Command(
        name = "decode",
        mixinStandardHelpOptions = true,
        description =
                "Prints the frames of one direction of a connection, as captured after TLS, a line each: byte offset, header,"
                        + " and the body; of DATA never the content. The stream may begin at any frame, whose seq is taken as"
                        + " it is. A gap, and a body that does not parse, is told, and decoding goes on.",
        exitCodeListHeading = "Exit codes:%n",
        exitCodeList = {
            "0:the stream is whole",
            "1:a frame is faulty or cut off",
            "2:wrong command line",
            "74:the file cannot be read"
        })
public final class DecodeCommand implements Callable<Integer> {
    private static final int FAULT = 1;
    private static final int IO_ERROR = 74;
    private static final String STANDARD_INPUT = "-";

    @Parameters(paramLabel = "FILE", description = "The captured bytes; - reads standard input.")
    private String file = STANDARD_INPUT;

    @Option(
            names = "--hex",
            description =
                    "FILE is text like protocol/golden/frames.txt: 'hex: ' and digits on each line; each block between"
                            + " empty lines is a stream of its own.")
    private boolean hex;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        PrintWriter lines =
                new PrintWriter(new BufferedWriter(spec.commandLine().getOut()));
        String problem = null;
        int exitCode;
        try (InputStream in = open()) {
            exitCode = decode(in, lines) ? 0 : FAULT;
        } catch (NoSuchFileException e) {
            problem = file + ": no such file";
            exitCode = IO_ERROR;
        } catch (AccessDeniedException e) {
            problem = file + ": no permission to read it";
            exitCode = IO_ERROR;
        } catch (IOException e) {
            problem = file + ": cannot be read: " + e.getMessage();
            exitCode = IO_ERROR;
        }
        lines.flush();
        tell(problem);
        return exitCode;
    }

    private boolean decode(InputStream in, PrintWriter lines) throws IOException {
        if (!hex) {
            return new StreamPrinter(lines, this::tell).print(in);
        }
        boolean whole = true;
        for (HexText.Block block : HexText.read(in)) {
            lines.println(block.name());
            whole &= new StreamPrinter(lines, this::tell).print(block.bytes());
        }
        return whole;
    }

    private InputStream open() throws IOException {
        return file.equals(STANDARD_INPUT) ? System.in : Files.newInputStream(Path.of(file));
    }

    private void tell(@Nullable String problem) {
        if (problem != null) {
            spec.commandLine().getErr().println(problem);
        }
    }
}
