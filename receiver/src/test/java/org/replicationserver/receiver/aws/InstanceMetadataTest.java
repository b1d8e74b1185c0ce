package org.replicationserver.receiver.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class InstanceMetadataTest {
    private final ImdsStub imds;
    private final InstanceMetadata metadata;

    InstanceMetadataTest() throws IOException {
        imds = new ImdsStub();
        metadata = new InstanceMetadata(InstanceMetadata.configuredAddress());
    }

    @AfterEach
    void stop() {
        metadata.close();
        imds.close();
    }

    @Test
    void everyQuestionHasATokenWhichIsKept() throws Exception {
        assertThat(metadata.region()).isEqualTo("eu-test-1");
        assertThat(metadata.instanceId()).isEqualTo("i-0123456789abcdef0");
        assertThat(imds.requests())
                .containsExactly(
                        "PUT /latest/api/token",
                        "GET /latest/meta-data/placement/region with token",
                        "GET /latest/meta-data/instance-id with token");
    }

    @Test
    void tokenThatIsNoLongerGoodIsRenewedOnce() throws Exception {
        metadata.region();
        imds.forgetTokens();
        assertThat(metadata.region()).isEqualTo("eu-test-1");
        imds.refuseAll();
        int before = imds.requests().size();
        assertThatThrownBy(metadata::region).isInstanceOf(IOException.class).hasMessageContaining("answered 401");
        assertThat(imds.requests().subList(before, imds.requests().size()))
                .containsExactly(
                        "GET /latest/meta-data/placement/region with token",
                        "PUT /latest/api/token",
                        "GET /latest/meta-data/placement/region with token");
    }

    @Test
    void withoutATokenNothingIsAsked() {
        imds.refuseTokens();
        assertThatThrownBy(metadata::region)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("answered 403 for token");
        assertThat(imds.requests()).containsExactly("PUT /latest/api/token");
    }

    @Test
    void answersAreBounded() {
        imds.answer("placement/region", "x".repeat(20_000));
        assertThatThrownBy(metadata::region).isInstanceOf(IOException.class);
    }

    @Test
    void addressIsTheSettingOfTheSdk() {
        assertThat(InstanceMetadata.configuredAddress()).isEqualTo(imds.address());
        imds.close();
        assertThat(InstanceMetadata.configuredAddress()).isEqualTo(URI.create("http://169.254.169.254"));
    }
}
