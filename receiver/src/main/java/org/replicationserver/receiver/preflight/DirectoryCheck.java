package org.replicationserver.receiver.preflight;

import java.nio.file.Files;
import java.nio.file.Path;

/** Whether the server can write a directory of its configuration, or make it. */
final class DirectoryCheck implements PreflightCheck {
    private final String key;
    private final Path directory;

    DirectoryCheck(String key, Path directory) {
        this.key = key;
        this.directory = directory;
    }

    @Override
    public String name() {
        return key;
    }

    @Override
    public Finding look() {
        Path there = directory;
        while (there != null && Files.notExists(there)) {
            there = there.getParent();
        }
        if (there == null || !Files.isDirectory(there)) {
            return Finding.misconfigured(
                    directory + " cannot be made: " + there + " is no directory", "Set " + key + " to a directory.");
        }
        // Asks the file system, which says no on a read-only mount as well.
        if (!Files.isWritable(there)) {
            return Finding.misconfigured(
                    directory + (there.equals(directory) ? "" : " cannot be made: " + there)
                            + " cannot be written: read-only, or permission denied",
                    "Mount it read-write, give the server's user the right to write, or set " + key + ".");
        }
        return Finding.ok(there.equals(directory) ? directory + " can be written" : directory + " can be made");
    }
}
