package org.replicationserver.receiver.preflight;

import java.io.IOException;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.aws.MetadataException;

/** Whether the instance says who and where it is. */
final class MetadataCheck implements PreflightCheck {
    private final InstanceMetadata metadata;
    private final boolean needed;

    /** @param needed whether region or id of the server are to come from it */
    MetadataCheck(InstanceMetadata metadata, boolean needed) {
        this.metadata = metadata;
        this.needed = needed;
    }

    @Override
    public String name() {
        return "instance metadata";
    }

    @Override
    public Finding look() throws InterruptedException {
        try {
            return Finding.ok("instance " + metadata.instanceId() + " in " + metadata.region() + ", zone "
                    + metadata.availabilityZone());
        } catch (MetadataException e) {
            return needed
                    ? Finding.fail(String.valueOf(e.getMessage()), e.nextAction())
                    : Finding.skip("not needed, and not there: " + e.getMessage());
        } catch (IOException e) {
            return Finding.fail(
                    InstanceMetadata.configuredAddress() + ": " + e.getMessage(),
                    "Look at the route to the instance metadata.");
        }
    }
}
