package org.replicationserver.receiver.aws;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ServiceEndpointsTest {
    @ParameterizedTest
    @CsvSource({
        "us-east-1, false, false, https://mgn.us-east-1.amazonaws.com",
        "us-east-1, true, false, https://mgn-fips.us-east-1.amazonaws.com",
        "us-east-1, false, true, https://mgn.us-east-1.api.aws",
        "us-west-2, true, true, https://mgn-fips.us-west-2.api.aws",
        "eu-central-1, false, true, https://mgn.eu-central-1.api.aws",
        "us-gov-west-1, true, false, https://mgn-fips.us-gov-west-1.amazonaws.com",
        "cn-north-1, false, false, https://mgn.cn-north-1.amazonaws.com.cn",
        "xx-new-1, false, false, https://mgn.xx-new-1.amazonaws.com"
    })
    void endpointIsThatOfTheRegion(String region, boolean fips, boolean dualStack, URI endpoint) {
        assertThat(ServiceEndpoints.of("mgn", region, fips, dualStack)).isEqualTo(endpoint);
    }
}
