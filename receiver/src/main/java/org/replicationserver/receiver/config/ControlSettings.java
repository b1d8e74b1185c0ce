package org.replicationserver.receiver.config;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * How the control plane is reached. What is empty is found out: the endpoint from the region, the id of this server from the instance
 * metadata.
 *
 * @param mode where assignments and commands come from; the rest is of {@link ControlMode#HTTPS} only
 * @param endpoint https, a host and perhaps a port; empty for the one of the region
 * @param replicationServerId under which the control plane knows this server; empty for the instance's id
 * @param connectTimeout for one TCP connection
 * @param attemptTimeout for one request and its answer, beyond the time for which the request itself asks to wait
 * @param callTimeout for a call with all its attempts, beyond that time too
 * @param attemptsMax of a call
 * @param pollWaitSeconds how long the control plane is asked to wait for commands, 0 to 20
 * @param associationsInterval after which associations are asked for again
 * @param progressInterval after which progress is told again, beside what is told at once
 * @param outboxBytesMax what waits on disk to be told
 */
public record ControlSettings(
        ControlMode mode,
        Optional<URI> endpoint,
        Optional<String> replicationServerId,
        Duration connectTimeout,
        Duration attemptTimeout,
        Duration callTimeout,
        int attemptsMax,
        int pollWaitSeconds,
        Duration associationsInterval,
        Duration progressInterval,
        long outboxBytesMax) {

    /** Where assignments and commands come from. */
    public enum ControlMode {
        /** Assignments from {@code assignments.file}, no commands, nothing is reported. */
        LOCAL,
        /** All from the control API on port 443. */
        HTTPS
    }
}
