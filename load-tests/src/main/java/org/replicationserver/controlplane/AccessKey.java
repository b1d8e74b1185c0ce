package org.replicationserver.controlplane;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Credentials that sign requests.
 *
 * @param sessionToken null of credentials that do not end
 * @param expiration null of credentials that do not end
 */
public record AccessKey(
        String accessKeyId,
        String secretAccessKey,
        @Nullable String sessionToken,
        @Nullable Instant expiration,
        Role role) {
    /** Whose credentials they are, and so which operations they may call. */
    public enum Role {
        REPLICATION_SERVER,
        AGENT
    }

    /** Without the secret and the token. */
    @Override
    public String toString() {
        return "AccessKey[" + accessKeyId + ", " + role + "]";
    }
}
