package org.replicationserver.receiver.software;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;

/**
 * Which file is at a path, and when it was changed last: as long as two stamps are equal, nobody has put another file there nor written to
 * it, since each of that gives a file another inode or another time of its change, which nobody can set. Immutable.
 */
record FileStamp(Map<String, Object> attributes) {
    private static final String ATTRIBUTES = "unix:dev,ino,size,ctime";

    FileStamp {
        attributes = Map.copyOf(attributes);
    }

    static FileStamp of(Path path) throws IOException {
        return new FileStamp(Files.readAttributes(path, ATTRIBUTES, LinkOption.NOFOLLOW_LINKS));
    }
}
