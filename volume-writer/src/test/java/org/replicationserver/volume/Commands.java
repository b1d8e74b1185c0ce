package org.replicationserver.volume;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Runs commands of the system for tests. */
final class Commands {
    private Commands() {}

    /** What it printed; an exit code other than 0 is an error that says so. */
    static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int exitCode = process.waitFor();
        if (exitCode != 0) {
            throw new IOException("command=" + List.of(command) + " exit=" + exitCode + " output=" + output);
        }
        return output;
    }

    static boolean exists(String program) {
        try {
            run("which", program);
            return true;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    static boolean isRoot() {
        try {
            return run("id", "-u").strip().equals("0");
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
