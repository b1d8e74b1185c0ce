package org.replicationserver.receiver.snapshot;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.Credentials;
import org.replicationserver.receiver.aws.HttpsConnections;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.InstanceMetadata;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.SnapshotSettings;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.snapshot.Ec2Exception.Kind;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.endpoints.Ec2EndpointProvider;
import software.amazon.awssdk.services.ec2.model.CreateSnapshotRequest;
import software.amazon.awssdk.services.ec2.model.DescribeSnapshotsRequest;
import software.amazon.awssdk.services.ec2.model.DescribeSnapshotsResponse;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Snapshot;
import software.amazon.awssdk.services.ec2.model.SnapshotState;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/**
 * EC2, as far as snapshots need it: CreateSnapshot, with its tags, and DescribeSnapshots. Any thread but an event loop; calls block.
 *
 * <p>The SDK's client is made at the first call: it takes some 2 s of CPU and 40 MiB, which a server without snapshots does not
 * spend, nor any at its start. A request is sent once; whether it is sent again is for the caller, who knows what must not be done twice.
 *
 * <p>Each call has a virtual thread of its own, so that it can be given up at any moment: an interrupt closes the socket.
 */
public final class Ec2Snapshots implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Ec2Snapshots.class);

    private static final String CREATE = "CreateSnapshot";
    private static final String DESCRIBE = "DescribeSnapshots";
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /** Of any request; callers have less time. */
    private static final Duration SILENCE_TIMEOUT = Duration.ofSeconds(60);

    /** More than a group of 60 volumes can have, whatever went wrong with it. */
    private static final int PAGES_MAX = 16;

    private final AwsSettings aws;
    private final SnapshotSettings settings;
    private final ReentrantLock lock = new ReentrantLock();
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("snapshot-call-", 0).factory());

    // under lock
    private @Nullable Access access;

    private record Access(Ec2Client client, URI endpoint) {}

    /** A snapshot as EC2 tells of it; {@code message} says why it is in error, or is empty. */
    record Made(String snapshotId, String volumeId, State state, String message) {}

    /** How far a snapshot is. */
    enum State {
        PENDING,
        COMPLETED,
        ERROR
    }

    /** Asks nothing of anybody yet. */
    public Ec2Snapshots(AwsSettings aws, SnapshotSettings settings) {
        this.aws = aws;
        this.settings = settings;
    }

    /**
     * Creates a snapshot of a volume as it is now. EC2 has no means to tell a request that comes twice: after {@link Kind#UNKNOWN} only
     * {@link #ofGroup} tells whether there is one.
     *
     * @return its id; it is complete much later
     */
    String create(String volumeId, String description, Map<String, String> tags, Duration timeout)
            throws Ec2Exception, InterruptedException {
        TagSpecification specification = TagSpecification.builder()
                .resourceType(ResourceType.SNAPSHOT)
                .tags(tags.entrySet().stream()
                        .map(tag -> Tag.builder()
                                .key(tag.getKey())
                                .value(tag.getValue())
                                .build())
                        .toList())
                .build();
        CreateSnapshotRequest request = CreateSnapshotRequest.builder()
                .volumeId(volumeId)
                .description(description)
                .tagSpecifications(specification)
                .build();
        return call(
                CREATE,
                volumeId,
                timeout,
                to -> idOf(to.client().createSnapshot(request).snapshotId()));
    }

    /** An answer without an id is none of EC2's, whoever gave it; what became of the request it does not tell. */
    private static String idOf(@Nullable String told) {
        if (told == null || told.isEmpty()) {
            throw new IllegalStateException("an answer without the id of a snapshot");
        }
        return told;
    }

    /** The snapshots of this account that have the tag of a group. A new one may be missing for some seconds. */
    List<Made> ofGroup(String groupId, Duration timeout) throws Ec2Exception, InterruptedException {
        Filter filter = Filter.builder()
                .name("tag:" + SnapshotTags.GROUP)
                .values(groupId)
                .build();
        DescribeSnapshotsRequest first = DescribeSnapshotsRequest.builder()
                .ownerIds("self")
                .filters(filter)
                .build();
        return call(DESCRIBE, "group " + groupId, timeout, to -> pages(to.client(), first));
    }

    private static List<Made> pages(Ec2Client client, DescribeSnapshotsRequest first) {
        List<Made> all = new ArrayList<>();
        String next = null;
        for (int page = 0; page < PAGES_MAX; page++) {
            DescribeSnapshotsResponse answer =
                    client.describeSnapshots(first.toBuilder().nextToken(next).build());
            answer.snapshots().forEach(snapshot -> all.add(made(snapshot)));
            next = answer.nextToken();
            if (next == null || next.isEmpty()) {
                break;
            }
        }
        return all;
    }

    private static Made made(Snapshot snapshot) {
        SnapshotState told = snapshot.state();
        State state = told == SnapshotState.COMPLETED
                ? State.COMPLETED
                : told == SnapshotState.ERROR ? State.ERROR : State.PENDING;
        String message = snapshot.stateMessage();
        return new Made(
                snapshot.snapshotId(), snapshot.volumeId(), state, message == null ? "" : PeerText.line(message));
    }

    private interface Request<T> {
        T send(Access to);
    }

    private <T> T call(String action, String what, Duration timeout, Request<T> request)
            throws Ec2Exception, InterruptedException {
        Future<T> answer;
        try {
            answer = threads.submit(() -> {
                Access to = access();
                try {
                    return request.send(to);
                } catch (RuntimeException e) {
                    throw Ec2Faults.of(action, what, to.endpoint(), e);
                }
            });
        } catch (RejectedExecutionException e) {
            throw new InterruptedException("the client of EC2 is closed");
        }
        try {
            return answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new Ec2Exception(
                    Kind.UNKNOWN,
                    "EC2" + where() + " has not answered " + action + " of " + what + " within "
                            + timeout.toMillis() / 1000.0 + " s",
                    "Check that security groups, routes and proxies let this server reach EC2.",
                    e);
        } catch (ExecutionException e) {
            if (threads.isShutdown()) {
                throw new InterruptedException("the client of EC2 is closed");
            }
            if (e.getCause() instanceof Ec2Exception failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } catch (CancellationException e) {
            throw new InterruptedException("the client of EC2 is closed");
        } finally {
            answer.cancel(true);
        }
    }

    /** For a sentence; empty where nobody has found out yet. */
    private String where() {
        if (!lock.tryLock()) {
            return "";
        }
        try {
            return access == null ? "" : " at " + access.endpoint();
        } finally {
            lock.unlock();
        }
    }

    private Access access() throws Ec2Exception, InterruptedException {
        lock.lockInterruptibly();
        try {
            Access known = access;
            if (known != null) {
                return known;
            }
            Access opened = open();
            access = opened;
            return opened;
        } finally {
            lock.unlock();
        }
    }

    private Access open() throws Ec2Exception, InterruptedException {
        long begun = System.nanoTime();
        String region = region();
        HttpsTrust trust = trust();
        URI endpoint = settings.endpoint().orElseGet(() -> endpointOf(region));
        Ec2Client client = Ec2Client.builder()
                .region(Region.of(region))
                .endpointOverride(endpoint)
                .credentialsProvider(Credentials.of(aws.credentials()))
                .httpClient(
                        UrlConnectionHttpClient.create(new HttpsConnections(trust, CONNECT_TIMEOUT, SILENCE_TIMEOUT)))
                .overrideConfiguration(all -> all.retryStrategy(AwsRetryStrategy.doNotRetry()))
                .build();
        LOG.atInfo()
                .addKeyValue("endpoint", endpoint)
                .addKeyValue("region", region)
                .addKeyValue("millis", (System.nanoTime() - begun) / 1_000_000)
                .log("EC2 will be asked here");
        return new Access(client, endpoint);
    }

    private String region() throws Ec2Exception, InterruptedException {
        if (aws.region().isPresent()) {
            return aws.region().get();
        }
        try (InstanceMetadata metadata = new InstanceMetadata(InstanceMetadata.configuredAddress())) {
            return metadata.region();
        } catch (IOException e) {
            throw new Ec2Exception(
                    Kind.NOT_SENT,
                    "the region of this instance is not known: " + PeerText.line(String.valueOf(e.getMessage())),
                    "Set aws.region, or allow IMDSv2, in a container with a hop limit of 2.",
                    e);
        }
    }

    private HttpsTrust trust() throws Ec2Exception {
        try {
            return HttpsTrust.of(aws.caFile());
        } catch (IOException e) { // says which file of which key
            throw new Ec2Exception(Kind.NOT_SENT, String.valueOf(e.getMessage()), "Correct aws.ca-file.", e);
        }
    }

    private URI endpointOf(String region) {
        return Ec2EndpointProvider.defaultProvider()
                .resolveEndpoint(to ->
                        to.region(Region.of(region)).useFips(aws.useFips()).useDualStack(aws.useDualStack()))
                .join()
                .endpointUrl()
                .toUri();
    }

    /** Ends all calls that are under way; further ones fail. */
    @Override
    public void close() {
        threads.shutdownNow();
        lock.lock();
        try {
            if (access != null) {
                access.client().close();
            }
        } finally {
            lock.unlock();
        }
    }
}
