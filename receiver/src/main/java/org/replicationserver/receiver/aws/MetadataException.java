package org.replicationserver.receiver.aws;

import java.io.IOException;

/** The instance metadata did not tell what it was asked for. Its message names the address that was asked. Immutable, any thread. */
public final class MetadataException extends IOException {
    private static final long serialVersionUID = 1;

    /** Why it did not. */
    public enum Kind {
        /** Nobody answers at the address: no EC2 instance, or one with its metadata turned off. */
        ABSENT("Outside of EC2 this is as it should be; on EC2 turn the instance's metadata endpoint on."),
        /** It is reached, and does not answer the request for a token: a hop limit that is too small, as in a container. */
        SILENT(
                "Raise the instance's metadata hop limit (HttpPutResponseHopLimit) by one for each hop, as for a container."),
        /** It answers with a refusal. */
        REFUSED("Allow IMDSv2 for this instance (HttpEndpoint enabled), and look for what on this machine filters it."),
        /** It does not have what it was asked for. */
        NOT_THERE("Give the instance what is missing: a role (instance profile), or tags in its metadata."),
        /** The address that is set is none. */
        BAD_ADDRESS("Correct what AWS_EC2_METADATA_SERVICE_ENDPOINT names, or leave it out."),
        /** Something else answers than the metadata service. */
        ODD("Look what answers at this address; redirects are never followed and a proxy is never used.");

        private final String nextAction;

        Kind(String nextAction) {
            this.nextAction = nextAction;
        }
    }

    private final Kind kind;

    MetadataException(Kind kind, String text) {
        super(text);
        this.kind = kind;
    }

    MetadataException(Kind kind, String text, IOException cause) {
        super(text, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    /** What to do about it. */
    public String nextAction() {
        return kind.nextAction;
    }
}
