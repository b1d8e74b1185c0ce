package org.replicationserver.receiver.control;

import java.io.IOException;
import java.net.URI;
import java.util.regex.Pattern;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.aws.MetadataException;
import org.replicationserver.receiver.aws.ServiceEndpoints;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;

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
        URI endpoint = settings.endpoint()
                .orElseGet(() -> ServiceEndpoints.of(SERVICE, region, aws.useFips(), aws.useDualStack()));
        return new ControlTarget(endpoint, region, id);
    }

    private interface Question {
        String ask(InstanceMetadata metadata) throws IOException, InterruptedException;
    }

    private static String ask(Question question, String what, Pattern form, String setting)
            throws ControlPlaneException, InterruptedException {
        String trouble;
        String advice = "Allow IMDSv2 with a hop limit of 1 or more";
        try (InstanceMetadata metadata = new InstanceMetadata(InstanceMetadata.configuredAddress())) {
            String answer = question.ask(metadata);
            if (form.matcher(answer).matches()) {
                return answer;
            }
            trouble = InstanceMetadata.configuredAddress() + " says " + PeerText.value(answer);
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
