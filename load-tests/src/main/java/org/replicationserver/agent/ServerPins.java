package org.replicationserver.agent;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;

/** The pins of which the server must show one: given ones, and those of a file that is read at each connect. Immutable. */
public record ServerPins(Set<Pin> given, @Nullable Path file) {
    /** Far more than a server and its successor. */
    private static final int FILE_BYTES_MAX = 64 * 1024;

    public ServerPins {
        given = Set.copyOf(given);
    }

    public static ServerPins of(Pin... pins) {
        return new ServerPins(Set.of(pins), null);
    }

    /** Whether another read may give other pins. */
    boolean mayChange() {
        return file != null;
    }

    /** All pins of now. Blocks for as long as reading a small file takes. */
    Set<Pin> read() throws IOException {
        Set<Pin> pins = new HashSet<>(given);
        if (file != null) {
            for (String line : linesOf(file)) {
                String text = line.strip();
                if (!text.isEmpty() && !text.startsWith("#")) {
                    pins.add(pinOf(text));
                }
            }
        }
        return pins;
    }

    private static List<String> linesOf(Path file) throws IOException {
        if (Files.size(file) > FILE_BYTES_MAX) {
            throw new IOException(file + ": a file of pins has at most " + FILE_BYTES_MAX + " bytes");
        }
        return Files.readAllLines(file, StandardCharsets.UTF_8);
    }

    private Pin pinOf(String text) throws IOException {
        try {
            return Pin.parse(text);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }
}
