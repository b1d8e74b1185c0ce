package org.replicationserver.receiver.control;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** One thing that the outbox's disk does or fails to do, and when it is tried again. Confined to the outbox's thread. */
final class DiskFault {
    private final LongSupplier nanos;
    private @Nullable String cause;
    private long retryAtNanos;

    DiskFault(LongSupplier nanos) {
        this.nanos = nanos;
    }

    /** Why it failed last, null if it works. */
    @Nullable
    String cause() {
        return cause;
    }

    /** Whether it is not tried now, since it failed a moment ago. */
    boolean holds() {
        return cause != null && nanos.getAsLong() - retryAtNanos < 0;
    }

    /** It failed, now or again. */
    void failed(IOException failure) {
        cause = String.valueOf(failure.getMessage());
        retryAtNanos = nanos.getAsLong() + TimeUnit.SECONDS.toNanos(Outbox.RETRY_SECONDS);
    }

    /** It works. Returns whether it had failed before. */
    boolean worked() {
        boolean ends = cause != null;
        cause = null;
        return ends;
    }
}
