package org.replicationserver.process;

import java.util.Locale;
import org.replicationserver.receiver.config.ByteSize;

/** Counts of bytes for people. */
public final class Mebibytes {
    private Mebibytes() {}

    public static String text(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", (double) bytes / ByteSize.MIB);
    }
}
