package org.replicationserver.receiver.software;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.HttpMessage;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.fuzz.ScratchFile;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.software.ObjectSource.OpenObject;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpResponse;

/**
 * Answers of S3, or of who stands in for it. The first byte of an input chooses what was asked for: an object, the rest of one, a hash, a
 * signature; the second the HTTP status; then follow headers and body as {@link HttpMessage} has them.
 *
 * <p>Rules: an answer that is taken is of the range that was asked for and has an ETag that can be sent back; one that is not is a
 * sentence and what to do, and little of its body is read; a hash is one that the body has; nothing is a signature but the one that is.
 */
public final class S3Answers implements FuzzTarget {
    private static final int[] STATUSES = {200, 200, 200, 206, 206, 206, 301, 307, 400, 403, 404, 412, 416, 429, 503};
    private static final int LINE_CHARS_MAX = 4096;
    private static final int ETAG_CHARS_MAX = 202;
    private static final int ERROR_BYTES_MAX = 4096;
    private static final long FROM_BYTE = 100;
    private static final String ETAG = "\"first\"";

    /** Whose private half is nowhere any more. */
    private static final String PUBLIC_KEY = """
            -----BEGIN PUBLIC KEY-----
            MCowBQYDK2VwAyEAJBsMwQSDKSu9zBt3g/EIAI2D+FfrmxQewbC6RtCfxjo=
            -----END PUBLIC KEY-----
            """;

    private static final String SHA512 = "b4dbb6074cdf79273837a60d82a7ea52708ed6b42a504e0d70d3ec7d536951eb"
            + "ebbdbc537c9053246130197a4aa6db92ce0746f881cac14b639820d4fe52597c";
    private static final byte[] SIGNATURE = HexFormat.of()
            .parseHex("6b939568083d071c293a897b5db4d1d429bcb5119f34093f3244f3200ad70b04"
                    + "2949333615c2cce1f06b863e5fd7f3889db9927601bb1f8a545ee6df285fe900");

    private final ScriptedHttp http = new ScriptedHttp();
    private final S3Objects s3;
    private final FetchRequest request;
    private final SoftwareSignature key;

    /** With a file in a directory of its own. */
    public S3Answers(Path directory) {
        try {
            AllowList hosts = AllowList.of(AllowListFile.builtIn(), "us-east-1", AllowList.Hosts.REGIONAL);
            s3 = new S3Objects(hosts, HttpsTrust.of(Optional.empty()), http, null);
            ObjectName object = hosts.object(hosts.buckets().iterator().next(), "a/installer.bin");
            request = FetchRequest.of(object, null, "1.2", null, null);
            key = SoftwareSignature.by(
                    new ScratchFile(directory, "signing.pem").with(PUBLIC_KEY.getBytes(StandardCharsets.US_ASCII)));
        } catch (SoftwareException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void run(byte[] input) {
        if (input.length < 2) {
            return;
        }
        int status = STATUSES[Byte.toUnsignedInt(input[1]) % STATUSES.length];
        HttpMessage message = HttpMessage.of(input, 2);
        try {
            switch (Byte.toUnsignedInt(input[0]) % 4) {
                case 0 -> open(status, message, 0, null);
                case 1 -> open(status, message, FROM_BYTE, ETAG);
                case 2 -> hash(message.body());
                default -> signature(message.body());
            }
        } catch (SoftwareException e) {
            Rules.requireLine(e.sentence(), LINE_CHARS_MAX);
            Rules.requireLine(e.nextAction(), LINE_CHARS_MAX);
        } catch (IOException e) {
            Rules.requireLine(e.getMessage(), LINE_CHARS_MAX);
        }
    }

    private void open(int status, HttpMessage message, long fromByte, @Nullable String etag)
            throws SoftwareException, IOException {
        http.answer(status, message);
        try (OpenObject open = s3.open(request.object(), fromByte, etag)) {
            Rules.require(status == 200 || status == 206, "an object comes with a success alone");
            Rules.require(
                    open.fromByte() == (status == 206 ? fromByte : 0),
                    "an object begins where it was asked for, or as a whole");
            Rules.require(open.sizeBytes() >= open.fromByte(), "an object ends behind its begin");
            Rules.requireLine(open.etag(), ETAG_CHARS_MAX);
            Rules.require(
                    open.etag().matches("\"[^\" ]+\""), "an ETag that can be sent back is in quotes: " + open.etag());
            Rules.require(
                    Arrays.equals(message.body(), open.body().readAllBytes()), "the body is handed on as it comes");
        } catch (SoftwareException | IOException e) {
            Rules.require(http.readBytes() <= ERROR_BYTES_MAX, "of an error little is read");
            throw e;
        }
    }

    private void hash(byte[] body) throws SoftwareException {
        String hash = SoftwareFetcher.hashIn(body, request.object());
        Rules.require(FetchRequest.isSha512(hash), "a hash has the form in which it is compared");
        Rules.require(
                new String(body, StandardCharsets.ISO_8859_1)
                        .strip()
                        .toLowerCase(Locale.ROOT)
                        .startsWith(hash),
                "a hash is what the body begins with");
    }

    private void signature(byte[] body) throws SoftwareException {
        key.verify(request, SHA512, body);
        Rules.require(Arrays.equals(SIGNATURE, body), "nothing is a signature but the one that is");
    }

    /** Gives each request the answer that was set. */
    private static final class ScriptedHttp implements SdkHttpClient {
        private HttpExecuteResponse next = HttpExecuteResponse.builder().build();
        private ByteArrayInputStream body = new ByteArrayInputStream(new byte[0]);
        private int bodyBytes;

        void answer(int status, HttpMessage message) {
            bodyBytes = message.body().length;
            body = new ByteArrayInputStream(message.body());
            next = HttpExecuteResponse.builder()
                    .response(SdkHttpResponse.builder()
                            .statusCode(status)
                            .headers(message.headers())
                            .build())
                    .responseBody(AbortableInputStream.create(body))
                    .build();
        }

        int readBytes() {
            return bodyBytes - body.available();
        }

        @Override
        public ExecutableHttpRequest prepareRequest(HttpExecuteRequest asked) {
            return new ExecutableHttpRequest() {
                @Override
                public HttpExecuteResponse call() {
                    return next;
                }

                @Override
                public void abort() {}
            };
        }

        @Override
        public void close() {}
    }
}
