package org.replicationserver.receiver.software;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import org.replicationserver.receiver.software.SoftwareException.Kind;
import software.amazon.awssdk.retries.api.BackoffStrategy;

/** Waits after a failure that may do better in a moment, and gives up after too many in a row. One thread. */
final class Retries {
    private static final BackoffStrategy BACKOFF =
            BackoffStrategy.exponentialDelay(Duration.ofMillis(200), Duration.ofSeconds(10));

    private final int failuresMax;
    private int failures;

    Retries(int failuresMax) {
        this.failuresMax = failuresMax;
    }

    /**
     * Waits, for longer with each failure in a row.
     *
     * @param progressed whether the attempt that failed has brought something
     * @throws SoftwareException the failure, if it is one too many
     */
    void failed(SoftwareException failure, boolean progressed) throws SoftwareException, InterruptedException {
        failures = progressed ? 1 : failures + 1;
        if (failures >= failuresMax) {
            throw failure;
        }
        Thread.sleep(BACKOFF.computeDelay(failures + 1));
    }

    /** What it is if all attempts fail so. */
    static SoftwareException unreachable(ObjectName object, ObjectSource source, IOException e) {
        String why = switch (e) {
            case UnknownHostException _ -> "the name " + e.getMessage() + " is not known to DNS";
            case SocketTimeoutException _ -> "nobody answers in time: " + e.getMessage();
            case ConnectException _ -> "no connection: " + e.getMessage();
            default -> String.valueOf(e.getMessage());
        };
        boolean isAnswer = e instanceof ServerFaultException;
        return new SoftwareException(
                isAnswer ? Kind.SERVER_FAULT : Kind.UNREACHABLE,
                object + " cannot be fetched from " + source.words() + ": " + why,
                isAnswer
                        ? "Fetch again in a few minutes."
                        : "Check DNS, routes and security groups for TCP 443 to S3, aws.region, and the proxy if there is one; or keep"
                                + " a mirror, software.mirror-directory.",
                e);
    }
}
