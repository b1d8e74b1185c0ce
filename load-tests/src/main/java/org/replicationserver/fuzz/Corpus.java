package org.replicationserver.fuzz;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The inputs that come with the project: beginnings for the engine, and what once was found. */
final class Corpus {
    private Corpus() {}

    /** By name. */
    static SortedMap<String, byte[]> of(Parser parser) throws IOException {
        URL folder = Corpus.class.getResource("corpus/" + parser.label() + "/");
        if (folder == null) {
            throw new IOException("the program is without the corpus of " + parser.label());
        }
        try {
            URI uri = folder.toURI();
            if (!uri.getScheme().equals("jar")) {
                return read(Path.of(uri));
            }
            try (FileSystem jar = FileSystems.newFileSystem(uri, Map.of())) {
                return read(jar.provider().getPath(uri));
            }
        } catch (URISyntaxException e) {
            throw new IOException("the program is in a place whose name is no URI: " + folder, e);
        }
    }

    private static SortedMap<String, byte[]> read(Path folder) throws IOException {
        SortedMap<String, byte[]> inputs = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                inputs.put(String.valueOf(file.getFileName()), Files.readAllBytes(file));
            }
        }
        return inputs;
    }

    /** Writes the inputs of parsers into a directory, as a run with these parsers takes them. */
    static void copy(List<Parser> parsers, Path directory) throws IOException {
        for (int i = 0; i < parsers.size(); i++) {
            for (Map.Entry<String, byte[]> input : of(parsers.get(i)).entrySet()) {
                byte[] bytes = parsers.size() == 1 ? input.getValue() : FuzzEntry.chosen(i, input.getValue());
                Files.write(directory.resolve(parsers.get(i).label() + "-" + input.getKey()), bytes);
            }
        }
    }
}
