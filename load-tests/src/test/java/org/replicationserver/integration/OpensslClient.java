package org.replicationserver.integration;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** {@code openssl s_client}: a client that no one here wrote. */
final class OpensslClient {
    /** Long enough for an alert that comes after the handshake to be read. */
    private static final String QUIT_LATER = "sleep 0.7; echo Q";

    private final Endpoint endpoint;
    private final List<String> options = new ArrayList<>();
    private String typed = QUIT_LATER;

    private OpensslClient(Endpoint endpoint) {
        this.endpoint = endpoint;
    }

    static OpensslClient to(Endpoint endpoint) {
        return new OpensslClient(endpoint);
    }

    OpensslClient with(String... more) {
        options.addAll(List.of(more));
        return this;
    }

    OpensslClient as(AgentKey key) {
        return with("-cert", key.certificate().toString(), "-key", key.key().toString());
    }

    OpensslClient alpn(String protocol) {
        return with("-alpn", protocol);
    }

    /** What a shell prints goes to the client as if it were typed. */
    OpensslClient typing(String commands) {
        typed = commands;
        return this;
    }

    /** Everything that the client printed. */
    String run() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                "sh",
                "-c",
                "(" + typed + ") | timeout 20 openssl s_client \"$@\"",
                "sh",
                "-connect",
                endpoint.address()));
        command.addAll(options);
        return Commands.run(command).output();
    }
}
