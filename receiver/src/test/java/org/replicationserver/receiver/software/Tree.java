package org.replicationserver.receiver.software;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What is below a directory, as far as anybody can see: paths, targets of links, contents of files. The lock file does not count. */
final class Tree {
    private Tree() {}

    static Map<String, String> of(Path directory) throws IOException {
        Map<String, String> tree = new TreeMap<>();
        if (!Files.exists(directory)) {
            return tree;
        }
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.toList()) {
                String name = directory.relativize(path).toString();
                if (Files.isSymbolicLink(path)) {
                    tree.put(name, "-> " + Files.readSymbolicLink(path));
                } else if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) && !name.equals("lock")) {
                    tree.put(name, S3Server.hashOf(Files.readAllBytes(path)));
                }
            }
        }
        return tree;
    }
}
