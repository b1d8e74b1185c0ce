package org.replicationserver.agent;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.AccessKey;
import org.replicationserver.controlplane.ApiClient;
import picocli.CommandLine.Option;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;

/** The options of an agent whose server a control plane assigns. */
final class ControlPlaneOptions {
    static final String ENDPOINT = "--control-plane";
    private static final String CA = "--control-plane-ca";
    private static final Duration TIMEOUT = Duration.ofSeconds(20);

    @Option(
            names = ENDPOINT,
            paramLabel = "URL",
            description =
                    "Control plane that says where the replication server is and which pins it may show, asked before each"
                            + " session, instead of --server and --server-pin. Requests are signed with the credentials of"
                            + " the AWS SDK's usual places, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Default: none.")
    private @Nullable String endpoint;

    @Option(
            names = CA,
            paramLabel = "PEM",
            description = "Certificate that the control plane's is trusted by; required with it. Default: none.")
    private @Nullable Path authority;

    @Option(
            names = "--region",
            paramLabel = "REGION",
            defaultValue = "us-east-1",
            description = "Region of the signatures. Default: ${DEFAULT-VALUE}.")
    private String region = "";

    boolean isGiven() {
        return endpoint != null;
    }

    /** @throws IllegalArgumentException with a line for people */
    ServerLookup lookup() {
        if (endpoint == null || authority == null) {
            throw new IllegalArgumentException(CA + ": missing, " + ENDPOINT + " needs it");
        }
        URI address = address(endpoint);
        X509Certificate trusted = certificate(authority);
        AccessKey key = key();
        return new AssignedServer(
                new ApiClient(address, trusted, region, key, Clock.systemUTC(), TIMEOUT),
                CA + " " + authority,
                "access key " + key.accessKeyId() + " of " + origin() + ", region " + region + " (--region)");
    }

    private static URI address(String text) {
        try {
            URI address = URI.create(text);
            if ("https".equals(address.getScheme()) && address.getHost() != null) {
                return address;
            }
        } catch (IllegalArgumentException e) {
            // falls through to the mistake
        }
        throw new IllegalArgumentException(ENDPOINT + ": '" + text + "', allowed is https://HOST[:PORT]");
    }

    private static X509Certificate certificate(Path file) {
        try (InputStream pem = Files.newInputStream(file)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(pem);
        } catch (IOException | CertificateException e) {
            throw new IllegalArgumentException(CA + ": " + file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static AccessKey key() {
        try (DefaultCredentialsProvider chain =
                DefaultCredentialsProvider.builder().build()) {
            AwsCredentials found = chain.resolveCredentials();
            String token = found instanceof AwsSessionCredentials session ? session.sessionToken() : null;
            return new AccessKey(found.accessKeyId(), found.secretAccessKey(), token, null, AccessKey.Role.AGENT);
        } catch (SdkClientException e) {
            throw new IllegalArgumentException(
                    ENDPOINT + ": no credentials to sign with; looked for first: " + origin()
                            + "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and"
                            + " AWS_SHARED_CREDENTIALS_FILE",
                    e);
        }
    }

    /** The first of the AWS SDK's usual places that is set. */
    private static String origin() {
        if (System.getProperty("aws.accessKeyId") != null) {
            return "the system property aws.accessKeyId";
        }
        if (System.getenv("AWS_ACCESS_KEY_ID") != null) {
            return "the environment's AWS_ACCESS_KEY_ID";
        }
        String profile = System.getProperty("aws.profile", System.getenv("AWS_PROFILE"));
        return profile == null ? "profile default or the machine's role" : "profile " + profile;
    }
}
