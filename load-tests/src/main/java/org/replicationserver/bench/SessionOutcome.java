package org.replicationserver.bench;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.replicationserver.process.RunException;

/** How long the work of a session took, or why it failed: the first that is said. Said by the sender's event loop, awaited by the run's thread. */
final class SessionOutcome {
    /** The server ends the connections after BYE; what was done is done without. */
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

    private final CompletableFuture<Double> seconds = new CompletableFuture<>();
    private final CompletableFuture<Boolean> closed = new CompletableFuture<>();

    void done(double afterSeconds) {
        seconds.complete(afterSeconds);
    }

    void failed(String why) {
        seconds.completeExceptionally(new RunException(why));
    }

    /** A connection has ended. */
    void closed() {
        closed.complete(true);
    }

    /**
     * Waits for both.
     *
     * @throws TimeoutException if nothing was said in time
     */
    double await(Duration timeout) throws RunException, InterruptedException, TimeoutException {
        try {
            double after = seconds.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
            closed.completeOnTimeout(false, CLOSE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
            return after;
        } catch (ExecutionException e) {
            throw new RunException(
                    String.valueOf(e.getCause() == null ? e : e.getCause().getMessage()), e);
        }
    }
}
