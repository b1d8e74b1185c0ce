package org.replicationserver.receiver.control;

import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;

/**
 * Who has signed a request, as far as others may know, and what to do about it if that is not accepted. Immutable.
 *
 * @param accessKeyId not a secret; its end is enough to find out whose it is
 */
record Signer(CredentialsSource source, String accessKeyId) {
    private static final int SHOWN_CHARS = 4;
    private static final String PLACES =
            "the chain looks at the JVM's system properties, the environment, a web identity, the profile files, the container and the"
                    + " instance's role, in this order";

    /** For a sentence. */
    String words() {
        String whose = switch (source) {
            case INSTANCE -> "the role of the instance";
            case CHAIN -> "what aws.credentials=chain found";
        };
        String end = accessKeyId.substring(Math.max(0, accessKeyId.length() - SHOWN_CHARS));
        return whose + " (access key ..." + PeerText.value(end) + ")";
    }

    /** What to do where the control plane does not accept it. */
    String nextAction(String code) {
        if (code.startsWith("ExpiredToken")) {
            return switch (source) {
                case INSTANCE -> "Set the clock of this server: the credentials of a role are renewed before they end.";
                case CHAIN -> "Renew the credentials where aws.credentials=chain finds them; " + PLACES + ".";
            };
        }
        if (code.startsWith("AccessDenied")) {
            return switch (source) {
                case INSTANCE -> "Allow the operation in the policies of the instance's role.";
                case CHAIN -> "Allow the operation to whom the access key belongs, or use another; " + PLACES + ".";
            };
        }
        return switch (source) {
            case INSTANCE -> "Check that the instance's role is of the control plane's account, and aws.region.";
            case CHAIN -> "Check the credentials that aws.credentials=chain finds, and aws.region; " + PLACES + ".";
        };
    }

    /** There is nobody to sign. */
    static ControlPlaneException missing(CredentialsSource source, RuntimeException cause) {
        return switch (source) {
            case INSTANCE ->
                new ControlPlaneException(
                        Kind.NO_CREDENTIALS,
                        "no credentials to sign requests with: " + PeerText.line(String.valueOf(cause.getMessage())),
                        "Give the instance its role and allow IMDSv2, or set aws.credentials=chain.",
                        cause);
            // The SDK's message lists all places with a sentence for each; the action does so in fewer words.
            case CHAIN ->
                new ControlPlaneException(
                        Kind.NO_CREDENTIALS,
                        "no credentials to sign requests with: aws.credentials=chain found none anywhere",
                        "Provide credentials where aws.credentials=chain finds them; " + PLACES + ".",
                        cause);
        };
    }
}
