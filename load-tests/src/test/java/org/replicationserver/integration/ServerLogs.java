package org.replicationserver.integration;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/** Prints the logs of the servers that a failed test started, which are in its temporary directories. */
final class ServerLogs implements TestExecutionExceptionHandler {
    @Override
    @SuppressWarnings("SystemOut") // a failed test's evidence belongs to the test's output
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        if (!(failure instanceof TestAbortedException)) {
            for (Field field : context.getRequiredTestClass().getDeclaredFields()) {
                if (field.isAnnotationPresent(TempDir.class)) {
                    field.setAccessible(true);
                    for (Path log : logs((Path) field.get(context.getRequiredTestInstance()))) {
                        System.out.println("--- log of a server of " + context.getDisplayName() + ": " + log);
                        System.out.println(Files.readString(log));
                    }
                }
            }
        }
        throw failure;
    }

    private static List<Path> logs(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.getFileName().toString().matches("server\\d+\\.log"))
                    .toList();
        }
    }
}
