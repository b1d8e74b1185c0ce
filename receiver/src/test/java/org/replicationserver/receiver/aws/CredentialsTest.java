package org.replicationserver.receiver.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;

final class CredentialsTest {
    private final ImdsStub imds;

    CredentialsTest() throws IOException {
        imds = new ImdsStub();
    }

    @AfterEach
    void stop() {
        imds.close();
    }

    @Test
    void instancesCredentialsAreFetchedAgainBeforeTheyEnd() {
        imds.setLifetime(Duration.ofSeconds(4));
        AwsCredentialsProvider provider = Credentials.of(CredentialsSource.INSTANCE);
        AwsCredentials first = provider.resolveCredentials();
        Instant end = Instant.now().plusSeconds(4);
        assertThat(first.accessKeyId()).isEqualTo("KEY1");
        imds.setLifetime(Duration.ofHours(6));

        await().pollInterval(Duration.ofMillis(20))
                .until(() -> !provider.resolveCredentials().accessKeyId().equals("KEY1"));

        assertThat(Instant.now()).isBefore(end);
        assertThat(provider.resolveCredentials().accessKeyId()).isEqualTo("KEY2");
        assertThat(provider.resolveCredentials().expirationTime().orElseThrow())
                .as("and then they are kept")
                .isAfter(Instant.now().plus(Duration.ofHours(5)));
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsAskedWithoutAToken(CredentialsSource source) {
        imds.refuseTokens();
        AwsCredentialsProvider provider = Credentials.of(source);
        assertThatThrownBy(provider::resolveCredentials).isInstanceOf(RuntimeException.class);
        assertThat(imds.requests()).isNotEmpty().allMatch(request -> request.startsWith("PUT"));
    }
}
