package org.replicationserver.receiver.software;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.RefusedCertificateException;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.software.SoftwareException.Kind;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4FamilyHttpSigner;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/**
 * Objects of S3, by GET with a range from the hosts of an {@link AllowList}. Any thread; blocks.
 *
 * <p>Anonymous unless there is somebody to sign. Redirects are not followed, since they would lead past the allow-list. A body without a
 * length is refused, so none is endless.
 *
 * <p>The HTTP client, the signer and the credentials are the SDK's; its S3 client is not used. For this one request it costs 4.8 MB of
 * jars, 45 MiB of resident memory that a server of 2 GiB never gets back, and 0.9 s of CPU, and it hides what matters here: the status
 * of each answer, redirects, and the body as it comes.
 */
final class S3Objects implements ObjectSource {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    /** A body whose next byte takes longer is asked for anew. */
    private static final Duration SILENCE_TIMEOUT = Duration.ofSeconds(30);

    private static final int ERROR_BYTES_MAX = 4096;
    private static final String USER_AGENT = "replication-server";
    private static final Pattern LENGTH = Pattern.compile("[0-9]{1,18}");
    private static final Pattern ETAG = Pattern.compile("\"[!#-~]{1,200}\"");
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})");
    private static final Pattern ERROR_CODE = Pattern.compile("<Code>([A-Za-z0-9.]{1,64})</Code>");
    private static final Set<String> CREDENTIAL_CODES = Set.of(
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "InvalidToken",
            "RequestTimeTooSkewed",
            "AuthorizationHeaderMalformed");

    private final AllowList hosts;
    private final HttpsTrust trust;
    private final SdkHttpClient http;
    private final @Nullable AwsCredentialsProvider credentials;
    private final AwsV4HttpSigner signer = AwsV4HttpSigner.create();

    /**
     * @param allowPrivateAddresses whether the connected address may be other than public; that of a proxy always may
     * @param credentials null for anonymous requests
     */
    S3Objects(
            AllowList hosts,
            HttpsTrust trust,
            boolean allowPrivateAddresses,
            @Nullable AwsCredentialsProvider credentials) {
        this(hosts, trust, httpClient(trust, allowPrivateAddresses), credentials);
    }

    /** With a client that answers as somebody else than S3. */
    S3Objects(AllowList hosts, HttpsTrust trust, SdkHttpClient http, @Nullable AwsCredentialsProvider credentials) {
        this.hosts = hosts;
        this.trust = trust;
        this.http = http;
        this.credentials = credentials;
    }

    private static SdkHttpClient httpClient(HttpsTrust trust, boolean allowPrivateAddresses) {
        HttpsConnections any = new HttpsConnections(trust, CONNECT_TIMEOUT, SILENCE_TIMEOUT);
        HttpsConnections toPublicOnly =
                new HttpsConnections(new PublicAddressTrust(trust), CONNECT_TIMEOUT, SILENCE_TIMEOUT);
        return UrlConnectionHttpClient.create(uri -> allowPrivateAddresses || any.proxyTo(uri) != null
                ? any.createConnection(uri)
                : toPublicOnly.createConnection(uri));
    }

    @Override
    public OpenObject open(ObjectName name, long fromByte, @Nullable String etag)
            throws SoftwareException, IOException {
        SdkHttpRequest.Builder request = SdkHttpRequest.builder()
                .method(SdkHttpMethod.GET)
                .protocol("https")
                .host(hosts.hostOf(name.bucket()))
                .encodedPath("/" + encoded(name.key()))
                .putHeader("User-Agent", USER_AGENT)
                .putHeader("Accept", "*/*")
                .putHeader("Accept-Encoding", "identity");
        if (etag != null) {
            request.putHeader("Range", "bytes=" + fromByte + "-").putHeader("If-Match", etag);
        }
        HttpExecuteResponse response = send(name, signed(request.build()));
        // An object without bytes comes without a body.
        AbortableInputStream body = response.responseBody().orElseGet(AbortableInputStream::createEmpty);
        try {
            return opened(name, response.httpResponse(), body, etag == null ? 0 : fromByte);
        } catch (SoftwareException | IOException | RuntimeException e) {
            body.abort();
            throw e;
        }
    }

    private HttpExecuteResponse send(ObjectName name, SdkHttpRequest request) throws SoftwareException, IOException {
        try {
            return http.prepareRequest(
                            HttpExecuteRequest.builder().request(request).build())
                    .call();
        } catch (UncheckedIOException e) {
            throw refusal(name, Objects.requireNonNull(e.getCause()));
        } catch (IOException e) {
            throw refusal(name, e);
        }
    }

    /** What will not do in a moment either; anything else is thrown on. */
    private SoftwareException refusal(ObjectName name, IOException thrown) throws IOException {
        String host = hosts.hostOf(name.bucket());
        PublicAddressTrust.PrivateAddressException privateAddress =
                PublicAddressTrust.PrivateAddressException.in(thrown);
        if (privateAddress != null) {
            return new SoftwareException(
                    Kind.PRIVATE_ADDRESS,
                    host + " leads to " + privateAddress.address() + ", which is no public address",
                    "If that is an endpoint of S3 in the VPC, set software.allow-private-addresses; otherwise correct the DNS.",
                    thrown);
        }
        RefusedCertificateException refused = RefusedCertificateException.in(thrown);
        if (refused != null) {
            return new SoftwareException(
                    Kind.UNTRUSTED,
                    refused.sentence(host, trust.file()),
                    refused.nextAction("S3", "software.vpc-endpoint", trust.file()),
                    refused);
        }
        throw thrown;
    }

    private SdkHttpRequest signed(SdkHttpRequest request) throws SoftwareException {
        if (credentials == null) {
            return request;
        }
        AwsCredentials identity;
        try {
            identity = credentials.resolveCredentials();
        } catch (RuntimeException e) {
            throw new SoftwareException(
                    Kind.NO_CREDENTIALS,
                    "software.sign-requests is true, and there are no credentials: " + e.getMessage(),
                    "Give the instance a role, or set aws.credentials or software.sign-requests.",
                    e);
        }
        return signer.sign(sign -> sign.identity(identity)
                        .request(request)
                        .putProperty(AwsV4FamilyHttpSigner.SERVICE_SIGNING_NAME, "s3")
                        .putProperty(AwsV4HttpSigner.REGION_NAME, hosts.region())
                        // As S3 wants it: its keys are what they are.
                        .putProperty(AwsV4FamilyHttpSigner.DOUBLE_URL_ENCODE, false)
                        .putProperty(AwsV4FamilyHttpSigner.NORMALIZE_PATH, false)
                        .putProperty(AwsV4FamilyHttpSigner.PAYLOAD_SIGNING_ENABLED, false))
                .request();
    }

    private OpenObject opened(ObjectName name, SdkHttpResponse response, AbortableInputStream body, long fromByte)
            throws SoftwareException, IOException {
        int status = response.statusCode();
        if (status != 200 && status != 206) {
            throw failure(name, response, body);
        }
        long lengthBytes = response.firstMatchingHeader("Content-Length")
                .filter(length -> LENGTH.matcher(length).matches())
                .map(Long::parseLong)
                .orElseThrow(() -> badAnswer(name, "the answer does not say how long it is"));
        String etag = response.firstMatchingHeader("ETag")
                .filter(tag -> ETAG.matcher(tag).matches())
                .orElseThrow(() -> badAnswer(name, "the answer is without a sound ETag"));
        if (status == 200) {
            return new OpenObject(lengthBytes, 0, etag, new Aborting(body, lengthBytes));
        }
        Matcher range = CONTENT_RANGE.matcher(
                response.firstMatchingHeader("Content-Range").orElse(""));
        if (!range.matches()
                || Long.parseLong(range.group(1)) != fromByte
                || Long.parseLong(range.group(2)) - fromByte + 1 != lengthBytes
                || fromByte + lengthBytes != Long.parseLong(range.group(3))) {
            throw badAnswer(name, "the answer is of another range than was asked for");
        }
        return new OpenObject(fromByte + lengthBytes, fromByte, etag, new Aborting(body, lengthBytes));
    }

    private SoftwareException failure(ObjectName name, SdkHttpResponse response, AbortableInputStream body)
            throws IOException {
        int status = response.statusCode();
        String code = errorCode(body);
        String told = hosts.hostOf(name.bucket()) + " answered " + status + (code.isEmpty() ? "" : " " + code) + " for "
                + PeerText.value(name.key());
        if (CREDENTIAL_CODES.contains(code)) {
            return new SoftwareException(
                    Kind.REFUSED_CREDENTIALS,
                    told,
                    "Check the credentials of aws.credentials, aws.region and the clock, or set software.sign-requests to false.");
        }
        return switch (status) {
            case 301, 302, 303, 307, 308 ->
                new SoftwareException(
                        Kind.REDIRECTED,
                        told + ", which sends to "
                                + PeerText.value(
                                        response.firstMatchingHeader("Location").orElse("another place"))
                                + "; redirects are not followed",
                        "Correct aws.region, or ask for the object where it is.");
            case 403, 404 ->
                new SoftwareException(
                        Kind.OBJECT_MISSING,
                        told + ": it is absent, or this server is not allowed to read it",
                        "Check bucket and key; let the policy of the VPC endpoint allow s3:GetObject of the bucket, or set"
                                + " software.sign-requests if it is not public.");
            case 412, 416 -> throw new ObjectChangedException(told);
            case 429, 500, 502, 503, 504 -> throw new ServerFaultException(told);
            default -> badAnswer(name, told);
        };
    }

    private static String errorCode(AbortableInputStream body) throws IOException {
        Matcher code = ERROR_CODE.matcher(new String(body.readNBytes(ERROR_BYTES_MAX), StandardCharsets.UTF_8));
        return code.find() ? code.group(1) : "";
    }

    private SoftwareException badAnswer(ObjectName name, String what) {
        return new SoftwareException(
                Kind.BAD_ANSWER,
                what + ": " + hosts.hostOf(name.bucket()) + " " + PeerText.value(name.key()),
                "Look at what answers in the place of S3: a proxy, or an endpoint of the VPC.");
    }

    /** Percent-encoded but for slashes; a key is ASCII. */
    private static String encoded(String key) {
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < key.length(); i++) {
            char c = key.charAt(i);
            boolean isPlain = (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9')
                    || "-._~/".indexOf(c) >= 0;
            if (isPlain) {
                path.append(c);
            } else {
                path.append('%').append(String.format("%02X", (int) c));
            }
        }
        return path.toString();
    }

    @Override
    public String words() {
        return "S3 in " + hosts.region();
    }

    @Override
    public void close() {
        http.close();
    }

    /** A body of known length that does not read its rest when it is closed before. */
    private static final class Aborting extends FilterInputStream {
        private final AbortableInputStream body;
        private long leftBytes;

        Aborting(AbortableInputStream body, long lengthBytes) {
            super(body);
            this.body = body;
            this.leftBytes = lengthBytes;
        }

        @Override
        public int read() throws IOException {
            int read = body.read();
            leftBytes -= read < 0 ? 0 : 1;
            return read;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int read = body.read(target, offset, length);
            leftBytes -= Math.max(read, 0);
            return read;
        }

        @Override
        public void close() throws IOException {
            if (leftBytes > 0) {
                body.abort();
            } else {
                body.close();
            }
        }
    }
}
