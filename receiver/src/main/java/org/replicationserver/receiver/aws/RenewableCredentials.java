package org.replicationserver.receiver.aws;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;

/**
 * Credentials that are looked for anew once they were refused: the SDK's providers keep those of a role until they end, whatever others
 * say of them, and so a role that was replaced would be noticed hours later. Any thread.
 *
 * <p>A provider that is replaced is not closed, since a call may be using it; it holds neither thread nor connection.
 */
public final class RenewableCredentials implements AwsCredentialsProvider {
    /** Whoever refuses everything does not have the instance asked for each refusal. */
    static final Duration RENEWED_AGAIN_AFTER = Duration.ofMinutes(1);

    private final Supplier<AwsCredentialsProvider> source;
    private final LongSupplier clockNanos;
    private final AtomicLong renewedNanos;
    private volatile AwsCredentialsProvider provider;

    public RenewableCredentials(Supplier<AwsCredentialsProvider> source, LongSupplier clockNanos) {
        this.source = source;
        this.clockNanos = clockNanos;
        this.renewedNanos = new AtomicLong(clockNanos.getAsLong() - RENEWED_AGAIN_AFTER.toNanos());
        this.provider = source.get();
    }

    @Override
    public AwsCredentials resolveCredentials() {
        return provider.resolveCredentials();
    }

    /** Until when there are credentials; empty where they say nothing of an end. What it throws says why there are none. */
    public Optional<Instant> expiration() {
        return provider.resolveCredentials().expirationTime();
    }

    /** The credentials were refused: the next that are resolved are new ones, unless this was so less than a minute ago. */
    public void refused() {
        long now = clockNanos.getAsLong();
        long before = renewedNanos.get();
        if (now - before >= RENEWED_AGAIN_AFTER.toNanos() && renewedNanos.compareAndSet(before, now)) {
            provider = source.get();
        }
    }
}
