package org.replicationserver.integration;

import java.nio.file.Path;
import org.replicationserver.cert.Identity;

/** An agent's identity, in memory for Java clients and in files for the others. */
record AgentKey(String sourceServerId, Identity identity, Path certificate, Path key) {
    String pin() {
        return identity.pin().toString();
    }
}
