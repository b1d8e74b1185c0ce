package org.replicationserver.receiver.control;

import java.io.IOException;
import java.net.URI;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.aws.MetadataException;
import org.replicationserver.receiver.aws.ServiceEndpoints;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;

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

    /** What is set, and what the instance says where nothing is. */
    static ControlTarget resolve(ControlSettings settings, AwsSettings aws)
            throws ControlPlaneException, InterruptedException {
        String region =
                aws.region().isPresent() ? aws.region().get() : ask(InstanceMetadata::region, "region", "aws.region");
        String id = settings.replicationServerId().isPresent()
                ? settings.replicationServerId().get()
                : ask(InstanceMetadata::instanceId, "id", "control.replication-server-id");
        URI endpoint = settings.endpoint()
                .orElseGet(() -> ServiceEndpoints.of(SERVICE, region, aws.useFips(), aws.useDualStack()));
        return new ControlTarget(endpoint, region, id);
    }

    private interface Question {
        String ask(InstanceMetadata metadata) throws IOException, InterruptedException;
    }

    private static String ask(Question question, String what, String setting)
            throws ControlPlaneException, InterruptedException {
        String trouble;
        String advice =
                "Allow IMDSv2 for this instance, and in a container raise its hop limit (HttpPutResponseHopLimit) to 2";
        try (InstanceMetadata metadata = new InstanceMetadata(InstanceMetadata.configuredAddress())) {
            return question.ask(metadata);
        } catch (MetadataException e) {
            trouble = String.valueOf(e.getMessage());
            advice = e.nextAction().replaceFirst("\\.$", "");
        } catch (IOException e) {
            trouble = InstanceMetadata.configuredAddress() + ": " + (e.getMessage() == null ? e : e.getMessage());
        }
        throw new ControlPlaneException(
                Kind.NO_METADATA,
                "the " + what + " of this instance is not known: " + trouble,
                advice + ", or set " + setting + ".");
    }
}
