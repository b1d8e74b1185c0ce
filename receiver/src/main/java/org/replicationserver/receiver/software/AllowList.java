package org.replicationserver.receiver.software;

import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.AllowListFile;
import org.replicationserver.receiver.config.AllowListFile.Rule;
import org.replicationserver.receiver.config.IdForm;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.software.SoftwareException.Kind;
import software.amazon.awssdk.regions.PartitionMetadata;
import software.amazon.awssdk.regions.Region;

/**
 * The buckets that software of a region may come from, and the only source of names of hosts. Immutable, any thread.
 *
 * <p>A bucket has exactly one host: {@code <bucket>.s3.<region>.<suffix>}, with {@code s3-fips} and {@code s3.dualstack} where the
 * settings say so, or {@code <bucket>.<VPC endpoint>}. The suffix is the partition's, {@code amazonaws.com} or another.
 */
public final class AllowList {
    /** What is known of an address before its key is looked at; the host is compared letter by letter. */
    private static final Pattern ADDRESS = Pattern.compile("([^:/?#]*)://([^/?#]*)/?(.*)", Pattern.DOTALL);

    private static final Pattern REGION =
            Pattern.compile("https://[^/]*\\.s3(?:-fips)?(?:\\.dualstack)?\\.([^./]+)\\.[^/]*/.*", Pattern.DOTALL);

    private final String region;
    private final PartitionMetadata partition;
    private final String service;
    private final Map<String, Optional<String>> hashesByBucket = new LinkedHashMap<>();

    /**
     * How S3 is reached.
     *
     * @param vpcEndpoint null for the names of the region
     */
    public record Hosts(
            boolean useFips, boolean useDualStack, @Nullable String vpcEndpoint) {
        /** The plain names of the region. */
        public static final Hosts REGIONAL = new Hosts(false, false, null);
    }

    private AllowList(List<Rule> rules, String region, PartitionMetadata partition, String service)
            throws SoftwareException {
        this.region = region;
        this.partition = partition;
        this.service = service;
        for (Rule rule : rules) {
            String bucket = rule.objects().replace(AllowListFile.REGION, region);
            Optional<String> hashes =
                    Optional.ofNullable(rule.hashes()).map(pattern -> pattern.replace(AllowListFile.REGION, region));
            if (hashesByBucket.putIfAbsent(bucket, hashes) != null) {
                throw new SoftwareException(
                        Kind.DISK,
                        "software.allow-list names bucket " + bucket + " twice in " + region
                                + ", with its region and with " + AllowListFile.REGION,
                        "Take one of the two lines out of the file of software.allow-list.");
            }
        }
    }

    /**
     * The buckets of a region.
     *
     * @throws SoftwareException where there are none, the VPC endpoint is of another region, or a bucket is given twice for this one
     */
    public static AllowList of(List<Rule> rules, String region, Hosts hosts) throws SoftwareException {
        if (!IdForm.REGION.matches(region)) {
            throw new IllegalArgumentException("region=" + region);
        }
        requireSome(rules);
        PartitionMetadata partition = PartitionMetadata.of(Region.of(region));
        String suffix = partition.dnsSuffix();
        String endpoint = hosts.vpcEndpoint();
        if (endpoint != null) {
            String end = ".s3." + region + ".vpce." + suffix;
            if (!endpoint.endsWith(end)) {
                throw new SoftwareException(
                        Kind.HOST_NOT_LISTED,
                        "software.vpc-endpoint=" + endpoint + " is not of region " + region
                                + "; allowed: a name that ends with " + end,
                        "Name the endpoint of this region in software.vpc-endpoint, or correct aws.region.");
            }
            return new AllowList(rules, region, partition, endpoint);
        }
        String service = (hosts.useFips() ? "s3-fips" : "s3") + (hosts.useDualStack() ? ".dualstack." : ".") + region;
        return new AllowList(rules, region, partition, service + "." + suffix);
    }

    public String region() {
        return region;
    }

    /** As in ARNs, {@code aws} or another. */
    public String partition() {
        return partition.id();
    }

    /** All buckets, each before the one with its hashes. */
    public List<String> buckets() {
        return hashesByBucket.entrySet().stream()
                .flatMap(entry -> entry.getValue().isPresent()
                        ? List.of(entry.getKey(), entry.getValue().get()).stream()
                        : List.of(entry.getKey()).stream())
                .distinct()
                .toList();
    }

    /** Where S3 has a bucket that is on the list. */
    public URI addressOf(String bucket) {
        if (!buckets().contains(bucket)) {
            throw new IllegalArgumentException("not on the allow-list: " + bucket);
        }
        return URI.create("https://" + bucket + "." + service);
    }

    /** The bucket with the hashes of a bucket's objects, or null if there is none. */
    @Nullable
    String hashesOf(String bucket) {
        return hashesByBucket.getOrDefault(bucket, Optional.empty()).orElse(null);
    }

    /**
     * Asks for a list with buckets.
     *
     * @param rules as the file of {@code software.allow-list} has them
     * @throws SoftwareException where there are none, so that no software is allowed
     */
    public static void requireSome(List<Rule> rules) throws SoftwareException {
        if (rules.isEmpty()) {
            throw new SoftwareException(
                    Kind.BUCKET_NOT_LISTED,
                    "software.allow-list names no bucket, so no software is allowed",
                    "Add a bucket to the file of software.allow-list, if software is to come from there; without one nothing needs a way to"
                            + " S3, nor a policy for it.");
        }
    }

    /** The object, if software may be fetched from there. */
    ObjectName object(String bucket, String key) throws SoftwareException {
        if (!hashesByBucket.containsKey(bucket)) {
            throw new SoftwareException(
                    Kind.BUCKET_NOT_LISTED,
                    "bucket=" + PeerText.value(bucket) + " is not on the allow-list; allowed: "
                            + String.join(", ", hashesByBucket.keySet()),
                    "Ask for an object of one of these, or add the bucket to the file of software.allow-list.");
        }
        return ObjectName.of(bucket, key);
    }

    /** The region that an address names; whether the address is allowed is for {@link #object(String)}. */
    static Optional<String> regionOf(String address) {
        Matcher parts = REGION.matcher(address);
        return parts.matches() ? Optional.of(parts.group(1)).filter(IdForm.REGION::matches) : Optional.empty();
    }

    /** The object of an address, if its host is exactly that of a bucket from which software may be fetched. */
    ObjectName object(String address) throws SoftwareException {
        Matcher parts = ADDRESS.matcher(address);
        if (!parts.matches() || !parts.group(1).equals("https")) {
            throw new SoftwareException(
                    Kind.NOT_HTTPS,
                    "address=" + PeerText.value(address) + "; allowed: https://HOST/KEY",
                    "Give the object's address with https, or its bucket and key.");
        }
        for (String bucket : hashesByBucket.keySet()) {
            if (parts.group(2).equals(hostOf(bucket))) {
                return ObjectName.of(bucket, plainKey(parts.group(3)));
            }
        }
        throw new SoftwareException(
                Kind.HOST_NOT_LISTED,
                "host=" + PeerText.value(parts.group(2)) + " is not on the allow-list; allowed: "
                        + String.join(
                                ", ",
                                hashesByBucket.keySet().stream()
                                        .map(this::hostOf)
                                        .toList()),
                "Ask for an object of one of these, letter by letter, or add its bucket to the file of software.allow-list.");
    }

    /** What could be read in two ways is left to whoever names bucket and key. */
    private static String plainKey(String path) throws SoftwareException {
        if (path.contains("?") || path.contains("#") || path.contains("%")) {
            throw new SoftwareException(
                    Kind.BAD_KEY,
                    "the address has ?, # or % in its path: " + PeerText.value(path) + "; allowed: a path without",
                    "Give bucket and key of the object instead of its address.");
        }
        return path;
    }

    /** The host of a bucket of the list, or of one with hashes. */
    String hostOf(String bucket) {
        if (!buckets().contains(bucket)) {
            throw new IllegalArgumentException("not on the allow-list: " + bucket);
        }
        return bucket + "." + service;
    }
}
