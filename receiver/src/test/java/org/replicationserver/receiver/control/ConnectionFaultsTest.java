package org.replicationserver.receiver.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

/** Each way in which a connection fails has its own kind, sentence and action; the words are the JDK's. */
final class ConnectionFaultsTest {
    private static final URI ENDPOINT = URI.create("https://mgn.eu-test-1.example:8443");
    private static final InetSocketAddress PROXY = InetSocketAddress.createUnresolved("proxy.example", 3128);

    private static ControlPlaneException failure(@Nullable InetSocketAddress proxy, Throwable cause) {
        return new ConnectionFaults(uri -> proxy, null).failure(ENDPOINT, cause);
    }

    private static Arguments row(Throwable cause, Kind kind, String sentence, String action) {
        return Arguments.of(cause, kind, sentence, action);
    }

    private static Stream<Arguments> direct() {
        return Stream.of(
                row(
                        new UnknownHostException("mgn.eu-test-1.example"),
                        Kind.NAME_UNKNOWN,
                        "the name mgn.eu-test-1.example is not known to DNS",
                        "control.endpoint"),
                row(
                        new ConnectException("Connection refused"),
                        Kind.CONNECTION_REFUSED,
                        "nothing listens there on TCP 8443",
                        "Check host and port of control.endpoint"),
                row(
                        new SocketTimeoutException("Connect timed out"),
                        Kind.TIMEOUT,
                        "nobody answers at https://mgn.eu-test-1.example:8443",
                        "Open TCP 8443 in security groups"),
                row(
                        new ConnectException("Connection timed out"),
                        Kind.TIMEOUT,
                        "nobody answers at",
                        "Open TCP 8443 in security groups"),
                row(
                        new SocketTimeoutException("Read timed out"),
                        Kind.TIMEOUT,
                        "connected to https://mgn.eu-test-1.example:8443, and no answer comes",
                        "control.attempt-timeout-seconds"),
                row(new NoRouteToHostException("No route to host"), Kind.UNREACHABLE, "no route to", "routes"),
                row(new ConnectException("Network is unreachable"), Kind.UNREACHABLE, "no route to", "routes"),
                row(
                        new SSLException("Unsupported or unrecognized SSL message"),
                        Kind.NO_TLS,
                        "does not speak TLS",
                        "HTTPS in control.endpoint"),
                row(
                        new SSLHandshakeException("Received fatal alert: protocol_version"),
                        Kind.UNREACHABLE,
                        "the TLS handshake with https://mgn.eu-test-1.example:8443 failed: Received fatal alert",
                        "TLS 1.2"),
                row(new SocketException("Connection reset"), Kind.UNREACHABLE, "broke: Connection reset", "cuts"),
                row(
                        new UncheckedIOException(new ConnectException("Connection refused")),
                        Kind.CONNECTION_REFUSED,
                        "nothing listens",
                        "control.endpoint"));
    }

    private static void assertFailure(ControlPlaneException failure, Kind kind, String sentence, String action) {
        assertThat(failure.kind()).isEqualTo(kind);
        assertThat(failure.sentence()).contains(sentence).doesNotEndWith(".");
        assertThat(failure.nextAction()).contains(action).endsWith(".");
    }

    @ParameterizedTest
    @MethodSource("direct")
    void failureOnADirectWayHasItsKindItsSentenceAndItsAction(
            Throwable cause, Kind kind, String sentence, String action) {
        assertFailure(failure(null, cause), kind, sentence, action);
    }

    private static Stream<Arguments> byProxy() {
        return Stream.of(
                row(
                        new UnknownHostException("proxy.example"),
                        Kind.NAME_UNKNOWN,
                        "through the proxy proxy.example:3128, whose name is not known",
                        "Correct the name of the proxy"),
                row(
                        new ConnectException("Connection refused"),
                        Kind.CONNECTION_REFUSED,
                        "nothing listens there on TCP 3128",
                        "host and port of the proxy"),
                row(
                        new SocketTimeoutException("Connect timed out"),
                        Kind.TIMEOUT,
                        "through the proxy proxy.example:3128",
                        "Open TCP 3128"),
                row(
                        new IOException("Unable to tunnel through proxy. Proxy returns \"HTTP/1.1 403 Forbidden\""),
                        Kind.UNREACHABLE,
                        "403 Forbidden",
                        "Have the proxy let this server through"));
    }

    @ParameterizedTest
    @MethodSource("byProxy")
    void failureOnTheWayToAProxyIsOfTheProxy(Throwable cause, Kind kind, String sentence, String action) {
        assertFailure(failure(PROXY, cause), kind, sentence, action);
    }

    @Test
    void refusedConnectionIsNoMatterOfASecurityGroupWhichWouldBeSilent() {
        ControlPlaneException refused = failure(null, new ConnectException("Connection refused"));

        assertThat(refused.sentence() + refused.nextAction()).doesNotContain("security group");
    }

    @Test
    void portOfAnEndpointWithoutOneIs443() {
        ControlPlaneException failure = new ConnectionFaults(uri -> null, null)
                .failure(URI.create("https://mgn.example"), new SocketTimeoutException("Connect timed out"));

        assertThat(failure.nextAction()).contains("TCP 443");
    }

    @Test
    void faultOfOursIsNotToldAsOneOfTheConnection() {
        assertThatThrownBy(() -> failure(null, new IllegalArgumentException("x")))
                .isInstanceOf(IllegalStateException.class);
    }
}
