package org.replicationserver.receiver.control;

import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;
import software.amazon.awssdk.regions.EndpointTag;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.ServiceEndpointKey;
import software.amazon.awssdk.regions.ServiceMetadata;

/**
 * To whom requests go, and from whom they come. Immutable, any thread.
 *
 * @param endpoint https and a host
 * @param region of the signatures
 * @param replicationServerId under which the control plane knows this server
 */
record ControlTarget(URI endpoint, String region, String replicationServerId) {
    /** Also the name of the service in signatures. */
    static final String SERVICE = "mgn";

    private static final Pattern REGION = Pattern.compile("[a-z][a-z0-9-]{1,31}");

    /** What is set, and what the instance says where nothing is. */
    static ControlTarget resolve(ControlSettings settings, AwsSettings aws)
            throws ControlPlaneException, InterruptedException {
        String region = aws.region().isPresent()
                ? aws.region().get()
                : ask(InstanceMetadata::region, "region", REGION, "aws.region");
        String id = settings.replicationServerId().isPresent()
                ? settings.replicationServerId().get()
                : ask(InstanceMetadata::instanceId, "id", IdForm.SERVER.pattern(), "control.replication-server-id");
        URI endpoint = settings.endpoint().orElseGet(() -> endpointOf(region, aws.useFips(), aws.useDualStack()));
        return new ControlTarget(endpoint, region, id);
    }

    private interface Question {
        String ask(InstanceMetadata metadata) throws IOException, InterruptedException;
    }

    private static String ask(Question question, String what, Pattern form, String setting)
            throws ControlPlaneException, InterruptedException {
        String trouble;
        try (InstanceMetadata metadata = new InstanceMetadata(InstanceMetadata.configuredAddress())) {
            String answer = question.ask(metadata);
            if (form.matcher(answer).matches()) {
                return answer;
            }
            trouble = "the instance metadata says " + PeerText.value(answer);
        } catch (IOException e) {
            trouble = String.valueOf(e.getMessage() == null ? e : e.getMessage());
        }
        throw new ControlPlaneException(
                Kind.NO_METADATA,
                "the " + what + " of this instance is not known: " + trouble,
                "Allow IMDSv2 with a hop limit of 1 or more, or set " + setting + ".");
    }

    /** The public endpoint of a region. */
    static URI endpointOf(String region, boolean useFips, boolean useDualStack) {
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
        return URI.create("https://" + ServiceMetadata.of(SERVICE).endpointFor(key));
    }
}
