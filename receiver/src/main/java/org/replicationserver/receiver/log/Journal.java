package org.replicationserver.receiver.log;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Whether standard output is systemd's journal.
 *
 * <p>The variable alone does not tell: a shell that runs as a service hands it on to programs whose output it sends to a file. So
 * its device and inode must be those of standard output, as {@code systemd.exec(5)} asks.
 */
final class Journal {
    /** By which systemd tells its services the {@code device:inode} of the stream to the journal. */
    private static final String VARIABLE = "JOURNAL_STREAM";

    private static final Path STANDARD_OUTPUT = Path.of("/proc/self/fd/1");

    private Journal() {}

    static boolean isStandardOutput() {
        return isStream(System.getenv(VARIABLE), STANDARD_OUTPUT);
    }

    /** @param told the variable's value, or null */
    static boolean isStream(@Nullable String told, Path output) {
        if (told == null) {
            return false;
        }
        try {
            return told.equals(Files.getAttribute(output, "unix:dev") + ":" + Files.getAttribute(output, "unix:ino"));
        } catch (IOException | UnsupportedOperationException e) {
            return false; // what cannot be looked at gets no prefix that only the journal takes off
        }
    }
}
