package org.replicationserver.agent;

import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Shows an agent's progress, on a terminal each second, otherwise every 10 s, and every event at once. {@link #event} may be called by
 * any thread; the rest belongs to the thread that runs it.
 */
final class ProgressPrinter {
    private static final long TERMINAL_MILLIS = 1000;
    private static final long PLAIN_MILLIS = 10_000;
    private static final long POLL_MILLIS = 200;
    private static final long EVENT_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    /** Older events are dropped when nobody reads what is printed. */
    private static final int EVENTS_MAX = 1000;

    private final PrintWriter out;
    private final ProgressText text;
    private final long periodNanos;
    private final LinkedBlockingQueue<AgentEvent> events = new LinkedBlockingQueue<>(EVENTS_MAX);

    ProgressPrinter(PrintWriter out, @Nullable TerminalSize terminal) {
        this.out = out;
        this.text = new ProgressText(terminal);
        this.periodNanos = TimeUnit.MILLISECONDS.toNanos(terminal == null ? PLAIN_MILLIS : TERMINAL_MILLIS);
    }

    void event(AgentEvent event) {
        while (!events.offer(event)) {
            events.poll();
        }
    }

    /** Shows progress until the agent has ended. */
    AgentOutcome run(ReplicationAgent agent) throws InterruptedException {
        long nextNanos = System.nanoTime() + periodNanos;
        while (!agent.ended().isDone()) {
            AgentEvent event = events.poll(POLL_MILLIS, TimeUnit.MILLISECONDS);
            if (event != null) {
                print(text.event(event, Instant.now()));
                // A report is made every 100 ms; one that is older than the event would take it back.
                nextNanos = Math.max(nextNanos - System.nanoTime(), EVENT_NANOS) + System.nanoTime();
            }
            long now = System.nanoTime();
            AgentReport report = agent.report();
            // What happened is told before what it led to.
            if (now - nextNanos >= 0 && events.isEmpty() && report.outcome() == null) {
                nextNanos = now + periodNanos;
                print(text.report(report, now, Instant.now()));
            }
        }
        finish();
        AgentOutcome outcome = agent.awaitEnd(Duration.ofSeconds(1));
        if (outcome == null) {
            throw new IllegalStateException("an agent that has ended has an outcome");
        }
        return outcome;
    }

    /** Shows the events that are left, and nothing of progress. */
    void finish() {
        for (AgentEvent event = events.poll(); event != null; event = events.poll()) {
            print(text.event(event, Instant.now()));
        }
        print(text.clear());
    }

    /** Shows how it ended, which nothing follows. */
    void end(String how) {
        print(text.event(AgentEvent.state(how), Instant.now()));
    }

    private void print(String what) {
        out.print(what);
        out.flush();
    }
}
