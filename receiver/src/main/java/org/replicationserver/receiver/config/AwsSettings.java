package org.replicationserver.receiver.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What all services on port 443 have in common: the control plane, EC2 and S3.
 *
 * @param region of the endpoints and of the signatures; empty for the instance's own
 * @param useFips takes the region's FIPS endpoints; not all regions have some
 * @param useDualStack takes the region's endpoints for IPv4 and IPv6
 * @param caFile PEM certificates that are trusted beside those of the JDK; read by {@link CaFile}
 * @param credentials where they come from
 */
public record AwsSettings(
        Optional<String> region,
        boolean useFips,
        boolean useDualStack,
        Optional<Path> caFile,
        CredentialsSource credentials) {

    /** Where the credentials for signatures come from. */
    public enum CredentialsSource {
        /** The role of the EC2 instance, by IMDSv2. */
        INSTANCE,
        /** The first that has some of the SDK's usual places: system properties, environment, profile, container, instance. */
        CHAIN
    }
}
