package org.replicationserver.bench;

import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.replicationserver.cert.Pin;
import org.replicationserver.process.ChildProcess;
import org.replicationserver.process.Children;
import org.replicationserver.process.Cleanup;
import org.replicationserver.process.RunException;

/** The C program that does only what cannot be avoided, compiled on the spot. */
final class FloorProgram {
    private static final String SOURCE = "/bench/floor.c";
    private static final Duration COMPILE_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration START_TIMEOUT = Duration.ofSeconds(10);
    private static final Pattern PORT = Pattern.compile("^port (\\d+)$");
    private static final Pattern DONE =
            Pattern.compile("^cpu_micros (\\d+) wall_micros (\\d+) frames (\\d+) raw_bytes (\\d+)$");
    private static final String NEEDED = "needed are gcc, libssl-dev and liblz4-dev";

    /** The program could not be made; the message says what is missing. */
    static final class Unavailable extends Exception {
        Unavailable(String message) {
            super(message);
        }
    }

    /** Key and certificate that the program shows, as PEM files. */
    record Credentials(Path certificate, Path key, Pin pin) {}

    private final Path program;
    private final Credentials credentials;

    private FloorProgram(Path program, Credentials credentials) {
        this.program = program;
        this.credentials = credentials;
    }

    static FloorProgram compile(Path directory, Credentials credentials)
            throws Unavailable, RunException, InterruptedException {
        Path source = directory.resolve("floor.c");
        try (InputStream resource = FloorProgram.class.getResourceAsStream(SOURCE)) {
            if (resource == null) {
                throw new RunException("the class path has no " + SOURCE);
            }
            Files.copy(resource, source);
        } catch (IOException e) {
            throw new RunException("cannot write " + source + ": " + e.getMessage(), e);
        }
        Path program = directory.resolve("floor");
        try {
            Children.Result result = Children.run(
                    COMPILE_TIMEOUT,
                    directory.resolve("floor.log"),
                    List.of("cc", "-O3", "-o", program.toString(), source.toString(), "-lssl", "-lcrypto", "-llz4"));
            if (!result.ok()) {
                throw new Unavailable("it does not compile (" + result.firstError() + "); " + NEEDED);
            }
        } catch (IOException e) {
            throw new Unavailable("there is no C compiler; " + NEEDED);
        }
        return new FloorProgram(program, credentials);
    }

    /** Feeds the program all DATA blocks over one connection, to the end; its CPU is what it says itself. */
    Sample run(TlsClient client, PreparedFrames frames, Path file, Duration timeout, Cleanup cleanup)
            throws RunException, InterruptedException {
        List<String> command = List.of(
                program.toString(),
                credentials.certificate().toString(),
                credentials.key().toString(),
                file.toString(),
                Long.toString(frames.diskBytes()),
                Long.toString(timeout.toSeconds()));
        try (ChildProcess process = ChildProcess.start("floor", command, cleanup)) {
            int port = Integer.parseInt(process.awaitLine(PORT, START_TIMEOUT).group(1));
            SslContext tls = TlsClient.context(credentials.pin(), null, null);
            FloorSender.start(client, port, tls, frames);
            Matcher done = process.awaitLine(DONE, timeout);
            if (Long.parseLong(done.group(4)) != frames.dataBytes()) {
                throw process.failure("wrote " + done.group(4) + " bytes instead of " + frames.dataBytes());
            }
            return new Sample(Long.parseLong(done.group(1)) / 1e6, Long.parseLong(done.group(2)) / 1e6);
        }
    }
}
