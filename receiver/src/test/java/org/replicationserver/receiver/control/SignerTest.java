package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

final class SignerTest {
    @Test
    void identityIsTheSourceAndTheEndOfTheAccessKey() {
        assertThat(new Signer(CredentialsSource.INSTANCE, "ASIA1234567890ABCDEF").words())
                .isEqualTo("the role of the instance (access key ...CDEF)");
        assertThat(new Signer(CredentialsSource.CHAIN, "KEY").words())
                .isEqualTo("what aws.credentials=chain found (access key ...KEY)");
    }

    @ParameterizedTest
    @CsvSource({
        "INSTANCE, AccessDeniedException, policies of the instance's role",
        "INSTANCE, ExpiredTokenException, Set the clock",
        "INSTANCE, UnrecognizedClientException, aws.region",
        "CHAIN, AccessDeniedException, to whom the access key belongs",
        "CHAIN, ExpiredTokenException, Renew the credentials",
        "CHAIN, UnrecognizedClientException, aws.region"
    })
    void actionIsOfWhatWasRefusedAndOfTheSource(CredentialsSource source, String code, String words) {
        assertThat(new Signer(source, "AKIDTEST").nextAction(code))
                .contains(words)
                .endsWith(".");
    }

    @ParameterizedTest
    @CsvSource({"INSTANCE, IMDSv2, environment", "CHAIN, the environment, IMDSv2"})
    void missingCredentialsAreToldByTheirSource(CredentialsSource source, String told, String notTold) {
        ControlPlaneException failure =
                Signer.missing(source, new IllegalStateException("Failed to load credentials."));

        assertThat(failure.kind()).isEqualTo(Kind.NO_CREDENTIALS);
        assertThat(failure.nextAction()).contains(told).doesNotContain(notTold);
    }
}
