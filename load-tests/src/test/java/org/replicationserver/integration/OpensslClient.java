package org.replicationserver.integration;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.replicationserver.harness.AgentKey;
import org.replicationserver.harness.Endpoint;

/**
 * {@code openssl s_client}: a client that no one here wrote. It types a line that is no frame and stays until the server closes, so
 * nothing here waits for a time: whom the server takes for an agent is answered with an ERROR frame, see {@link #ANSWER}.
 */
final class OpensslClient {
    /** The magic of the frame that answers the line; nothing else that the client prints contains it. */
    static final String ANSWER = "BRP1";

    private static final String NO_FRAME = "this line is no frame, but as long as a header";
    private static final int EXIT_CODE_OF_TIMEOUT = 124;

    private final Endpoint endpoint;
    private final List<String> options = new ArrayList<>();
    private String typed = NO_FRAME;

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

    /** Another line; {@code R} alone makes the client renegotiate. */
    OpensslClient typing(String line) {
        typed = line;
        return this;
    }

    /** Everything that the client printed until the server closed. */
    String run() throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of("timeout", "20", "openssl", "s_client", "-connect", endpoint.address()));
        command.addAll(options);
        Commands.Result result = Commands.runWithOpenInput(command, typed + "\n");
        if (result.exitCode() == EXIT_CODE_OF_TIMEOUT) {
            throw new AssertionError("the server did not close:\n" + result.output());
        }
        return result.output();
    }
}
