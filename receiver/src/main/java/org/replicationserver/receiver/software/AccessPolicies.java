package org.replicationserver.receiver.software;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import software.amazon.awssdk.regions.PartitionMetadata;
import software.amazon.awssdk.regions.Region;

/**
 * The policies that a replication server needs in AWS, made from what the program itself uses. Stateless.
 *
 * <p>That of the role is {@code AWSApplicationMigrationReplicationServerPolicy}, version 2 of 2026-05-31, action by action and condition by
 * condition. That of the S3 endpoint is as the network requirements of the service print it, with the buckets of the allow-list.
 */
public final class AccessPolicies {
    /** Of which each snapshot, and each volume that one is made of, has to have one. */
    public static final String MANAGED_TAG = "AWSApplicationMigrationServiceManaged";

    /** What the role may ask the control plane for. */
    public static final List<String> CONTROL_PLANE_ACTIONS = List.of(
            "mgn:SendClientMetricsForMgn",
            "mgn:SendClientLogsForMgn",
            "mgn:GetChannelCommandsForMgn",
            "mgn:SendChannelCommandResultForMgn",
            "mgn:GetAgentSnapshotCreditsForMgn",
            "mgn:DescribeReplicationServerAssociationsForMgn",
            "mgn:DescribeSnapshotRequestsForMgn",
            "mgn:BatchDeleteSnapshotRequestForMgn",
            "mgn:NotifyAgentAuthenticationForMgn",
            "mgn:BatchCreateVolumeSnapshotGroupForMgn",
            "mgn:UpdateAgentReplicationProcessStateForMgn",
            "mgn:NotifyAgentReplicationProgressForMgn",
            "mgn:NotifyAgentConnectedForMgn",
            "mgn:NotifyAgentDisconnectedForMgn",
            "mgn:StartSnapshotGroupForMgn");

    private AccessPolicies() {}

    /** The policy of the role of the instances, for all regions of the partition that a region is in. */
    public static JsonObject instanceRole(String region) {
        String partition = PartitionMetadata.of(Region.of(region)).id();
        return policy(
                "2012-10-17",
                allow(CONTROL_PLANE_ACTIONS, "*"),
                allow(List.of("ec2:DescribeInstances", "ec2:DescribeSnapshots"), "*"),
                allow(List.of("ec2:CreateSnapshot"), "arn:" + partition + ":ec2:*:*:volume/*")
                        .put("Condition", condition("Null", "aws:ResourceTag/" + MANAGED_TAG, "false")),
                allow(List.of("ec2:CreateSnapshot"), "arn:" + partition + ":ec2:*:*:snapshot/*")
                        .put("Condition", condition("Null", "aws:RequestTag/" + MANAGED_TAG, "false")),
                allow(List.of("ec2:CreateTags"), "*")
                        .put("Condition", condition("StringEquals", "ec2:CreateAction", "CreateSnapshot")));
    }

    /** The policy of an S3 endpoint in the VPC: objects of exactly these buckets may be read. */
    public static JsonObject s3Endpoint(AllowList allowList) {
        List<String> resources = allowList.buckets().stream()
                .map(bucket -> "arn:" + allowList.partition() + ":s3:::" + bucket + "/*")
                .toList();
        return policy(
                "2008-10-17",
                new JsonObject()
                        .put("Effect", "Allow")
                        .put("Principal", new JsonObject().put("AWS", "*"))
                        .put("Action", "s3:GetObject")
                        .put("Resource", new JsonArray(resources)));
    }

    private static JsonObject policy(String version, JsonObject... statements) {
        return new JsonObject().put("Version", version).put("Statement", new JsonArray(List.of(statements)));
    }

    private static JsonObject allow(List<String> actions, String resource) {
        return new JsonObject()
                .put("Effect", "Allow")
                .put("Action", new JsonArray(actions))
                .put("Resource", resource);
    }

    private static JsonObject condition(String operator, String key, String value) {
        return new JsonObject().put(operator, new JsonObject().put(key, value));
    }
}
