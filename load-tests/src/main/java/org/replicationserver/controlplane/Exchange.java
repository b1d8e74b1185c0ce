package org.replicationserver.controlplane;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A request and how it was answered.
 *
 * @param requestId of the answer
 * @param invocationId of the request; null if it had none
 * @param attempt the header amz-sdk-request; null if there was none
 * @param status of the answer; 0 if there was none, or not a whole one
 * @param fault what was injected; null if nothing
 */
public record Exchange(
        Instant receivedAt,
        String operation,
        String requestId,
        @Nullable String invocationId,
        @Nullable String attempt,
        int status,
        Fault.@Nullable Kind fault) {}
