package org.replicationserver.receiver.software;

import java.time.Duration;
import java.time.Instant;
import java.util.function.Consumer;

/**
 * How far a fetch is. Told on the thread of the fetch; {@link #now} may be asked on any.
 *
 * <p>Somebody is told of it at the beginning, at the end, and after each {@link #TELL_INTERVAL} or {@link #TELL_PERCENT} of an object that
 * is not small, whichever is sooner.
 */
public final class FetchProgress implements FetchListener {
    static final Duration TELL_INTERVAL = Duration.ofSeconds(10);
    static final int TELL_PERCENT = 10;

    /** Of less than this nobody is told before its end, unless it takes long. */
    static final long TELL_BYTES_MIN = 16L << 20;

    private final FetchRequest request;
    private final String source;
    private final Instant started = Instant.now();
    private final Consumer<Progress> told;
    private volatile Progress now;

    // thread of the fetch
    private long toldNanos = System.nanoTime();
    private long toldBytes;

    /**
     * A moment of a fetch. Immutable.
     *
     * @param source where the object comes from, in words
     * @param sizeBytes of the object; 0 where it is not known yet
     */
    public record Progress(
            FetchRequest request, String source, Instant started, FetchStep step, long bytes, long sizeBytes) {
        /** 0 to 100; 0 where it is not known yet. */
        public long percent() {
            return sizeBytes == 0 ? 0 : bytes * 100 / sizeBytes;
        }
    }

    FetchProgress(FetchRequest request, String source, Consumer<Progress> told) {
        this.request = request;
        this.source = source;
        this.told = told;
        this.now = new Progress(request, source, started, FetchStep.HASH, 0, 0);
    }

    /** The newest. */
    public Progress now() {
        return now;
    }

    @Override
    public void step(FetchStep step) {
        now = new Progress(request, source, started, step, now.bytes(), now.sizeBytes());
    }

    @Override
    public void progress(long bytes, long sizeBytes) {
        boolean isFirst = now.sizeBytes() == 0;
        now = new Progress(request, source, started, now.step(), bytes, sizeBytes);
        long nanos = System.nanoTime();
        long newBytes = bytes - toldBytes;
        boolean isDue = nanos - toldNanos >= TELL_INTERVAL.toNanos()
                || (newBytes >= TELL_BYTES_MIN && newBytes * 100 >= sizeBytes * TELL_PERCENT)
                || (newBytes > 0 && bytes == sizeBytes);
        if (isFirst || isDue) {
            toldNanos = nanos;
            toldBytes = bytes;
            told.accept(now);
        }
    }
}
