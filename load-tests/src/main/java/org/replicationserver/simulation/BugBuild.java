package org.replicationserver.simulation;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Compiles shipped sources with a known bug in them, into a folder that goes before all others on a class path. */
public final class BugBuild {
    private final Path project;

    /** @param project the folder with the sources */
    public BugBuild(Path project) {
        this.project = project;
    }

    /**
     * Makes the classes.
     *
     * @throws IOException if the code of the bug is not where it should be, exactly once, or the result is no Java
     */
    public void build(KnownBug bug, Path classes) throws IOException {
        Path sources = Files.createDirectories(classes.resolveSibling("sources"));
        Files.createDirectories(classes);
        List<Path> changed = new ArrayList<>();
        for (KnownBug.Edit edit : bug.edits()) {
            Path shipped = project.resolve(edit.file());
            String code = Files.readString(shipped);
            int at = code.indexOf(edit.code());
            if (at < 0 || code.indexOf(edit.code(), at + 1) >= 0) {
                throw new IOException(bug.name() + ": its code is not exactly once in " + edit.file());
            }
            Path source = sources.resolve(shipped.getFileName());
            Files.writeString(source, code.replace(edit.code(), edit.wrong()));
            changed.add(source);
        }
        compile(bug, changed, classes);
    }

    private static void compile(KnownBug bug, List<Path> sources, Path classes) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter said = new StringWriter();
        List<String> options = List.of(
                "-d", classes.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none", "-nowarn");
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            boolean made = compiler.getTask(
                            said, files, null, options, null, files.getJavaFileObjectsFromPaths(sources))
                    .call();
            if (!made) {
                throw new IOException(bug.name() + " is no Java: " + said);
            }
        }
    }
}
