package org.replicationserver.integration;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import javax.net.ssl.TrustManager;
import org.replicationserver.receiver.aws.HttpsTrust;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketAlreadyOwnedByYouException;
import software.amazon.awssdk.services.s3.model.ObjectCannedACL;

/**
 * Puts objects by the SDK's client, in a process of its own, whose names of hosts are those of a test: CA file, region, whether they are
 * public, then bucket, key and file of each.
 */
final class S3PutMain {
    private S3PutMain() {}

    public static void main(String[] args) throws Exception {
        TrustManager trust = HttpsTrust.of(Optional.of(Path.of(args[0])));
        ObjectCannedACL acl = Boolean.parseBoolean(args[2]) ? ObjectCannedACL.PUBLIC_READ : ObjectCannedACL.PRIVATE;
        try (S3Client s3 = S3Client.builder()
                .region(Region.of(args[1]))
                .endpointOverride(URI.create("https://s3." + args[1] + ".amazonaws.com"))
                .httpClientBuilder(
                        UrlConnectionHttpClient.builder().tlsTrustManagersProvider(() -> new TrustManager[] {trust}))
                .build()) {
            for (int i = 3; i < args.length; i += 3) {
                String bucket = args[i];
                String key = args[i + 1];
                try {
                    s3.createBucket(request -> request.bucket(bucket));
                } catch (BucketAlreadyOwnedByYouException e) {
                    // It is there from an object before.
                }
                s3.putObject(
                        request -> request.bucket(bucket).key(key).acl(acl),
                        RequestBody.fromFile(Path.of(args[i + 2])));
            }
        }
    }
}
