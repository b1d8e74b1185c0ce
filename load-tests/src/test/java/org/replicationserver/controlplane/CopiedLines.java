package org.replicationserver.controlplane;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.replicationserver.agent.AgentMain;
import org.replicationserver.receiver.ReceiverMain;

/** Runs steps that were printed, by a shell, in a directory whose {@code ./run} starts the classes that are tested. */
final class CopiedLines implements AutoCloseable {
    private final Path directory;
    private final String printed;
    private final List<Process> started = new ArrayList<>();

    CopiedLines(Path directory, String printed) throws IOException {
        this.directory = directory;
        this.printed = printed;
        String java = Path.of(System.getProperty("java.home"), "bin", "java")
                + " --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -XX:TieredStopAtLevel=1 -cp '"
                + System.getProperty("java.class.path") + "' ";
        Path run = Files.writeString(directory.resolve("run"), """
                #!/usr/bin/env bash
                case $1 in
                    agent) shift && exec %s "$@" ;;
                    serve) exec %s "$@" --set listen.port=0 ;;
                    *) exec %s "$@" ;;
                esac
                """.formatted(
                        java + AgentMain.class.getName(),
                        java + ReceiverMain.class.getName(),
                        java + ReceiverMain.class.getName()));
        Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwx------"));
    }

    /** Starts the step of a number; what it says goes to a file. */
    private Process start(int number) throws IOException {
        Matcher step =
                Pattern.compile("(?ms)^# " + number + "\\. .*?(?=^$|\\z)").matcher(printed);
        assertThat(step.find()).as(printed).isTrue();
        ProcessBuilder shell = new ProcessBuilder("bash", "-c", step.group())
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(said(number).toFile());
        // Would go before a profile.
        shell.environment().keySet().removeIf(name -> name.startsWith("AWS_"));
        Process process = shell.start();
        started.add(process);
        return process;
    }

    private Path said(int number) {
        return directory.resolve("step-" + number + ".out");
    }

    void begin(int number) throws IOException {
        start(number);
    }

    /** Runs a step to its end; what it said. */
    String run(int number) throws IOException, InterruptedException {
        Process process = start(number);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(said(number), StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(text).isZero();
        return text;
    }

    @Override
    public void close() {
        for (Process process : started) {
            Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                    .toList()
                    .forEach(ProcessHandle::destroyForcibly);
            process.onExit().join();
        }
    }
}
