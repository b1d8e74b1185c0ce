package org.replicationserver.controlplane;

import io.vertx.core.MultiMap;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.SignedRequest;
import software.amazon.awssdk.identity.spi.AwsCredentialsIdentity;
import software.amazon.awssdk.identity.spi.AwsSessionCredentialsIdentity;

/**
 * Says whose a request is: the signature is made again by the SDK's signer, of the headers that the request says were signed, and
 * compared. Any thread.
 */
final class SignatureVerifier {
    static final String SERVICE = "mgn";
    static final Duration SKEW_MAX = Duration.ofMinutes(5);

    private static final Pattern AUTHORIZATION =
            Pattern.compile("AWS4-HMAC-SHA256 Credential=([^/,]+)/([0-9]{8})/([^/,]+)/([^/,]+)/aws4_request, ?"
                    + "SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})");
    private static final DateTimeFormatter DATE_TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final String DATE_HEADER = "x-amz-date";
    private static final String TOKEN_HEADER = "x-amz-security-token";
    /** The SDK's signer signs the body's hash as a header too. */
    private static final List<String> ALWAYS_SIGNED = List.of("host", DATE_HEADER, "x-amz-content-sha256");

    private final AwsV4HttpSigner signer = AwsV4HttpSigner.create();
    private final AccessKeys keys;
    private final String region;

    SignatureVerifier(AccessKeys keys, String region) {
        this.keys = keys;
        this.region = region;
    }

    /** The credentials that have signed the request; an error of status 403 if they have not, or may not now. */
    AccessKey verify(String path, MultiMap headers, byte[] body, Instant now) throws ApiException {
        Authorization authorization = Authorization.parse(headers.get("authorization"));
        AccessKey key = keys.find(authorization.accessKeyId());
        if (key == null) {
            throw refused(
                    ErrorCode.UNRECOGNIZED_CLIENT, "the access key " + authorization.accessKeyId() + " is not known");
        }
        requireToken(key, headers.get(TOKEN_HEADER), now);
        Instant signedAt = signedAt(headers.get(DATE_HEADER), now);
        requireScope(authorization, signedAt);
        for (String name : ALWAYS_SIGNED) {
            require(authorization.signedHeaders().contains(name), "the header " + name + " is not signed");
        }
        for (String name : headers.names()) {
            require(
                    !name.regionMatches(true, 0, "x-amz-", 0, 6)
                            || authorization.signedHeaders().contains(name.toLowerCase(Locale.ROOT)),
                    "the header " + name + " is not signed");
        }
        String expected = sign(authorization, key, path, headers, body, signedAt);
        byte[] given = authorization.signature().getBytes(StandardCharsets.US_ASCII);
        require(
                MessageDigest.isEqual(given, expected.getBytes(StandardCharsets.US_ASCII)),
                "the signature does not match the request; signed headers: " + authorization.signedHeaders());
        return key;
    }

    private static void requireToken(AccessKey key, @Nullable String token, Instant now) throws ApiException {
        if (!Objects.equals(key.sessionToken(), token)) {
            throw refused(ErrorCode.UNRECOGNIZED_CLIENT, "the security token does not belong to " + key.accessKeyId());
        }
        Instant expiration = key.expiration();
        if (expiration != null && !now.isBefore(expiration)) {
            throw refused(ErrorCode.UNRECOGNIZED_CLIENT, "the security token has expired at " + expiration);
        }
    }

    private static Instant signedAt(@Nullable String text, Instant now) throws ApiException {
        Instant signedAt;
        try {
            signedAt = DATE_TIME.parse(Objects.requireNonNullElse(text, ""), Instant::from);
        } catch (DateTimeException e) {
            throw refused(ErrorCode.INVALID_SIGNATURE, DATE_HEADER + ": " + text + "; allowed: yyyyMMdd'T'HHmmss'Z'");
        }
        if (Duration.between(signedAt, now).abs().compareTo(SKEW_MAX) > 0) {
            throw refused(
                    ErrorCode.REQUEST_TIME_TOO_SKEWED,
                    DATE_HEADER + " is " + text + ", here it is " + DATE_TIME.format(now) + "; allowed: "
                            + SKEW_MAX.toSeconds() + " s");
        }
        return signedAt;
    }

    private void requireScope(Authorization authorization, Instant signedAt) throws ApiException {
        String date =
                DATE_TIME.format(signedAt).substring(0, authorization.date().length());
        require(authorization.date().equals(date), "signed for " + authorization.date() + "; allowed: " + date);
        require(authorization.region().equals(region), "signed for " + authorization.region() + "; allowed: " + region);
        require(
                authorization.service().equals(SERVICE),
                "signed for " + authorization.service() + "; allowed: " + SERVICE);
    }

    private static void require(boolean correct, String message) throws ApiException {
        if (!correct) {
            throw refused(ErrorCode.INVALID_SIGNATURE, message);
        }
    }

    private static ApiException refused(ErrorCode error, String message) {
        return new ApiException(error, message);
    }

    private String sign(
            Authorization authorization, AccessKey key, String path, MultiMap headers, byte[] body, Instant signedAt)
            throws ApiException {
        SdkHttpRequest.Builder request =
                SdkHttpRequest.builder().method(SdkHttpMethod.POST).uri(uri(headers.get("host"), path));
        for (String name : authorization.signedHeaders()) {
            request.putHeader(name, headers.getAll(name));
        }
        SignedRequest signed = signer.sign(again -> again.identity(identity(key))
                .request(request.build())
                .payload(() -> new ByteArrayInputStream(body))
                .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, SERVICE)
                .putProperty(AwsV4HttpSigner.REGION_NAME, region)
                .putProperty(HttpSigner.SIGNING_CLOCK, Clock.fixed(signedAt, ZoneOffset.UTC)));
        String made = signed.request().firstMatchingHeader("Authorization").orElse("");
        return Authorization.parse(made).signature();
    }

    private static URI uri(@Nullable String host, String path) throws ApiException {
        try {
            return new URI("https://" + host + path);
        } catch (URISyntaxException e) {
            throw refused(ErrorCode.INVALID_SIGNATURE, "host: " + host);
        }
    }

    static AwsCredentialsIdentity identity(AccessKey key) {
        String token = key.sessionToken();
        return token == null
                ? AwsCredentialsIdentity.create(key.accessKeyId(), key.secretAccessKey())
                : AwsSessionCredentialsIdentity.create(key.accessKeyId(), key.secretAccessKey(), token);
    }

    private record Authorization(
            String accessKeyId,
            String date,
            String region,
            String service,
            List<String> signedHeaders,
            String signature) {
        static Authorization parse(@Nullable String header) throws ApiException {
            Matcher matcher = AUTHORIZATION.matcher(Objects.requireNonNullElse(header, ""));
            if (!matcher.matches()) {
                throw refused(
                        ErrorCode.INVALID_SIGNATURE,
                        "the header authorization is missing or malformed; allowed: AWS4-HMAC-SHA256 Credential=...,"
                                + " SignedHeaders=..., Signature=...");
            }
            return new Authorization(
                    group(matcher, 1),
                    group(matcher, 2),
                    group(matcher, 3),
                    group(matcher, 4),
                    List.of(group(matcher, 5).split(";", -1)),
                    group(matcher, 6));
        }

        private static String group(Matcher matcher, int number) {
            return Objects.requireNonNull(matcher.group(number));
        }
    }
}
