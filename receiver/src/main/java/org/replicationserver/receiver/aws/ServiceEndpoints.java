package org.replicationserver.receiver.aws;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.regions.EndpointTag;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.ServiceEndpointKey;
import software.amazon.awssdk.regions.ServiceMetadata;

/** The public endpoints of a region's services, as the SDK knows them. */
public final class ServiceEndpoints {
    private ServiceEndpoints() {}

    /**
     * The endpoint of a service.
     *
     * @param service the SDK's name of its endpoints, as {@code ec2}
     */
    public static URI of(String service, String region, boolean useFips, boolean useDualStack) {
        List<EndpointTag> tags = new ArrayList<>();
        if (useFips) {
            tags.add(EndpointTag.FIPS);
        }
        if (useDualStack) {
            tags.add(EndpointTag.DUALSTACK);
        }
        ServiceEndpointKey key = ServiceEndpointKey.builder()
                .region(Region.of(region))
                .tags(tags)
                .build();
        return URI.create("https://" + ServiceMetadata.of(service).endpointFor(key));
    }
}
