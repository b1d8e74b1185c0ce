package org.replicationserver.controlplane;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a simulator is made. Immutable, any thread.
 *
 * @param host the address to listen on
 * @param port to listen on; 0 for one that is free, which is then kept
 * @param region that requests must be signed for
 * @param names of the certificate, beside localhost, 127.0.0.1 and ::1; host names or IP addresses
 * @param directory where the authority that signs the certificate is kept; null to make a new one that is not kept
 */
public record SimulatorOptions(
        String host,
        int port,
        String region,
        List<String> names,
        @Nullable Path directory) {
    public SimulatorOptions {
        names = List.copyOf(names);
    }

    /** On a free port of the loopback, for us-east-1, nothing kept. */
    public static SimulatorOptions forTests() {
        return new SimulatorOptions("127.0.0.1", 0, "us-east-1", List.of(), null);
    }

    public SimulatorOptions withHost(String newHost) {
        return new SimulatorOptions(newHost, port, region, names, directory);
    }

    public SimulatorOptions withPort(int newPort) {
        return new SimulatorOptions(host, newPort, region, names, directory);
    }

    public SimulatorOptions withRegion(String newRegion) {
        return new SimulatorOptions(host, port, newRegion, names, directory);
    }

    public SimulatorOptions withNames(List<String> newNames) {
        return new SimulatorOptions(host, port, region, newNames, directory);
    }

    public SimulatorOptions withDirectory(Path newDirectory) {
        return new SimulatorOptions(host, port, region, names, newDirectory);
    }
}
