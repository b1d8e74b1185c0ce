package org.replicationserver.receiver.replication;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The tables of the specification, as they are written there. */
final class ReadmeTables {
    private static final Path README = Path.of("replication", "README.md");

    private ReadmeTables() {}

    /** The rows below the heading row of a table that begins with these cells. */
    static List<List<String>> rows(String... heading) {
        List<String> lines = lines();
        List<String> wanted = List.of(heading);
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith("|") && startsWith(cells(lines.get(i)), wanted)) {
                return lines.stream()
                        .skip(i + 2L)
                        .takeWhile(line -> line.startsWith("|"))
                        .map(ReadmeTables::cells)
                        .toList();
            }
        }
        throw new AssertionError("no table with the heading " + wanted + " in " + README.toAbsolutePath());
    }

    /** The cells of a heading row that begins with these. */
    static List<String> heading(String first) {
        return lines().stream()
                .filter(line -> line.startsWith("| " + first + " | " + DataReplicationState.INITIATING))
                .map(ReadmeTables::cells)
                .findFirst()
                .orElseThrow();
    }

    static String row(List<String> cells) {
        return "| " + String.join(" | ", cells) + " |";
    }

    private static boolean startsWith(List<String> cells, List<String> wanted) {
        return cells.size() >= wanted.size() && cells.subList(0, wanted.size()).equals(wanted);
    }

    private static List<String> cells(String line) {
        return Stream.of(line.substring(1, line.lastIndexOf('|')).split("\\|", -1))
                .map(String::strip)
                .toList();
    }

    private static List<String> lines() {
        try {
            return Files.readAllLines(README);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
