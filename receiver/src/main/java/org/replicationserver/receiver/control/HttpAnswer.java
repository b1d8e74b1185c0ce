package org.replicationserver.receiver.control;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;

/**
 * An answer of the control plane, or of who stands in for it: what it says, or which failure it is. Immutable.
 *
 * <p>An answer counts as a refusal of the request only if it is in the form of the API: a 404 of a proxy or of another server must not
 * make anybody give up what is to be told.
 *
 * @param received by the local clock
 * @param signer of the request that this answers
 */
record HttpAnswer(int status, Map<String, List<String>> headers, Buffer body, Instant received, Signer signer) {
    /** What signatures allow. */
    private static final Duration SKEW_MAX = Duration.ofMinutes(5);

    private static final long RETRY_AFTER_SECONDS_MAX = 86_400;
    private static final String CHECK_WHO_ANSWERS =
            "Check control.endpoint, and whether a proxy or a load balancer answers in the place of the control plane.";
    private static final String SKEWED = "RequestTimeTooSkewed";
    private static final Set<String> BAD_SIGNATURE = Set.of("InvalidSignatureException", "SignatureDoesNotMatch");

    /** How services say that the time of a signature is what is wrong with it; their clock need not be in the answer. */
    private static final Pattern SIGNATURE_TIME = Pattern.compile("(?i)signature (expired|not yet current)");

    /** The object of a success. */
    JsonObject content() throws ControlPlaneException {
        if (status != 200) {
            throw failure();
        }
        JsonObject json = json();
        if (json == null) {
            throw failure(
                    Kind.BAD_ANSWER,
                    "the answer's " + body.length()
                            + " bytes are no JSON object, as every answer of the control API is",
                    CHECK_WHO_ANSWERS);
        }
        return json;
    }

    private @Nullable JsonObject json() {
        try {
            return new JsonObject(body);
        } catch (DecodeException | ClassCastException e) {
            return null;
        }
    }

    /** What the control plane calls the request, for its logs and ours. */
    Optional<String> requestId() {
        return header("x-amzn-RequestId").map(PeerText::value);
    }

    private Optional<String> header(String name) {
        return headers.entrySet().stream()
                .filter(header -> name.equalsIgnoreCase(header.getKey()))
                .flatMap(header -> header.getValue().stream())
                .findFirst();
    }

    private ControlPlaneException failure() {
        String code = errorCode();
        String told = "the control plane answered " + status + (code.isEmpty() ? "" : " " + code) + errorMessage();
        boolean isOfTheApi = !code.isEmpty();
        if (status == 429 || code.startsWith("Throttling") || code.startsWith("TooManyRequests")) {
            return failure(
                    Kind.THROTTLED,
                    told,
                    "Nothing for now, requests wait as long as they are asked to; if it lasts, have the control plane allow this server"
                            + " more.");
        }
        return switch (status) {
            case 401, 403 -> isOfTheApi ? notAccepted(code, told) : notOfTheApi(told);
            case 404 ->
                isOfTheApi
                        ? failure(
                                Kind.NOT_FOUND,
                                told,
                                "Check control.replication-server-id, and what the control plane has assigned to this server.")
                        : notOfTheApi(told);
            case 409 ->
                isOfTheApi
                        ? failure(Kind.CONFLICT, told, "Look in the control plane for what contradicts this server.")
                        : notOfTheApi(told);
            case 400, 413, 422 ->
                isOfTheApi
                        ? failure(
                                Kind.NOT_VALID, told, "Use versions of this server and of the control plane that fit.")
                        : notOfTheApi(told);
            case 407 ->
                failure(
                        Kind.UNREACHABLE,
                        "the proxy wants to know who comes (407)",
                        "Put user and password of the proxy into its URL.");
            case 408, 504 ->
                failure(
                        Kind.TIMEOUT,
                        told,
                        "Look at the control plane, and at what is in front of it: that has waited for it in vain.");
            default ->
                status >= 500
                        ? failure(
                                Kind.SERVER_FAULT,
                                told,
                                "Look at the control plane's own logs for the request; this server goes on trying.")
                        : notOfTheApi(told);
        };
    }

    private ControlPlaneException notOfTheApi(String told) {
        String redirect = header("Location")
                .map(to -> " to " + PeerText.value(to) + " (not followed)")
                .orElse("");
        return failure(Kind.BAD_ANSWER, told + redirect + ", which is no answer of the control API", CHECK_WHO_ANSWERS);
    }

    /** A wrong clock is worth to be told apart: the signature is refused then, and nothing is wrong with the credentials. */
    private ControlPlaneException notAccepted(String code, String told) {
        Duration skew = skew();
        boolean skewed = skew != null && skew.abs().compareTo(SKEW_MAX) >= 0;
        boolean isOld = SIGNATURE_TIME.matcher(told).find();
        if (code.equals(SKEWED) || (BAD_SIGNATURE.contains(code) && (skewed || isOld))) {
            return failure(
                    Kind.CLOCK_SKEW,
                    told + "; " + inWords(skew),
                    "Set the clock of this server, for example by chronyc makestep.");
        }
        return failure(
                Kind.REFUSED_CREDENTIALS,
                told + "; the request was signed by " + signer.words(),
                signer.nextAction(code));
    }

    private static String inWords(@Nullable Duration skew) {
        if (skew == null) {
            return "the clocks differ";
        }
        String direction = skew.isNegative() ? " s ahead of" : " s behind";
        return "the clock here is " + skew.abs().toSeconds() + direction + " the control plane's, allowed are "
                + SKEW_MAX.toSeconds() + " s";
    }

    /** How far the clock of the other side is ahead of ours; null if it does not tell its time. */
    private @Nullable Duration skew() {
        try {
            return header("Date")
                    .map(date -> ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME))
                    .map(date -> Duration.between(received, date.toInstant()))
                    .orElse(null);
        } catch (DateTimeException e) {
            return null;
        }
    }

    /** The kind of error by the API's words; empty if it is none of the API. */
    private String errorCode() {
        JsonObject json = json();
        String code = header("x-amzn-ErrorType").orElseGet(() -> json == null ? "" : textOf(json, "code", "__type"));
        // Some services write a namespace before it, or an address behind it.
        String name = code.substring(code.indexOf('#') + 1);
        int colon = name.indexOf(':');
        return PeerText.value(colon < 0 ? name : name.substring(0, colon));
    }

    private String errorMessage() {
        JsonObject json = json();
        String message = json == null ? "" : textOf(json, "message", "Message");
        return message.isEmpty() ? "" : ": " + PeerText.line(message);
    }

    private static String textOf(JsonObject json, String name, String otherName) {
        Object value = json.getValue(name, json.getValue(otherName));
        return value instanceof String text ? text : "";
    }

    private ControlPlaneException failure(Kind kind, String sentence, String nextAction) {
        return new ControlPlaneException(kind, sentence, nextAction, requestId().orElse(null), retryAfter(), null);
    }

    private @Nullable Duration retryAfter() {
        String seconds = header("Retry-After").orElse("");
        return seconds.matches("[0-9]{1,9}")
                ? Duration.ofSeconds(Math.min(Long.parseLong(seconds), RETRY_AFTER_SECONDS_MAX))
                : null;
    }
}
