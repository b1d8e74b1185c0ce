package org.replicationserver.agent;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Shows an agent's progress: on a terminal one line for each disk, redrawn each second; otherwise plain lines every 10 s and at each
 * event. {@link #event} may be called by any thread; the rest belongs to the thread that runs it.
 */
final class ProgressPrinter {
    private static final long TERMINAL_MILLIS = 1000;
    private static final long PLAIN_MILLIS = 10_000;

    /** Older events are dropped when nobody reads what is printed. */
    private static final int EVENTS_MAX = 1000;

    private final PrintWriter out;
    private final boolean terminal;

    // any thread
    private final LinkedBlockingQueue<AgentEvent> events = new LinkedBlockingQueue<>(EVENTS_MAX);

    // the thread that runs it
    private final Map<String, ProgressLine> lines = new HashMap<>();
    private long shownNanos = System.nanoTime();
    private int shownLines;

    ProgressPrinter(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    void event(AgentEvent event) {
        while (!events.offer(event)) {
            events.poll();
        }
    }

    /** Shows progress until the agent has ended. */
    AgentOutcome run(ReplicationAgent agent) throws InterruptedException {
        long periodNanos = TimeUnit.MILLISECONDS.toNanos(terminal ? TERMINAL_MILLIS : PLAIN_MILLIS);
        long nextNanos = System.nanoTime() + periodNanos;
        while (!agent.ended().isDone()) {
            AgentEvent event = events.poll(Math.min(periodNanos, 200_000_000L), TimeUnit.NANOSECONDS);
            if (event != null) {
                show(event);
            }
            if (System.nanoTime() - nextNanos >= 0) {
                nextNanos += periodNanos;
                show(agent.report());
            }
        }
        finish();
        AgentOutcome outcome = agent.awaitEnd(Duration.ofSeconds(1));
        if (outcome == null) {
            throw new IllegalStateException("an agent that has ended has an outcome");
        }
        return outcome;
    }

    /** Shows what is left. */
    synchronized void finish() {
        for (AgentEvent event = events.poll(); event != null; event = events.poll()) {
            show(event);
        }
        out.flush();
    }

    private synchronized void show(AgentEvent event) {
        clear();
        out.println((event.kind() == AgentEvent.Kind.WARNING ? "warning: " : "") + event.text());
        out.flush();
    }

    private synchronized void show(AgentReport report) {
        long now = System.nanoTime();
        double seconds = (now - shownNanos) / 1e9;
        shownNanos = now;
        clear();
        for (AgentReport.Disk disk : report.disks()) {
            out.println(lines.computeIfAbsent(disk.deviceName(), _ -> new ProgressLine())
                    .of(report, disk, seconds));
        }
        shownLines = terminal ? report.disks().size() : 0;
        out.flush();
    }

    /** Takes the lines that were drawn last off the terminal. */
    private void clear() {
        if (shownLines > 0) {
            out.printf("\033[%dA\033[J", shownLines);
            shownLines = 0;
        }
    }
}
