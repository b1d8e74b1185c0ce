package org.replicationserver.receiver.aws;

import org.replicationserver.receiver.config.AwsSettings.CredentialsSource;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.InstanceProfileCredentialsProvider;
import software.amazon.awssdk.core.SdkSystemSetting;

/** The credentials that requests are signed with: the SDK's own providers, which keep them and refresh them before they end. */
public final class Credentials {
    private Credentials() {}

    public static RenewableCredentials of(CredentialsSource source) {
        forbidMetadataV1();
        return new RenewableCredentials(() -> provider(source), System::nanoTime);
    }

    private static AwsCredentialsProvider provider(CredentialsSource source) {
        return switch (source) {
            case INSTANCE -> InstanceProfileCredentialsProvider.create();
            case CHAIN -> DefaultCredentialsProvider.builder().build();
        };
    }

    /**
     * Of the whole process: where a token cannot be had, the SDK would ask without one, as anybody can who makes this process fetch
     * an address. The builder has no setting of its own for it.
     */
    private static void forbidMetadataV1() {
        System.setProperty(SdkSystemSetting.AWS_EC2_METADATA_V1_DISABLED.property(), "true");
    }
}
