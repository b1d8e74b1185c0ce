package org.replicationserver.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file that a target writes its input into, for parsers that read files. */
public final class ScratchFile {
    private final Path path;

    /** @param directory of this process alone */
    public ScratchFile(Path directory, String name) {
        path = directory.resolve(name);
    }

    /** The path, with this content. */
    public Path with(byte[] content) throws IOException {
        return Files.write(path, content);
    }
}
