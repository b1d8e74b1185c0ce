package org.replicationserver.receiver.snapshot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.snapshot.Ec2Exception.Kind;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/** Tells from what the SDK throws whether a request was carried out, and what to do. Stateless, any thread. */
final class Ec2Faults {
    private static final int SERVER_ERROR = 500;
    private static final Set<String> THROTTLING = Set.of(
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "EC2ThrottledException",
            "TooManyRequestsException",
            "SlowDown");
    private static final Set<String> OF_CREDENTIALS = Set.of(
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException");
    private static final Pattern DENIED_ACTION = Pattern.compile("perform: ([a-z0-9-]{1,32}:[A-Za-z]{1,64})");

    private Ec2Faults() {}

    /**
     * Reads a failure.
     *
     * @param action of EC2, as policies name it without {@code ec2:}
     * @param what it was about, a part of a sentence
     */
    static Ec2Exception of(String action, String what, URI endpoint, Throwable thrown) {
        AwsServiceException answer = find(AwsServiceException.class, thrown);
        return answer == null ? unanswered(action + " of " + what, endpoint, thrown) : answered(action, what, answer);
    }

    private static <T extends Throwable> @Nullable T find(Class<T> type, Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return type.cast(cause);
            }
        }
        return null;
    }

    // --- EC2 has answered

    private static Ec2Exception answered(String action, String what, AwsServiceException answer) {
        AwsErrorDetails details = answer.awsErrorDetails();
        String code = details == null || details.errorCode() == null ? "" : details.errorCode();
        String message = details == null || details.errorMessage() == null ? "" : details.errorMessage();
        String told = "EC2 has answered " + action + " of " + what + " with " + answer.statusCode()
                + (code.isEmpty() ? "" : " " + PeerText.value(code))
                + (message.isEmpty() ? "" : ": " + PeerText.line(message));
        if (code.equals("SnapshotCreationPerVolumeRateExceeded")) {
            return new Ec2Exception(
                    Kind.THROTTLED_BY_VOLUME,
                    told,
                    "Look for what else makes snapshots of the volume; EC2 allows one in 15 s.",
                    answer);
        }
        if (THROTTLING.contains(code) || answer.isThrottlingException()) {
            return new Ec2Exception(
                    Kind.THROTTLED,
                    told,
                    "Look for what else calls EC2 in this account and region; a group is tried again when it is asked for again.",
                    answer);
        }
        if (answer.statusCode() >= SERVER_ERROR || code.contains("InternalError") || code.contains("InternalFailure")) {
            return new Ec2Exception(
                    Kind.UNKNOWN, told, "Nothing; if it lasts, look at the state of EC2 in this region.", answer);
        }
        if (code.equals("UnauthorizedOperation") || code.startsWith("AccessDenied")) {
            return new Ec2Exception(Kind.DENIED, told, allow(action, message), answer);
        }
        if (OF_CREDENTIALS.contains(code)) {
            return new Ec2Exception(
                    Kind.BAD_CREDENTIALS,
                    told,
                    "Check the role of the instance (or what aws.credentials=chain finds), aws.region, and the clock of this server.",
                    answer);
        }
        return new Ec2Exception(Kind.REFUSED, told, action(code), answer);
    }

    /** EC2 names the action that it misses, which of CreateSnapshot may be CreateTags. */
    private static String allow(String action, String message) {
        Matcher denied = DENIED_ACTION.matcher(message);
        String missing = denied.find() ? denied.group(1) : "ec2:" + action;
        return "Allow " + missing + " in the policies of the role that signs"
                + (action.equals("CreateSnapshot")
                        ? "; the published policy allows it only if volume and request have the tag "
                                + SnapshotTags.MANAGED + "."
                        : ".");
    }

    private static String action(String code) {
        return switch (code) {
            case "ConcurrentSnapshotLimitExceeded" ->
                "Wait until earlier snapshots of the volume are complete, or have them deleted.";
            case "SnapshotLimitExceeded" -> "Delete snapshots that are not needed, or have the quota raised.";
            case "InvalidVolume.NotFound" ->
                "Check that the assigned volume id is that of the attached EBS volume, and aws.region.";
            default -> "Look up the code in EC2's list of errors.";
        };
    }

    // --- nobody has

    private static Ec2Exception unanswered(String what, URI endpoint, Throwable thrown) {
        IOException io = find(IOException.class, thrown);
        UncheckedIOException unchecked = find(UncheckedIOException.class, thrown);
        Throwable cause = io != null ? io : unchecked != null ? unchecked : thrown;
        String way = "EC2 at " + endpoint;
        String check =
                "Check aws.region, snapshot.endpoint, and that security groups, routes and proxies let this server reach "
                        + endpoint + ".";
        if (isOfCredentials(thrown, io)) {
            return new Ec2Exception(
                    Kind.BAD_CREDENTIALS,
                    "there are no credentials for " + what + ": " + PeerText.line(String.valueOf(thrown.getMessage())),
                    "Give the instance its role and allow IMDSv2, or set aws.credentials=chain.",
                    thrown);
        }
        if (isBeforeTheRequest(cause)) {
            return new Ec2Exception(
                    Kind.NOT_SENT, way + " cannot be reached for " + what + ": " + words(cause), check, thrown);
        }
        return new Ec2Exception(Kind.UNKNOWN, way + " has not answered " + what + ": " + words(cause), check, thrown);
    }

    private static boolean isBeforeTheRequest(Throwable cause) {
        boolean isConnectTimeout = cause instanceof SocketTimeoutException
                && String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT).contains("connect");
        // An SSLException that is no handshake's may come in the middle of an answer.
        boolean isHandshake = cause instanceof SSLHandshakeException
                || (cause instanceof SSLException
                        && String.valueOf(cause.getMessage()).contains("plaintext connection"));
        return cause instanceof UnknownHostException
                || cause instanceof ConnectException
                || cause instanceof NoRouteToHostException
                || isHandshake
                || isConnectTimeout;
    }

    /** An IOException may be of the way to who has the credentials. */
    private static boolean isOfCredentials(Throwable thrown, @Nullable IOException io) {
        String words = String.valueOf(thrown.getMessage()).toLowerCase(Locale.ROOT);
        return words.contains(io == null ? "credentials" : "load credentials");
    }

    private static String words(Throwable cause) {
        return cause instanceof UnknownHostException
                ? "DNS does not know the name"
                : PeerText.line(String.valueOf(cause.getMessage()));
    }
}
