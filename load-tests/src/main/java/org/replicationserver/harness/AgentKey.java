package org.replicationserver.harness;

import java.nio.file.Path;
import org.replicationserver.cert.Identity;

/** An agent's identity, in memory for Java clients and in files for the others. */
public record AgentKey(String sourceServerId, Identity identity, Path certificate, Path key) {
    public String pin() {
        return identity.pin().toString();
    }
}
