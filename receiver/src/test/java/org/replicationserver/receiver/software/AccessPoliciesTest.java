package org.replicationserver.receiver.software;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.receiver.config.AllowListFile;

class AccessPoliciesTest {
    private static final Path ROOT = Path.of("..");

    private static JsonObject endpointPolicy(String region) throws SoftwareException {
        return AccessPolicies.s3Endpoint(AllowList.of(AllowListFile.builtIn(), region, AllowList.Hosts.REGIONAL));
    }

    private static Stream<JsonObject> statements(JsonObject policy) {
        JsonArray all = policy.getJsonArray("Statement");
        return IntStream.range(0, all.size()).mapToObj(all::getJsonObject);
    }

    private static Set<String> actions(JsonObject policy, String service) {
        return statements(policy)
                .flatMap(statement -> statement.getJsonArray("Action").stream())
                .map(String.class::cast)
                .filter(action -> action.startsWith(service + ":"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** A failure prints what the file must be. */
    @ParameterizedTest
    @CsvSource({
        "instance-role.json, us-east-1",
        "instance-role.aws-us-gov.json, us-gov-west-1",
        "instance-role.aws-cn.json, cn-north-1"
    })
    void roleInDeployIsWhatIsGenerated(String file, String region) throws IOException {
        assertThat(Files.readString(ROOT.resolve("deploy/iam").resolve(file)))
                .isEqualTo(AccessPolicies.instanceRole(region).encodePrettily() + "\n");
    }

    @ParameterizedTest
    @CsvSource({"us-east-1", "us-gov-west-1", "cn-north-1"})
    void endpointPolicyInDeployIsWhatIsGenerated(String region) throws Exception {
        assertThat(Files.readString(ROOT.resolve("deploy/iam/s3-endpoint." + region + ".json")))
                .isEqualTo(endpointPolicy(region).encodePrettily() + "\n");
    }

    @Test
    void endpointPolicyIsThePublishedOneWithExactlyTheBucketsOfTheAllowList() throws SoftwareException {
        JsonObject policy = endpointPolicy("cn-north-1");

        assertThat(policy.getString("Version")).isEqualTo("2008-10-17");
        assertThat(statements(policy)).singleElement().satisfies(statement -> {
            assertThat(statement.getString("Effect")).isEqualTo("Allow");
            assertThat(statement.getJsonObject("Principal")).isEqualTo(new JsonObject().put("AWS", "*"));
            assertThat(statement.getString("Action")).isEqualTo("s3:GetObject");
            assertThat(statement.getJsonArray("Resource"))
                    .hasSize(7)
                    .allSatisfy(resource ->
                            assertThat(resource.toString()).matches("arn:aws-cn:s3:::[a-z0-9-]+-cn-north-1/\\*"));
        });
    }

    @Test
    void roleMaySnapshotOnlyWhatIsTagged() {
        JsonObject policy = AccessPolicies.instanceRole("us-gov-west-1");

        assertThat(actions(policy, "ec2"))
                .containsExactly(
                        "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DescribeInstances", "ec2:DescribeSnapshots");
        assertThat(statements(policy).filter(one -> one.containsKey("Condition")))
                .extracting(
                        one -> one.getString("Resource"),
                        one -> one.getJsonObject("Condition").encode())
                .containsExactly(
                        tuple(
                                "arn:aws-us-gov:ec2:*:*:volume/*",
                                "{\"Null\":{\"aws:ResourceTag/AWSApplicationMigrationServiceManaged\":\"false\"}}"),
                        tuple(
                                "arn:aws-us-gov:ec2:*:*:snapshot/*",
                                "{\"Null\":{\"aws:RequestTag/AWSApplicationMigrationServiceManaged\":\"false\"}}"),
                        tuple("*", "{\"StringEquals\":{\"ec2:CreateAction\":\"CreateSnapshot\"}}"));
    }

    private static Set<String> found(String regex, String service) throws IOException {
        Pattern pattern = Pattern.compile(regex);
        Set<String> found = new TreeSet<>();
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
            for (Path source :
                    sources.filter(path -> path.toString().endsWith(".java")).toList()) {
                pattern.matcher(Files.readString(source))
                        .results()
                        .map(one -> service + ":" + one.group(1))
                        .forEach(found::add);
            }
        }
        return found;
    }

    @Test
    void roleMayExactlyTheOperationsThatTheProgramNames() throws IOException {
        Set<String> used = found("\"([A-Z][A-Za-z]+ForMgn)\"", "mgn");

        assertThat(used).contains("mgn:GetChannelCommandsForMgn").hasSizeGreaterThan(8);
        assertThat(actions(AccessPolicies.instanceRole("us-east-1"), "mgn")).isEqualTo(used);
    }

    @Test
    void everyRequestToEc2IsOneThatTheRoleMayAndHasTheTagThatItDemands() throws IOException {
        Set<String> used = found("services\\.ec2\\.model\\.([A-Za-z]+)Request;", "ec2");

        assertThat(used).contains("ec2:CreateSnapshot");
        assertThat(actions(AccessPolicies.instanceRole("us-east-1"), "ec2")).containsAll(used);
        assertThat(found("String MANAGED = \"([A-Za-z]+)\"", "tag"))
                .containsExactly("tag:" + AccessPolicies.MANAGED_TAG);
    }
}
