package org.replicationserver.receiver.aws;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What the instance metadata says of the credentials of the instance's role, but for the secrets. Immutable.
 *
 * @param code {@code Success} if there are credentials, otherwise why not
 * @param expiration null where there are none
 */
public record RoleCredentials(
        String role, String code, @Nullable Instant expiration) {
    /** Whether requests can be signed with them at this moment. */
    public boolean areGood(Instant now) {
        return code.equals("Success") && expiration != null && expiration.isAfter(now);
    }
}
