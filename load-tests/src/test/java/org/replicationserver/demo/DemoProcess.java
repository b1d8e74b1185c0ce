package org.replicationserver.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The demo in a process of its own. */
final class DemoProcess {
    private DemoProcess() {}

    /** Makes everything in this temporary directory; standard error goes where the output goes. */
    static Process start(Path temporary, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:TieredStopAtLevel=1",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                DemoMain.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    static void end(Process demo) {
        Stream.concat(demo.descendants().toList().stream(), Stream.of(demo.toHandle()))
                .forEach(ProcessHandle::destroyForcibly);
    }
}
