package org.replicationserver.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/** Prints the logs of the servers that a failed test started. */
final class ServerLogs implements BeforeEachCallback, TestExecutionExceptionHandler {
    private static final List<Path> LOGS = new CopyOnWriteArrayList<>();

    static void add(Path log) {
        LOGS.add(log);
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        LOGS.clear();
    }

    @Override
    @SuppressWarnings("SystemOut") // a failed test's evidence belongs to the test's output
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        if (!(failure instanceof TestAbortedException)) {
            for (Path log : LOGS) {
                System.out.println("--- log of a server of " + context.getDisplayName() + ": " + log);
                System.out.println(text(log));
            }
        }
        throw failure;
    }

    private static String text(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return "cannot be read: " + e.getMessage();
        }
    }
}
