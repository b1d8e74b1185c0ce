package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.software.AllowList.Hosts;
import org.replicationserver.receiver.software.SoftwareException.Kind;

class AllowListTest {
    private static AllowList listOf(String region, Hosts hosts) throws SoftwareException {
        return AllowList.of(AllowListFile.builtIn(), region, hosts);
    }

    private static Kind kindOf(String address) throws SoftwareException {
        AllowList list = listOf("us-east-1", Hosts.REGIONAL);
        SoftwareException refused = catchThrowableOfType(SoftwareException.class, () -> list.object(address));
        assertThat(refused).as(address).isNotNull();
        assertThat(refused.sentence()).contains("allowed: ").doesNotContainPattern("[\\p{Cntrl}\\p{Cf}]");
        assertThat(refused.nextAction()).endsWith(".");
        return refused.kind();
    }

    @Test
    void bucketsOfTheNetworkRequirementsAreAllowedAndPaired() throws SoftwareException {
        AllowList list = listOf("eu-west-1", Hosts.REGIONAL);

        assertThat(list.buckets())
                .containsExactly(
                        "aws-mgn-clients-eu-west-1",
                        "aws-mgn-clients-hashes-eu-west-1",
                        "aws-mgn-internal-eu-west-1",
                        "aws-mgn-internal-hashes-eu-west-1",
                        "aws-application-migration-service-eu-west-1",
                        "aws-application-migration-service-hashes-eu-west-1",
                        "amazon-ssm-eu-west-1");
        assertThat(list.hashesOf("aws-mgn-clients-eu-west-1")).isEqualTo("aws-mgn-clients-hashes-eu-west-1");
        assertThat(list.hashesOf("amazon-ssm-eu-west-1")).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "eu-west-1, false, false, aws, s3.eu-west-1.amazonaws.com",
        "eu-west-1, false, true, aws, s3.dualstack.eu-west-1.amazonaws.com",
        "us-east-1, true, false, aws, s3-fips.us-east-1.amazonaws.com",
        "us-gov-west-1, true, true, aws-us-gov, s3-fips.dualstack.us-gov-west-1.amazonaws.com",
        "cn-north-1, false, false, aws-cn, s3.cn-north-1.amazonaws.com.cn",
        "cn-north-1, false, true, aws-cn, s3.dualstack.cn-north-1.amazonaws.com.cn",
    })
    void hostIsTheBucketsOwnInTheFormThatIsSet(
            String region, boolean useFips, boolean useDualStack, String partition, String service)
            throws SoftwareException {
        AllowList list = listOf(region, new Hosts(useFips, useDualStack, null));

        assertThat(list.hostOf("amazon-ssm-" + region)).isEqualTo("amazon-ssm-" + region + "." + service);
        assertThat(list.partition()).isEqualTo(partition);
        assertThat(list.object("https://amazon-ssm-" + region + "." + service + "/a/b"))
                .isEqualTo(new ObjectName("amazon-ssm-" + region, "a/b"));
    }

    @Test
    void vpcEndpointOfTheRegionTakesThePlaceOfItsNames() throws SoftwareException {
        String endpoint = "bucket.vpce-1a2b-3c.s3.us-east-1.vpce.amazonaws.com";

        assertThat(listOf("us-east-1", new Hosts(false, false, endpoint)).hostOf("amazon-ssm-us-east-1"))
                .isEqualTo("amazon-ssm-us-east-1." + endpoint);
        assertThat(catchThrowableOfType(
                                SoftwareException.class, () -> listOf("eu-west-1", new Hosts(false, false, endpoint)))
                        .sentence())
                .contains("is not of region eu-west-1", ".s3.eu-west-1.vpce.amazonaws.com");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com./k",
                "https://Amazon-SSM-us-east-1.s3.us-east-1.amazonaws.com/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com.example.org/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com:443/k",
                "https://user@amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                "https://example.org@amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com@example.org/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com\\@example.org/k",
                "https://x.amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                "https://amazon-ssm-us-east-1.s3.us-west-2.amazonaws.com/k",
                "https://amazon-ssm-us-east-1.s3.amazonaws.com/k",
                "https://s3.us-east-1.amazonaws.com/amazon-ssm-us-east-1/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.am\u0430zonaws.com/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws\u3002com/k",
                "https://amazon-ssm-us-east-1\u200b.s3.us-east-1.amazonaws.com/k",
                "https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com\n/k",
                "https://aws-mgn-clients-hashes-us-east-1.s3.us-east-1.amazonaws.com/k",
                "https://another-bucket.s3.us-east-1.amazonaws.com/k",
                "https://169.254.169.254/latest/meta-data",
                "https:///k",
                "https://"
            })
    void hostThatIsNotTheBucketsOwnLetterByLetterIsRefused(String address) throws SoftwareException {
        assertThat(kindOf(address)).isEqualTo(Kind.HOST_NOT_LISTED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                "HTTPS://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                "s3://amazon-ssm-us-east-1/k",
                "//amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                "amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                " https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/k",
                ""
            })
    void addressWithoutHttpsIsRefused(String address) throws SoftwareException {
        assertThat(kindOf(address)).isEqualTo(Kind.NOT_HTTPS);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", "/", "/k", "k/", "a//b", ".", "..", "../k", "a/../b", "a/./b", "a\\b", "a\tb", "a\u0000", "\u00e4",
                "\u202ek"
            })
    void keyThatCouldMeanAnotherPlaceIsRefused(String key) throws SoftwareException {
        AllowList list = listOf("us-east-1", Hosts.REGIONAL);

        SoftwareException refused =
                catchThrowableOfType(SoftwareException.class, () -> list.object("amazon-ssm-us-east-1", key));
        assertThat(refused).isNotNull();
        assertThat(refused.kind()).isEqualTo(Kind.BAD_KEY);
        assertThat(refused.sentence()).contains("allowed: 1 to 1024 characters");
    }

    @Test
    void keyHasAtMost1024Characters() throws SoftwareException {
        AllowList list = listOf("us-east-1", Hosts.REGIONAL);

        assertThat(list.object("amazon-ssm-us-east-1", "k".repeat(1024)).key()).hasSize(1024);
        assertThat(catchThrowableOfType(
                                SoftwareException.class, () -> list.object("amazon-ssm-us-east-1", "k".repeat(1025)))
                        .kind())
                .isEqualTo(Kind.BAD_KEY);
    }

    @ParameterizedTest
    @ValueSource(strings = {"k?versionId=1", "k#part", "a%2e%2e/k", "%2e%2e/k"})
    void addressThatCouldBeReadInTwoWaysIsRefused(String path) throws SoftwareException {
        assertThat(kindOf("https://amazon-ssm-us-east-1.s3.us-east-1.amazonaws.com/" + path))
                .isEqualTo(Kind.BAD_KEY);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"other", "aws-mgn-clients-hashes-us-east-1", "amazon-ssm-eu-west-1", "amazon-ssm-us-east-1.", ""
            })
    void bucketThatIsNotOnTheListIsRefusedWithThoseThatAre(String bucket) throws SoftwareException {
        AllowList list = listOf("us-east-1", Hosts.REGIONAL);

        SoftwareException refused = catchThrowableOfType(SoftwareException.class, () -> list.object(bucket, "k"));
        assertThat(refused.kind()).isEqualTo(Kind.BUCKET_NOT_LISTED);
        assertThat(refused.sentence()).contains("allowed: aws-mgn-clients-us-east-1, ");
    }

    /** Which of the two said where its hashes are would be chance. */
    @Test
    void bucketThatIsTwiceOnTheListOnceTheRegionIsKnownIsRefused() {
        List<AllowListFile.Rule> rules = List.of(
                new AllowListFile.Rule("own-us-east-1", null),
                new AllowListFile.Rule("own-<REGION>", "own-hashes-<REGION>"));

        SoftwareException refused =
                catchThrowableOfType(SoftwareException.class, () -> AllowList.of(rules, "us-east-1", Hosts.REGIONAL));

        assertThat(refused).isNotNull();
        assertThat(refused.sentence()).contains("bucket own-us-east-1 twice in us-east-1");
    }

    @Test
    void listThatIsNamedTakesThePlaceOfTheBuiltInOne() throws SoftwareException {
        AllowList list = AllowList.of(
                List.of(new AllowListFile.Rule("al2023-repos-<REGION>-de612dc2", null)), "us-east-1", Hosts.REGIONAL);

        assertThat(list.buckets()).containsExactly("al2023-repos-us-east-1-de612dc2");
    }
}
