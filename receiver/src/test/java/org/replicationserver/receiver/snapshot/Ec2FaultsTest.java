package org.replicationserver.receiver.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.receiver.snapshot.Ec2Exception.Kind;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.exception.SdkClientException;

/** What may be asked for once more, what must be looked into first, and what is hopeless. */
class Ec2FaultsTest {
    private static final URI ENDPOINT = URI.create("https://ec2.eu-test-1.amazonaws.com");

    private static Ec2Exception answer(int status, String code, String message) {
        return Ec2Faults.of(
                "CreateSnapshot",
                "vol-1",
                ENDPOINT,
                software.amazon.awssdk.services.ec2.model.Ec2Exception.builder()
                        .statusCode(status)
                        .awsErrorDetails(AwsErrorDetails.builder()
                                .errorCode(code)
                                .errorMessage(message)
                                .build())
                        .build());
    }

    @ParameterizedTest
    @CsvSource({
        "503, RequestLimitExceeded, THROTTLED",
        "400, Throttling, THROTTLED",
        "429, TooManyRequestsException, THROTTLED",
        "400, SnapshotCreationPerVolumeRateExceeded, THROTTLED_BY_VOLUME",
        "500, InternalError, UNKNOWN",
        "400, Client.InternalError, UNKNOWN",
        "503, Unavailable, UNKNOWN",
        "403, UnauthorizedOperation, DENIED",
        "400, AccessDeniedException, DENIED",
        "401, AuthFailure, BAD_CREDENTIALS",
        "400, RequestExpired, BAD_CREDENTIALS",
        "400, ExpiredToken, BAD_CREDENTIALS",
        "400, InvalidVolume.NotFound, REFUSED",
        "400, ConcurrentSnapshotLimitExceeded, REFUSED",
        "400, SomethingNew, REFUSED",
    })
    void answerOfEc2SaysWhatToDo(int status, String code, Kind kind) {
        Ec2Exception failure = answer(status, code, "told so");

        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.toSnapshotException().outcome()).isEqualTo(kind.outcome);
        assertThat(failure)
                .hasMessage("EC2 has answered CreateSnapshot of vol-1 with " + status + " " + code + ": told so");
        assertThat(failure.toSnapshotException().nextAction()).endsWith(".");
    }

    private static Stream<Arguments> transportFailures() {
        return Stream.of(
                Arguments.of(new UnknownHostException("ec2.example"), Kind.NOT_SENT, "DNS does not know the name"),
                Arguments.of(new ConnectException("Connection refused"), Kind.NOT_SENT, "Connection refused"),
                Arguments.of(new NoRouteToHostException("No route to host"), Kind.NOT_SENT, "No route to host"),
                Arguments.of(new SocketTimeoutException("Connect timed out"), Kind.NOT_SENT, "Connect timed out"),
                Arguments.of(new SSLHandshakeException("PKIX path building failed"), Kind.NOT_SENT, "PKIX"),
                Arguments.of(new SocketTimeoutException("Read timed out"), Kind.UNKNOWN, "Read timed out"),
                Arguments.of(new SocketException("Connection reset"), Kind.UNKNOWN, "Connection reset"),
                Arguments.of(new SSLException("closed in the middle"), Kind.UNKNOWN, "closed in the middle"),
                Arguments.of(new IOException("Premature EOF"), Kind.UNKNOWN, "Premature EOF"));
    }

    @ParameterizedTest
    @MethodSource("transportFailures")
    void requestCountsAsNotSentOnlyIfThereWasNoConnection(IOException cause, Kind kind, String words) {
        for (Throwable thrown : new Throwable[] {
            SdkClientException.create("Unable to execute HTTP request", cause),
            SdkClientException.create("Unable", new UncheckedIOException(cause))
        }) {
            Ec2Exception failure = Ec2Faults.of("CreateSnapshot", "vol-1", ENDPOINT, thrown);

            assertThat(failure.kind()).isEqualTo(kind);
            assertThat(failure).hasMessageContaining(ENDPOINT.toString()).hasMessageContaining(words);
        }
    }

    /** Before EC2 is asked, who has the credentials is. */
    @Test
    void credentialsThatCannotBeFetchedAreNoFaultOfTheWayToEc2() {
        Ec2Exception failure = Ec2Faults.of(
                "CreateSnapshot",
                "vol-1",
                ENDPOINT,
                SdkClientException.create(
                        "Failed to load credentials from IMDS.", new ConnectException("Connection refused")));

        assertThat(failure.kind()).isEqualTo(Kind.BAD_CREDENTIALS);
        assertThat(failure.getMessage())
                .isEqualTo(
                        "there are no credentials for CreateSnapshot of vol-1: Failed to load credentials from IMDS.");
    }

    @Test
    void missingCredentialsAreNoFaultOfTheWay() {
        Ec2Exception failure = Ec2Faults.of(
                "CreateSnapshot",
                "vol-1",
                ENDPOINT,
                SdkClientException.create("Unable to load credentials from any of the providers"));

        assertThat(failure.kind()).isEqualTo(Kind.BAD_CREDENTIALS);
        assertThat(failure.toSnapshotException().nextAction()).contains("aws.credentials");
    }

    @Test
    void textOfEc2IsCut() {
        assertThat(answer(400, "x".repeat(1000), "y\n".repeat(10_000)).getMessage())
                .hasSizeLessThan(500)
                .doesNotContain("\n");
    }
}
