package org.replicationserver.receiver.preflight;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes checks side by side within one time for all, each on a thread {@code preflight-<n>}. These are platform threads: the look-up of a name
 * and the opening of a device block in the system, where virtual threads hold the few that carry them, and so all other checks.
 */
public final class Preflight {
    /** For all checks together. */
    public static final Duration TIMEOUT = Duration.ofSeconds(10);

    /** Checks at once; the rest, of very many volumes, wait for these. */
    static final int THREADS_MAX = 64;

    private static final Logger LOG = LoggerFactory.getLogger(Preflight.class);

    private Preflight() {}

    /** A check and what it has found. */
    public record Checked(String name, Finding finding) {}

    /**
     * Makes all checks and waits for them, but never longer than the time; what is not done by then has failed.
     *
     * @return in the order of the checks
     */
    public static List<Checked> run(List<PreflightCheck> checks, Duration timeout) throws InterruptedException {
        long deadlineNanos = System.nanoTime() + timeout.toNanos();
        ExecutorService threads = Executors.newFixedThreadPool(
                Math.clamp(checks.size(), 1, THREADS_MAX),
                Thread.ofPlatform().daemon().name("preflight-", 0).factory());
        try {
            List<Future<Finding>> running =
                    checks.stream().map(check -> threads.submit(check::look)).toList();
            List<Checked> done = new ArrayList<>();
            for (int i = 0; i < checks.size(); i++) {
                String name = checks.get(i).name();
                done.add(new Checked(name, finding(name, running.get(i), deadlineNanos, timeout)));
            }
            return List.copyOf(done);
        } finally {
            // What does not obey an interrupt, as a look-up of a name, is left to end by itself.
            threads.shutdownNow();
        }
    }

    private static Finding finding(String name, Future<Finding> running, long deadlineNanos, Duration timeout)
            throws InterruptedException {
        try {
            return running.get(Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            running.cancel(true);
            return Finding.fail(
                    "not done within " + timeout.toSeconds() + " s",
                    "Look what holds it up: DNS, a firewall that drops packets, or a device that does not answer.");
        } catch (ExecutionException | CancellationException e) {
            LOG.atError().setCause(e).addKeyValue("check", name).log("a fault of this program ended a check");
            return Finding.fail("the check itself failed: " + e.getCause(), "Report this as a bug.");
        }
    }
}
