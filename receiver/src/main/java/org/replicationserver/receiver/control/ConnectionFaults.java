package org.replicationserver.receiver.control;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.function.Function;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.RefusedCertificateException;
import org.replicationserver.receiver.config.CaFile;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;

/** Says why there is no connection to the control plane, or why one broke, and what to do about it. Immutable, any thread. */
final class ConnectionFaults {
    /** Where a connection is there and nothing comes over it. */
    static final String SILENCE_ACTION =
            "Look whether the port speaks HTTPS, whether the control plane is overloaded, and whether something on the way holds back what"
                    + " is sent; control.attempt-timeout-seconds allows more time.";

    private static final int SENTENCE_CHARS_MAX = 500;
    private static final int HTTPS_PORT = 443;

    private final Function<URI, @Nullable InetSocketAddress> proxies;
    private final @Nullable CaFile caFile;

    /**
     * @param proxies the proxy on the way to an address, or null
     * @param caFile null where {@code aws.ca-file} is not set
     */
    ConnectionFaults(Function<URI, @Nullable InetSocketAddress> proxies, @Nullable CaFile caFile) {
        this.proxies = proxies;
        this.caFile = caFile;
    }

    /** For a sentence: where, and through whom. */
    String way(URI endpoint) {
        InetSocketAddress proxy = proxies.apply(endpoint);
        return proxy == null ? endpoint.toString() : endpoint + " through the proxy " + addressOf(proxy);
    }

    private static String addressOf(InetSocketAddress proxy) {
        return proxy.getHostString() + ":" + proxy.getPort();
    }

    /** What a failure of an exchange is to the caller. */
    ControlPlaneException failure(URI endpoint, Throwable thrown) {
        Throwable cause =
                thrown instanceof UncheckedIOException && thrown.getCause() != null ? thrown.getCause() : thrown;
        return switch (cause) {
            case ControlPlaneException told -> told;
            case UnknownHostException _ -> nameUnknown(endpoint, cause);
            case SocketTimeoutException _ -> silent(endpoint, cause);
            case NoRouteToHostException _ -> noRoute(endpoint, cause);
            case ConnectException _ -> notConnected(endpoint, cause);
            case SSLException _ -> noHandshake(endpoint, cause);
            case IOException _ -> broken(endpoint, cause);
            default -> throw new IllegalStateException("a call of the control plane failed by a fault of ours", cause);
        };
    }

    private static ControlPlaneException failure(Kind kind, String sentence, String nextAction, Throwable cause) {
        return new ControlPlaneException(kind, PeerText.cut(sentence, SENTENCE_CHARS_MAX), nextAction, cause);
    }

    private ControlPlaneException nameUnknown(URI endpoint, Throwable cause) {
        InetSocketAddress proxy = proxies.apply(endpoint);
        // Whoever goes through a proxy leaves it to that to look up the other name.
        return proxy == null
                ? failure(
                        Kind.NAME_UNKNOWN,
                        "the name " + endpoint.getHost() + " is not known to DNS",
                        "Check aws.region, aws.use-fips and control.endpoint, and that UDP and TCP port 53 are open to the"
                                + " resolver.",
                        cause)
                : failure(
                        Kind.NAME_UNKNOWN,
                        "no way to " + way(endpoint) + ", whose name is not known to DNS",
                        "Correct the name of the proxy in HTTPS_PROXY or https.proxyHost.",
                        cause);
    }

    private ControlPlaneException silent(URI endpoint, Throwable cause) {
        boolean isConnected = !wordsOf(cause).contains("connect");
        return isConnected
                ? failure(
                        Kind.TIMEOUT,
                        "connected to " + way(endpoint) + ", and no answer comes: " + cause.getMessage(),
                        SILENCE_ACTION,
                        cause)
                : noConnectionInTime(endpoint, cause);
    }

    /** Security groups and network ACLs say nothing to what they do not let through, so silence is their sign. */
    private ControlPlaneException noConnectionInTime(URI endpoint, Throwable cause) {
        return failure(
                Kind.TIMEOUT,
                "nobody answers at " + way(endpoint) + ": " + cause.getMessage(),
                "Open TCP " + portOnTheWay(endpoint) + " in security groups, network ACLs, routes and firewalls"
                        + (proxies.apply(endpoint) == null ? ", or set the proxy if there is one." : " to the proxy."),
                cause);
    }

    private ControlPlaneException noRoute(URI endpoint, Throwable cause) {
        return failure(
                Kind.UNREACHABLE,
                "no route to " + way(endpoint) + ": " + cause.getMessage(),
                "Check the routes of the subnet and its gateway or VPC endpoint, or set the proxy if there is one.",
                cause);
    }

    private ControlPlaneException notConnected(URI endpoint, Throwable cause) {
        String words = wordsOf(cause);
        if (words.contains("timed out")) {
            return noConnectionInTime(endpoint, cause);
        }
        if (!words.contains("refused")) {
            return noRoute(endpoint, cause);
        }
        return failure(
                Kind.CONNECTION_REFUSED,
                "the connection to " + way(endpoint) + " is refused: nothing listens there on TCP "
                        + portOnTheWay(endpoint),
                proxies.apply(endpoint) == null
                        ? "Check host and port of control.endpoint, and that the control plane runs there."
                        : "Check host and port of the proxy in HTTPS_PROXY or https.proxyHost, and that it runs there.",
                cause);
    }

    private int portOnTheWay(URI endpoint) {
        InetSocketAddress proxy = proxies.apply(endpoint);
        if (proxy != null) {
            return proxy.getPort();
        }
        return endpoint.getPort() < 0 ? HTTPS_PORT : endpoint.getPort();
    }

    private ControlPlaneException noHandshake(URI endpoint, Throwable cause) {
        RefusedCertificateException refused = RefusedCertificateException.in(cause);
        if (refused != null) {
            return new ControlPlaneException(
                    Kind.UNTRUSTED,
                    refused.sentence(way(endpoint), caFile),
                    refused.nextAction("the control plane", "control.endpoint", caFile),
                    refused);
        }
        if (wordsOf(cause).contains("unsupported or unrecognized ssl message")) {
            return failure(
                    Kind.NO_TLS,
                    way(endpoint)
                            + " does not speak TLS: it answers a handshake with something else, as a port of plain HTTP does",
                    "Name the port of the control plane that speaks HTTPS in control.endpoint.",
                    cause);
        }
        return failure(
                Kind.UNREACHABLE,
                "the TLS handshake with " + way(endpoint) + " failed: " + cause.getMessage(),
                "Check that the control plane offers TLS 1.2 or 1.3, and what on the way cuts or inspects TLS.",
                cause);
    }

    private ControlPlaneException broken(URI endpoint, Throwable cause) {
        boolean isTunnel = wordsOf(cause).contains("tunnel through proxy");
        return failure(
                Kind.UNREACHABLE,
                "the connection to " + way(endpoint) + " broke: " + cause.getMessage(),
                isTunnel
                        ? "Have the proxy let this server through, with user and password in its URL if it wants them, or name the"
                                + " control plane in NO_PROXY."
                        : "Look for what cuts connections on the way, and whether the control plane has restarted.",
                cause);
    }

    private static String wordsOf(Throwable cause) {
        return String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
    }
}
