package org.replicationserver.receiver.aws;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;

final class RenewableCredentialsTest {
    private final AtomicInteger made = new AtomicInteger();
    private final AtomicLong nanos = new AtomicLong();
    private final RenewableCredentials credentials = new RenewableCredentials(
            () -> StaticCredentialsProvider.create(
                    AwsBasicCredentials.create("KEY" + made.incrementAndGet(), "SECRET")),
            nanos::get);

    private String key() {
        return credentials.resolveCredentials().accessKeyId();
    }

    @Test
    void credentialsAreKeptUntilTheyAreRefused() {
        assertThat(key()).isEqualTo("KEY1");
        nanos.addAndGet(RenewableCredentials.RENEWED_AGAIN_AFTER.toNanos() * 100);
        assertThat(key()).isEqualTo("KEY1");
        credentials.refused();
        assertThat(key()).isEqualTo("KEY2");
    }

    @Test
    void refusedCredentialsAreLookedForAtMostOnceAMinute() {
        credentials.refused();
        credentials.refused();
        nanos.addAndGet(RenewableCredentials.RENEWED_AGAIN_AFTER.toNanos() - 1);
        credentials.refused();
        assertThat(key()).isEqualTo("KEY2");
        nanos.incrementAndGet();
        credentials.refused();
        assertThat(key()).isEqualTo("KEY3");
    }
}
