package org.replicationserver.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** What the figures were measured on, in words, and what of it may disturb them. */
record Machine(String processor, int processors, String kernel, String java, double loadAverage) {
    static Machine here() {
        return new Machine(
                field(Path.of("/proc/cpuinfo"), "model name"),
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.version", "unknown"),
                System.getProperty("java.vm.version", "unknown"),
                ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    }

    /** Bytes that processes could still take without swapping; very many where the system does not say. */
    static long availableMemoryBytes() {
        String text = field(Path.of("/proc/meminfo"), "MemAvailable").replaceAll("\\D", "");
        return text.isEmpty() ? Long.MAX_VALUE : Long.parseLong(text) * 1024;
    }

    private static String field(Path file, String name) {
        try {
            for (String line : Files.readAllLines(file)) {
                int colon = line.indexOf(':');
                if (colon > 0 && line.substring(0, colon).strip().equals(name)) {
                    return line.substring(colon + 1).strip();
                }
            }
        } catch (IOException e) {
            // Another system than Linux.
        }
        return "unknown";
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s, %d processors, Linux %s, JVM %s, load average %.1f",
                processor,
                processors,
                kernel,
                java,
                loadAverage);
    }
}
