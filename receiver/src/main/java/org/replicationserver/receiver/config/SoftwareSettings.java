package org.replicationserver.receiver.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What software this server may fetch, from where, and where it is kept.
 *
 * @param directory of the store
 * @param allowList file of the buckets that objects may come from, read by {@link AllowListFile}; empty for those that are built in
 * @param bytesMax of one object
 * @param timeout of one fetch, with all its attempts
 * @param signRequests whether requests to S3 are signed, rather than anonymous
 * @param vpcEndpoint name of an interface endpoint of S3 in the VPC; empty for the region's own names
 * @param allowPrivateAddresses whether a name of S3 may lead to an address that is not public
 * @param signingKeyFile PEM file of the Ed25519 key that all software must be signed with; empty if none is asked for
 * @param mirrorDirectory with {@code <bucket>/<key>}, in the place of S3
 */
public record SoftwareSettings(
        Path directory,
        Optional<Path> allowList,
        long bytesMax,
        Duration timeout,
        boolean signRequests,
        Optional<String> vpcEndpoint,
        boolean allowPrivateAddresses,
        Optional<Path> signingKeyFile,
        Optional<Path> mirrorDirectory) {}
