package org.replicationserver.receiver.control;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what must be told until the control plane has taken it: on disk, in order, over restarts. Any thread; all files belong to one
 * thread, {@code outbox-writer}, so that nobody who appends ever waits for the disk.
 *
 * <p>What waits at once is written together and forced once. The stage of an append is done when the report survives a power loss.
 *
 * <p>Bounded: at {@code control.outbox-bytes-max} (and at {@value OutboxLog#ENTRIES_MAX} reports) the oldest progress is given up, then
 * the oldest notifications; never command results, the newest state and the newest record of a source server. What is given up leaves a
 * gap in the sequence, which is how the control plane is told of it in its place, and is counted in {@link #status}.
 *
 * <p>A disk that fails does not end replication: appends fail, which is logged and counted, what was durable goes on being sent, and
 * after {@link #RETRY_SECONDS} s the next append tries the disk again, with a new file. A report whose append failed may still be sent
 * after the next start, if it has reached the disk after all. What cannot be read back waits, and all behind it, and is tried again as
 * often; only what the disk gives back otherwise than it was written is given up, logged and counted.
 */
public final class Outbox implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Outbox.class);

    /** What may wait for the disk. */
    static final long QUEUED_BYTES_MAX = 8 << 20;

    static final long RETRY_SECONDS = 10;

    private static final long POSITION_SECONDS = 1;
    private static final long CLOSE_TIMEOUT_MILLIS = 20_000;

    // any thread
    private final LinkedBlockingQueue<Task> queue = new LinkedBlockingQueue<>();
    private final AtomicLong queuedBytes = new AtomicLong();
    private final AtomicLong lost = new AtomicLong();
    private final Set<String> results = ConcurrentHashMap.newKeySet();
    private final Thread writer;
    private final Clock clock;
    private volatile OutboxStatus status;
    private volatile boolean ended;

    // outbox-writer only
    private final OutboxLog log;
    private final RefusedReports refused;
    private long lostBefore;
    private long appended;
    private long sent;
    private long setAside;
    private @Nullable CompletableFuture<SentReport> waiter;
    private final List<CompletableFuture<Void>> emptyWaiters = new ArrayList<>();
    private final LongSupplier nanos;
    private final DiskFault writing;
    private final DiskFault reading;
    private long positionAtNanos;
    private @Nullable IOException closeFailure;

    private sealed interface Task {
        record Append(Report report, CompletableFuture<Void> durable) implements Task {}

        record Next(CompletableFuture<SentReport> report) implements Task {}

        record Empty(CompletableFuture<Void> reached) implements Task {}

        record Done(SentReport report, @Nullable String refusal, CompletableFuture<Void> done) implements Task {}

        record Stop() implements Task {}
    }

    private Outbox(OutboxLog log, RefusedReports refused, Clock clock, LongSupplier nanos) {
        this.log = log;
        this.refused = refused;
        this.clock = clock;
        this.nanos = nanos;
        this.writing = new DiskFault(nanos);
        this.reading = new DiskFault(nanos);
        this.positionAtNanos = nanos.getAsLong();
        for (OutboxSegment segment : log.index().segments()) {
            segment.waiting.stream()
                    .filter(entry -> entry.kind() == ReportKind.COMMAND_RESULT)
                    .forEach(entry -> results.add(entry.subject()));
        }
        this.status = statusNow();
        this.writer = Thread.ofPlatform().name("outbox-writer").daemon().unstarted(this::run);
    }

    /**
     * Opens the outbox of a directory, which must be nobody else's, making it if there is none.
     *
     * @param bytesMax of its files, {@code control.outbox-bytes-max}
     */
    public static Outbox open(Path directory, long bytesMax, Clock clock) throws IOException {
        return open(directory, bytesMax, clock, System::nanoTime, new OutboxDisk());
    }

    static Outbox open(Path directory, long bytesMax, Clock clock, LongSupplier nanos, OutboxDisk disk)
            throws IOException {
        OutboxLog log = OutboxLog.open(directory, bytesMax, disk);
        RefusedReports refused = new RefusedReports(disk, directory, RefusedReports.BYTES_MAX);
        Outbox outbox = new Outbox(log, refused, clock, nanos);
        outbox.writer.start();
        return outbox;
    }

    /**
     * Keeps a report. Reports are told in the order in which they are appended.
     *
     * @return done when the report survives a power loss, on the outbox's thread; fails with {@link ReportLostException}
     */
    public CompletionStage<Void> append(Report report) {
        long bytes = OutboxEntry.lengthOf(report);
        if (queuedBytes.addAndGet(bytes) > QUEUED_BYTES_MAX) {
            queuedBytes.addAndGet(-bytes);
            lost.incrementAndGet();
            return CompletableFuture.failedStage(
                    new ReportLostException("the disk of the outbox is too slow: queuedBytesMax=" + QUEUED_BYTES_MAX));
        }
        CompletableFuture<Void> durable = new CompletableFuture<>();
        if (report.kind() == ReportKind.COMMAND_RESULT) {
            results.add(report.subject());
        }
        put(new Task.Append(report, durable));
        return durable.minimalCompletionStage();
    }

    private void put(Task task) {
        queue.add(task);
        if (ended) {
            failRest();
        }
    }

    /** What came too late for the outbox-writer. */
    private void failRest() {
        for (Task task = queue.poll(); task != null; task = queue.poll()) {
            fail(task, new ReportLostException("the outbox is closed"));
        }
    }

    /** No effect on what is answered already. */
    private static void fail(Task task, ReportLostException cause) {
        switch (task) {
            case Task.Append append -> append.durable().completeExceptionally(cause);
            case Task.Next next -> next.report().completeExceptionally(cause);
            case Task.Empty empty -> empty.reached().completeExceptionally(cause);
            case Task.Done done -> done.done().completeExceptionally(cause);
            case Task.Stop _ -> {}
        }
    }

    /** Whether the result of a command waits here to be sent, or to be written. */
    public boolean holdsResultOf(String commandId) {
        return results.contains(commandId);
    }

    /** How many results of commands wait. */
    int resultsHeld() {
        return results.size();
    }

    /** As of a moment ago. */
    public OutboxStatus status() {
        return status;
    }

    /** Done once nothing waits here any more; perhaps never, if the outbox is closed before. */
    public CompletableFuture<Void> whenEmpty() {
        CompletableFuture<Void> reached = new CompletableFuture<>();
        put(new Task.Empty(reached));
        return reached;
    }

    // --- for the sender

    /** The oldest report, as soon as there is one. It stays the oldest until it is done. */
    CompletableFuture<SentReport> next() {
        CompletableFuture<SentReport> next = new CompletableFuture<>();
        put(new Task.Next(next));
        return next;
    }

    /** The control plane has taken the oldest report. */
    CompletableFuture<Void> sent(SentReport report) {
        return done(report, null);
    }

    /** The control plane refuses the oldest report for good; it is kept for people to look at, and is told no more. */
    CompletableFuture<Void> setAside(SentReport report, String refusal) {
        return done(report, refusal);
    }

    private CompletableFuture<Void> done(SentReport report, @Nullable String refusal) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        put(new Task.Done(report, refusal, done));
        return done;
    }

    // --- outbox-writer

    private void run() {
        List<Task> tasks = new ArrayList<>();
        boolean running = true;
        while (running) {
            tasks.clear();
            try {
                Task first = queue.poll(POSITION_SECONDS, TimeUnit.SECONDS);
                if (first != null) {
                    tasks.add(first);
                    queue.drainTo(tasks);
                }
            } catch (InterruptedException e) {
                LOG.warn("nobody interrupts the outbox, it goes on");
            }
            try {
                running = work(tasks);
            } catch (RuntimeException e) {
                LOG.atError().setCause(e).log("outbox failed, it goes on");
                tasks.forEach(task -> fail(task, new ReportLostException("the outbox failed by a fault of ours", e)));
            }
            status = statusNow();
        }
    }

    /** False after the last task of all. */
    private boolean work(List<Task> tasks) {
        appendAll(tasks);
        boolean stops = false;
        for (Task task : tasks) {
            switch (task) {
                case Task.Append _ -> {}
                case Task.Done done -> finish(done);
                case Task.Next next -> waiter = next.report();
                case Task.Empty empty -> emptyWaiters.add(empty.reached());
                case Task.Stop _ -> stops = true;
            }
        }
        if (stops) {
            end();
            return false;
        }
        serveWaiters();
        storePositionIfDue();
        return true;
    }

    private void appendAll(List<Task> tasks) {
        List<Task.Append> group = new ArrayList<>();
        long groupBytes = 0;
        for (Task task : tasks) {
            if (task instanceof Task.Append append) {
                long bytes = OutboxEntry.lengthOf(append.report());
                if (groupBytes + bytes > OutboxLog.GROUP_BYTES_MAX) {
                    appendGroup(group);
                    group.clear();
                    groupBytes = 0;
                }
                group.add(append);
                groupBytes += bytes;
            }
        }
        if (!group.isEmpty()) {
            appendGroup(group);
        }
    }

    private void appendGroup(List<Task.Append> group) {
        tellOfLost();
        List<Report> reports = group.stream().map(Task.Append::report).toList();
        long bytes = reports.stream().mapToLong(OutboxEntry::lengthOf).sum();
        long lastBefore = log.position().last();
        try {
            List<Boolean> kept = append(reports);
            for (int i = 0; i < group.size(); i++) {
                if (kept.get(i)) {
                    appended++;
                    group.get(i).durable().complete(null);
                } else {
                    lose(group.get(i), new ReportLostException("the outbox is full of what may not be given up"));
                }
            }
        } catch (IOException e) {
            log.skip(group.size() - (log.position().last() - lastBefore));
            for (Task.Append append : group) {
                lose(append, new ReportLostException("the outbox cannot be written: " + e.getMessage(), e));
            }
        } finally {
            queuedBytes.addAndGet(-bytes);
        }
    }

    private List<Boolean> append(List<Report> reports) throws IOException {
        if (writing.holds()) {
            throw new IOException(writing.cause());
        }
        try {
            List<Boolean> kept = log.append(reports);
            if (writing.worked()) {
                LOG.info("outbox can be written again");
            }
            return kept;
        } catch (IOException e) {
            writing.failed(e);
            tell(e, "outbox cannot be written, reports are lost until it can");
            throw e;
        }
    }

    private static void tell(IOException cause, String event) {
        LOG.atError()
                .setCause(cause)
                .addKeyValue("retrySeconds", RETRY_SECONDS)
                .addKeyValue("cause", cause.getMessage())
                .log(event);
    }

    /** Reports that were refused before they came to this thread leave a gap too. */
    private void tellOfLost() {
        long now = lost.get();
        if (now > lostBefore) {
            log.skip(now - lostBefore);
            LOG.atWarn()
                    .addKeyValue("reports", now - lostBefore)
                    .log("reports are lost, the outbox could not keep them");
            lostBefore = now;
        }
    }

    /** It has a sequence already, which is the gap. */
    private void lose(Task.Append append, ReportLostException cause) {
        lost.incrementAndGet();
        lostBefore++;
        if (append.report().kind() == ReportKind.COMMAND_RESULT) {
            results.remove(append.report().subject());
        }
        append.durable().completeExceptionally(cause);
    }

    private void finish(Task.Done task) {
        try {
            if (task.refusal() == null) {
                sent++;
            } else {
                setAside++;
                refused.add(clock.instant(), task.report(), task.refusal());
            }
        } catch (IOException e) {
            LOG.atError()
                    .setCause(e)
                    .addKeyValue("report", task.report())
                    .addKeyValue("cause", e.getMessage())
                    .log("refused report cannot be set aside, it is lost");
        }
        try {
            log.done(task.report());
        } catch (IOException e) {
            LOG.atWarn().setCause(e).addKeyValue("cause", e.getMessage()).log("files of the outbox cannot be removed");
        }
        if (task.report().report().kind() == ReportKind.COMMAND_RESULT) {
            results.remove(task.report().report().subject());
        }
        task.done().complete(null);
    }

    private void serveWaiters() {
        if (waiter != null && !reading.holds()) {
            SentReport head = head();
            if (head != null) {
                waiter.complete(head);
                waiter = null;
            }
        }
        if (log.index().entries() == 0) {
            emptyWaiters.forEach(empty -> empty.complete(null));
            emptyWaiters.clear();
        }
    }

    /** Null also if the disk does not give it back now: whoever waits for it waits until it does. */
    private @Nullable SentReport head() {
        try {
            SentReport head = log.head();
            if (reading.worked()) {
                LOG.info("outbox can be read again");
            }
            return head;
        } catch (IOException e) {
            if (reading.cause() == null) {
                tell(e, "outbox cannot be read, what is in it waits until it can");
            }
            reading.failed(e);
            return null;
        }
    }

    private void storePositionIfDue() {
        long now = nanos.getAsLong();
        if (now - positionAtNanos >= 0) {
            positionAtNanos = now + TimeUnit.SECONDS.toNanos(POSITION_SECONDS);
            try {
                log.storeDone();
            } catch (IOException e) {
                LOG.atWarn()
                        .addKeyValue("cause", e.getMessage())
                        .log("position of the outbox cannot be stored, after a crash reports are sent again");
            }
        }
    }

    private void end() {
        try {
            log.close();
        } catch (IOException e) {
            closeFailure = e;
        }
        ended = true;
        failRest();
    }

    private OutboxStatus statusNow() {
        OutboxIndex index = log.index();
        OutboxEntry oldest = index.oldest();
        return new OutboxStatus(
                index.entries(),
                oldest == null ? null : Instant.ofEpochMilli(oldest.observedMillis()),
                index.diskBytes(),
                appended,
                sent,
                index.progressDropped(),
                index.notificationsDropped(),
                lost.get(),
                index.unreadable(),
                setAside,
                writing.cause() == null ? reading.cause() : writing.cause());
    }

    /**
     * Waits until everything that was appended is durable.
     *
     * @throws IOException when the disk fails, or takes longer than 20 s
     */
    @Override
    public void close() throws IOException {
        put(new Task.Stop());
        try {
            writer.join(CLOSE_TIMEOUT_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the outbox is written");
        }
        if (writer.isAlive()) {
            throw new IOException("the outbox was not written within " + CLOSE_TIMEOUT_MILLIS / 1000 + " s");
        }
        if (closeFailure != null) {
            throw closeFailure;
        }
    }
}
