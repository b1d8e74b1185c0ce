package org.replicationserver.cert;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several first starts at once: one makes the identity, the others load it. */
class IdentityStoreConcurrencyTest {
    private static final int THREADS = 8;
    private static final int PROCESSES = 4;
    private static final int PROCESS_SECONDS_MAX = 60;

    @TempDir
    private Path temporary;

    @Test
    void oneThreadMakesTheIdentityAndTheOthersLoadIt() throws Exception {
        Path directory = temporary.resolve("certificates");
        AtomicInteger issued = new AtomicInteger();
        CertificateIssuer counting = keyPair -> {
            issued.incrementAndGet();
            return TestIdentities.serverIssuer().issue(keyPair);
        };
        CyclicBarrier together = new CyclicBarrier(THREADS);
        List<Future<Pin>> pins = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            for (int i = 0; i < THREADS; i++) {
                pins.add(threads.submit(() -> {
                    together.await();
                    return new IdentityStore(directory)
                            .loadOrCreate("server", counting)
                            .pin();
                }));
            }
        }
        assertThat(pins).extracting(Future::get).containsOnly(pins.getFirst().get());
        assertThat(issued).hasValue(1);
    }

    @Test
    void oneProcessMakesTheIdentityAndTheOthersLoadIt() throws Exception {
        Path directory = temporary.resolve("certificates");
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            processes.add(start(directory));
        }
        // Each waits for a line, so that the start of a JVM does not spread them.
        for (Process process : processes) {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
        }
        List<String> outputs = new ArrayList<>();
        for (Process process : processes) {
            outputs.add(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            assertThat(process.waitFor(PROCESS_SECONDS_MAX, TimeUnit.SECONDS)).isTrue();
        }
        String pin = PemFiles.readPin(directory.resolve("server.pin")).toString();
        assertThat(outputs)
                .extracting(output -> output.substring(0, output.lastIndexOf(" ")))
                .containsOnly(pin);
        assertThat(outputs).filteredOn(output -> output.endsWith("made")).hasSize(1);
    }

    private static Process start(Path directory) throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:auto",
                        "-Xmx64m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        LoadOrCreateMain.class.getName(),
                        directory.toString())
                .redirectErrorStream(true)
                .start();
    }
}
