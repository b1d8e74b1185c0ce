package org.replicationserver.receiver.server;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.replicationserver.receiver.control.Report;

/** Keeps reports in the order in which they are told, also where one must wait until something else is on disk. Event loop only. */
final class ReportOrder {
    /** A disk that hangs holds reports back no longer: the outbox bounds what waits for it, and here nothing does. */
    private static final long WAIT_SECONDS_MAX = 5;

    private final Function<Report, CompletionStage<Void>> outbox;
    private final Executor eventLoop;

    /** Done when the outbox has all reports before. Each step is after one other only, so the order is that of the calls. */
    private CompletableFuture<?> last = CompletableFuture.completedFuture(null);

    ReportOrder(Function<Report, CompletionStage<Void>> outbox, Executor eventLoop) {
        this.outbox = outbox;
        this.eventLoop = eventLoop;
    }

    /** Done when the report is durable, on any thread; fails if it is lost. */
    CompletionStage<Void> append(Report report) {
        CompletableFuture<CompletionStage<Void>> appended = last.handle((done, failure) -> outbox.apply(report));
        last = appended;
        return appended.thenCompose(durable -> durable);
    }

    /** What is appended from now on comes to the outbox when this is done, whether it fails or not. */
    void waitFor(CompletionStage<Void> kept) {
        CompletableFuture<?> bounded = kept.toCompletableFuture()
                .copy()
                .orTimeout(WAIT_SECONDS_MAX, TimeUnit.SECONDS)
                .exceptionally(failure -> null);
        last = last.runAfterBothAsync(bounded, () -> {}, eventLoop);
    }
}
