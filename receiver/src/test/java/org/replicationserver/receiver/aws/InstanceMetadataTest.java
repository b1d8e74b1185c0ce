package org.replicationserver.receiver.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.aws.MetadataException.Kind;
import software.amazon.awssdk.regions.Region;

final class InstanceMetadataTest {
    private final ImdsStub imds;
    private final AtomicLong nanos = new AtomicLong();
    private final InstanceMetadata metadata;

    InstanceMetadataTest() throws IOException {
        imds = new ImdsStub();
        metadata = new InstanceMetadata(InstanceMetadata.configuredAddress(), nanos::get);
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
                .isInstanceOfSatisfying(
                        MetadataException.class, e -> assertThat(e.kind()).isEqualTo(Kind.REFUSED))
                .hasMessage(imds.address() + "/latest/api/token: the instance metadata answered 403");
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

    @Test
    void tokenIsRenewedBeforeItEnds() throws Exception {
        imds.setTokenSeconds(300);
        metadata.region();
        nanos.addAndGet(Duration.ofSeconds(239).toNanos());
        metadata.region();
        nanos.addAndGet(Duration.ofSeconds(1).toNanos());
        metadata.region();
        assertThat(imds.requests().stream().filter(request -> request.startsWith("PUT")))
                .hasSize(2);
        imds.setTokenSeconds(10);
        nanos.addAndGet(Duration.ofHours(6).toNanos());
        metadata.region();
        nanos.addAndGet(Duration.ofSeconds(5).toNanos());
        metadata.region();
        assertThat(imds.requests().stream().filter(request -> request.startsWith("PUT")))
                .hasSize(4);
    }

    @Test
    void zoneRoleAndTagsAreTold() throws Exception {
        imds.answer("placement/availability-zone", "eu-test-1a");
        imds.answer("tags/instance/", "Name\nAWSApplicationMigrationServiceManaged");
        imds.answer("tags/instance/Name", "replication server");
        imds.answer("tags/instance/AWSApplicationMigrationServiceManaged", "mgn");
        assertThat(metadata.availabilityZone()).isEqualTo("eu-test-1a");
        assertThat(metadata.roleName()).contains("role-1");
        RoleCredentials credentials = metadata.roleCredentials().orElseThrow();
        assertThat(credentials.role()).isEqualTo("role-1");
        assertThat(credentials.areGood(Instant.now())).isTrue();
        assertThat(credentials.areGood(Instant.now().plus(Duration.ofHours(7)))).isFalse();
        assertThat(credentials.toString()).doesNotContain("SECRET");
        assertThat(metadata.tags())
                .contains(Map.of("Name", "replication server", "AWSApplicationMigrationServiceManaged", "mgn"));
    }

    @Test
    void whatTheInstanceDoesNotHaveIsEmptyOrSaidToBeMissing() throws Exception {
        imds.forget("iam/security-credentials/");
        imds.forget("instance-id");
        assertThat(metadata.roleName()).isEmpty();
        assertThat(metadata.roleCredentials()).isEmpty();
        assertThat(metadata.tags()).isEmpty();
        assertFails(
                metadata::instanceId, Kind.NOT_THERE, "/latest/meta-data/instance-id: the instance metadata has no");
    }

    @Test
    void nameOfATagThatCannotBePrintedIsNotPrinted() {
        imds.answer("tags/instance/", "Na\u202eme");
        assertThatThrownBy(metadata::tags).isInstanceOf(MetadataException.class).hasMessageContaining("Na%E2%80%AEme");
    }

    @Test
    void redirectIsNotFollowed() throws Exception {
        try (ImdsStub other = new ImdsStub()) {
            imds.redirectTo(other.address() + "/latest/api/token");
            assertFails(
                    metadata::region, Kind.ODD, "/latest/api/token: the instance metadata answered 302, a redirect");
            assertThat(other.requests()).isEmpty();
        }
    }

    @Test
    void proxyIsNotAsked() throws Exception {
        try (ImdsStub proxy = new ImdsStub()) {
            System.setProperty("http.proxyHost", "127.0.0.1");
            System.setProperty(
                    "http.proxyPort", Integer.toString(proxy.address().getPort()));
            System.setProperty("http.nonProxyHosts", "");
            assertThat(metadata.region()).isEqualTo("eu-test-1");
            assertThat(proxy.requests()).isEmpty();
        } finally {
            System.clearProperty("http.proxyHost");
            System.clearProperty("http.proxyPort");
            System.clearProperty("http.nonProxyHosts");
        }
    }

    @Test
    void silenceAfterTheConnectionIsTheHopLimitOrNotEc2() {
        imds.beSilent();
        assertFails(metadata::region, Kind.SILENT, "connected, and no answer within 2 s: the hop limit is too small");
    }

    @Test
    void nobodyAtTheAddressIsNotEc2AndTheAddressIsNamed() throws Exception {
        URI nobody;
        try (ImdsStub gone = new ImdsStub()) {
            nobody = gone.address();
        }
        try (InstanceMetadata absent = new InstanceMetadata(nobody)) {
            assertFails(absent::region, Kind.ABSENT, "PUT " + nobody + "/latest/api/token: ");
            assertFails(absent::region, Kind.ABSENT, "this is not EC2, or the instance's metadata is turned off");
        }
    }

    @Test
    void credentialsThatAreNoJsonAreRefusedWithoutBeingShown() {
        imds.answer("iam/security-credentials/", "role-2");
        imds.answer("iam/security-credentials/role-2", "SECRET");
        assertThatThrownBy(metadata::roleCredentials)
                .isInstanceOf(MetadataException.class)
                .hasMessageNotContaining("SECRET");
    }

    /** They become part of names of hosts, and of what people read. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "EU-test-1",
                "eu-test",
                "eu-test-1-",
                "-eu-test-1",
                "eu-test-1.example.org",
                "eu-test-1\nx",
                "eu-test-1/x",
                "eu-test-1@example.org",
                "eu-test-1#",
                "eu-t\u0435st-1",
                "\u001b[2J"
            })
    void regionThatIsNoneIsRefusedAndShownWithoutWhatATerminalObeys(String region) {
        imds.answer("placement/region", region);
        assertFails(metadata::region, Kind.ODD, "/placement/region says ");
        assertFails(metadata::region, Kind.ODD, "; allowed: the name of a region, as us-east-1");
        assertThatThrownBy(metadata::region).message().doesNotContainPattern("\\p{Cntrl}");
    }

    @Test
    void everyRegionThatTheSdkKnowsIsOne() throws Exception {
        List<String> regions = Region.regions().stream()
                .filter(region -> !region.isGlobalRegion())
                .map(Region::id)
                .toList();
        assertThat(regions).hasSizeGreaterThan(40);
        for (String region : regions) {
            imds.answer("placement/region", region + "\n");
            assertThat(metadata.region()).isEqualTo(region);
        }
    }

    @Test
    void otherAnswersThatAreOfAnotherFormAreRefused() {
        imds.answer("instance-id", "<html>");
        imds.answer("placement/availability-zone", "eu-test-1a\u001b[2J");
        imds.answer("iam/security-credentials/", "../../user-data");
        assertFails(metadata::instanceId, Kind.ODD, "/instance-id says <html>; allowed: 1 to 64 of ");
        assertFails(metadata::availabilityZone, Kind.ODD, "/availability-zone says eu-test-1a?[2J; allowed: ");
        assertFails(metadata::roleName, Kind.ODD, "/security-credentials/ says ../../user-data; allowed: ");
    }

    @Test
    void answerThatIsNoTokenIsRefused() {
        imds.giveToken("<html>\n</html>");
        assertFails(metadata::region, Kind.ODD, "/latest/api/token: the answer is no token");
        assertThat(imds.requests()).containsExactly("PUT /latest/api/token");
    }

    /** It is not asked to speak HTTP/2, which is one thing less that may be answered oddly. */
    @Test
    void requestsAreOfPlainHttp1() throws Exception {
        metadata.region();
        assertThat(imds.headers()).isNotEmpty().doesNotContain("Upgrade", "Http2-settings");
    }

    @ParameterizedTest
    @ValueSource(strings = {"no address", "169.254.169.254", "ftp://a.test", "http://", "/x", "http:a", "%"})
    void addressThatIsNoneIsToldWithTheSettingThatHasIt(String address) {
        System.setProperty("aws.ec2MetadataServiceEndpoint", address);
        try (InstanceMetadata unusable = new InstanceMetadata(InstanceMetadata.configuredAddress())) {
            assertFails(
                    unusable::region,
                    Kind.BAD_ADDRESS,
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + address + "; allowed: http://HOST");
        }
    }

    @Test
    void addressOfIpv6IsTheSettingOfTheSdk() {
        imds.close();
        System.setProperty("aws.ec2MetadataServiceEndpointMode", "IPv6");
        try {
            assertThat(InstanceMetadata.configuredAddress()).isEqualTo(URI.create("http://[fd00:ec2::254]"));
        } finally {
            System.clearProperty("aws.ec2MetadataServiceEndpointMode");
        }
    }

    private static void assertFails(ThrowingCallable question, Kind kind, String part) {
        assertThatThrownBy(question)
                .isInstanceOfSatisfying(MetadataException.class, e -> {
                    assertThat(e.kind()).isEqualTo(kind);
                    assertThat(e.nextAction()).isNotEmpty();
                })
                .hasMessageContaining(part);
    }
}
