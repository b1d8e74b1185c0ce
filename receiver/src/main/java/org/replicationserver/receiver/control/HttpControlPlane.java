package org.replicationserver.receiver.control;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.aws.Credentials;
import org.replicationserver.receiver.aws.HttpsTrust;
import org.replicationserver.receiver.aws.RenewableCredentials;
import org.replicationserver.receiver.config.AwsSettings;
import org.replicationserver.receiver.config.ControlSettings;
import org.replicationserver.receiver.control.ControlPlaneException.Kind;
import org.replicationserver.receiver.log.PeerText;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.retries.StandardRetryStrategy;
import software.amazon.awssdk.retries.api.AcquireInitialTokenRequest;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.retries.api.RecordSuccessRequest;
import software.amazon.awssdk.retries.api.RefreshRetryTokenRequest;
import software.amazon.awssdk.retries.api.RefreshRetryTokenResponse;
import software.amazon.awssdk.retries.api.RetryStrategy;
import software.amazon.awssdk.retries.api.RetryToken;
import software.amazon.awssdk.retries.api.TokenAcquisitionFailedException;

/**
 * The control plane behind its HTTPS API. A call is made of attempts, whose pauses have full jitter; calls share a {@link Circuit}. Any
 * thread.
 */
public final class HttpControlPlane implements ControlPlane, SnapshotOperations {
    private static final Logger LOG = LoggerFactory.getLogger(HttpControlPlane.class);

    /** What is wrong with some of an answer is told as seldom as a failure. */
    private static final String MALFORMED_REQUESTS = "malformed requests";

    private static final Duration PAUSE_FIRST = Duration.ofMillis(100);
    private static final Duration PAUSE_THROTTLED_FIRST = Duration.ofSeconds(1);
    private static final Duration PAUSE_MAX = Duration.ofSeconds(20);
    private static final int WAIT_SECONDS_MAX = 20;

    private final ControlSettings settings;
    private final AwsSettings aws;
    private final SignedExchange exchanges;
    private final Circuit circuit;
    private final ToldFailures failures = new ToldFailures(System::nanoTime);
    private final RetryStrategy retries;
    private final AtomicReference<@Nullable ControlTarget> target = new AtomicReference<>();

    private HttpControlPlane(ControlSettings settings, AwsSettings aws, SignedExchange exchanges, Circuit circuit) {
        this.settings = settings;
        this.aws = aws;
        this.exchanges = exchanges;
        this.circuit = circuit;
        this.retries = StandardRetryStrategy.builder()
                .maxAttempts(settings.attemptsMax())
                .backoffStrategy(BackoffStrategy.exponentialDelay(PAUSE_FIRST, PAUSE_MAX))
                .throttlingBackoffStrategy(BackoffStrategy.exponentialDelay(PAUSE_THROTTLED_FIRST, PAUSE_MAX))
                .retryOnException(e -> e instanceof ControlPlaneException failure
                        && failure.kind().isTransient())
                .treatAsThrottling(e -> e instanceof ControlPlaneException failure && failure.kind() == Kind.THROTTLED)
                // Its budget of retries is for clients whose calls know nothing of each other; here the circuit is
                // that.
                .circuitBreakerEnabled(false)
                .build();
    }

    /**
     * Makes a client; nothing is asked of anybody yet.
     *
     * @throws IOException with a sentence for the operator when {@code aws.ca-file} cannot be used
     */
    public static HttpControlPlane open(ControlSettings settings, AwsSettings aws) throws IOException {
        return open(settings, aws, Credentials.of(aws.credentials()), Clock.systemUTC());
    }

    static HttpControlPlane open(
            ControlSettings settings, AwsSettings aws, RenewableCredentials credentials, Clock clock)
            throws IOException {
        Duration silence = settings.attemptTimeout().plusSeconds(WAIT_SECONDS_MAX);
        SignedExchange exchanges = new SignedExchange(
                settings, HttpsTrust.of(aws.caFile()), silence, credentials, aws.credentials(), clock);
        return new HttpControlPlane(
                settings, aws, exchanges, new Circuit(System::nanoTime, clock, RandomGenerator.getDefault()));
    }

    // --- operations

    @Override
    public @Nullable String knownReplicationServerId() {
        ControlTarget known = target.get();
        return known == null ? settings.replicationServerId().orElse(null) : known.replicationServerId();
    }

    @Override
    public String replicationServerId() throws ControlPlaneException, InterruptedException {
        return target().replicationServerId();
    }

    @Override
    public AssociationsAnswer describeAssociations(ReplicationServerInfo server, Duration timeout)
            throws ControlPlaneException, InterruptedException {
        String operation = "DescribeReplicationServerAssociationsForMgn";
        JsonObject answer =
                call(new Call(operation, new JsonObject().put("replicationServer", server.toJson())), timeout);
        try {
            return AssociationsAnswer.read(answer);
        } catch (MalformedException e) {
            throw malformed(operation, e);
        }
    }

    @Override
    public List<PolledCommand> getCommands(int waitSeconds, int commandsMax)
            throws ControlPlaneException, InterruptedException {
        Call call = poll(waitSeconds, commandsMax);
        // The answer to a failed attempt may have carried commands; a poll that waits would be answered with newer ones
        // first.
        JsonObject answer = call(call, poll(0, commandsMax), settings.callTimeout());
        try {
            return PolledCommand.readAll(answer);
        } catch (MalformedException e) {
            throw malformed(call.operation(), e);
        }
    }

    private static Call poll(int waitSeconds, int commandsMax) {
        JsonObject body = new JsonObject().put("waitSeconds", waitSeconds).put("maxCommands", commandsMax);
        return new Call("GetChannelCommandsForMgn", body, Duration.ofSeconds(waitSeconds));
    }

    private static ControlPlaneException malformed(String operation, MalformedException e) {
        LOG.atWarn()
                .addKeyValue("operation", operation)
                .addKeyValue("cause", e.getMessage())
                .log("answer of the control plane is malformed");
        return new ControlPlaneException(
                Kind.BAD_ANSWER,
                "the answer to " + operation + " is not as the API says: " + e.getMessage(),
                "Have the control plane answer as the control API says, or use versions of both that fit.");
    }

    @Override
    public void send(SentReport report) throws ControlPlaneException, InterruptedException {
        call(new Call(report.report().kind().operation(), report.toJson()), settings.callTimeout());
    }

    @Override
    public void sendProgress(String sourceServerId, Instant observed, JsonObject dataReplicationInfo)
            throws ControlPlaneException, InterruptedException {
        JsonObject body = new JsonObject()
                .put("observedDateTime", observed.toString())
                .put(Association.SOURCE_SERVER_ID, sourceServerId)
                .put("cause", "PERIODIC")
                .put("dataReplicationInfo", dataReplicationInfo);
        call(new Call(ReportKind.PROGRESS.operation(), body), settings.callTimeout());
    }

    @Override
    public void sendMetrics(ClientMetrics metrics) throws ControlPlaneException, InterruptedException {
        call(new Call("SendClientMetricsForMgn", metrics.toJson()), settings.callTimeout());
    }

    @Override
    public void sendLogs(ClientLogs logs) throws ControlPlaneException, InterruptedException {
        call(new Call("SendClientLogsForMgn", logs.toJson()), settings.callTimeout());
    }

    // --- snapshot groups

    /** Reads an answer. */
    private interface Reading<T> {
        T read(JsonMembers answer) throws MalformedException;
    }

    private <T> T ask(String operation, JsonObject body, Reading<T> reading)
            throws ControlPlaneException, InterruptedException {
        JsonObject answer = call(new Call(operation, body), settings.callTimeout());
        try {
            return reading.read(JsonMembers.of(answer));
        } catch (MalformedException e) {
            throw malformed(operation, e);
        }
    }

    @Override
    public SnapshotCredits snapshotCredits(String sourceServerId) throws ControlPlaneException, InterruptedException {
        JsonObject body = new JsonObject().put(Association.SOURCE_SERVER_ID, sourceServerId);
        return ask(
                "GetAgentSnapshotCreditsForMgn",
                body,
                answer -> new SnapshotCredits(
                        (int) answer.integer("credits", 0, WireForms.CREDITS_MAX),
                        answer.has("nextCreditDateTime") ? answer.instant("nextCreditDateTime") : null));
    }

    @Override
    public Map<String, String> startSnapshotGroup(String groupId, String sourceServerId)
            throws ControlPlaneException, InterruptedException {
        JsonObject body =
                new JsonObject().put("snapshotGroupId", groupId).put(Association.SOURCE_SERVER_ID, sourceServerId);
        return ask(
                "StartSnapshotGroupForMgn",
                body,
                answer -> answer.object("tags").textMembers(WireForms.TAGS_MAX, WireForms.TAG_CHARS_MAX));
    }

    @Override
    public List<SnapshotRequest> snapshotRequests() throws ControlPlaneException, InterruptedException {
        SnapshotRequestsAnswer said =
                ask("DescribeSnapshotRequestsForMgn", new JsonObject(), SnapshotRequestsAnswer::read);
        String mistake = said.mistake();
        if (mistake == null) {
            failures.ended(MALFORMED_REQUESTS);
        } else if (failures.tells(MALFORMED_REQUESTS, mistake)) {
            LOG.atWarn().addKeyValue("cause", mistake).log("requests for snapshots are malformed and not served");
        }
        return said.requests();
    }

    @Override
    public Map<String, String> deleteSnapshotRequests(List<String> requestIds)
            throws ControlPlaneException, InterruptedException {
        Map<String, String> failures = new LinkedHashMap<>();
        return ask(
                "BatchDeleteSnapshotRequestForMgn",
                new JsonObject().put("snapshotRequestIds", new JsonArray(requestIds)),
                answer -> {
                    answer.objects("failures", 0, WireForms.SNAPSHOT_REQUESTS_MAX, failure -> {
                        String why = failure.text("code", 1, PeerText.CHARS_MAX) + ": "
                                + PeerText.line(failure.text("message", 0, CommandResult.MESSAGE_CHARS_MAX));
                        return failures.put(
                                failure.text("snapshotRequestId", 1, PeerText.CHARS_MAX), PeerText.line(why));
                    });
                    return failures;
                });
    }

    @Override
    public boolean awaitAttempt(Duration atMost) throws InterruptedException {
        return circuit.awaitAttempt(atMost);
    }

    @Override
    public ControlPlaneStatus status() {
        return circuit.status();
    }

    @Override
    public void close() {
        exchanges.close();
    }

    // --- calls

    /**
     * What is called.
     *
     * @param body without the id of this server, which is added
     * @param waitTime for which the control plane is asked to wait before it answers
     */
    private record Call(String operation, JsonObject body, Duration waitTime) {
        Call(String operation, JsonObject body) {
            this(operation, body, Duration.ZERO);
        }

        /** Calls of which one is told for all. */
        String told() {
            return operation + " " + body.getString("sourceServerId", "");
        }
    }

    private JsonObject call(Call call, Duration timeout) throws ControlPlaneException, InterruptedException {
        return call(call, call, timeout);
    }

    /** @param again what is called instead in attempts after a failed one, and as the one call that an open circuit lets through */
    private JsonObject call(Call call, Call again, Duration timeout)
            throws ControlPlaneException, InterruptedException {
        Circuit.Permit permit = circuit.admit();
        boolean ended = false;
        try {
            JsonObject answer = attempts(call, again, permit, deadline(call, timeout));
            permit.answered();
            ended = true;
            if (failures.ended(call.told())) {
                LOG.atInfo().addKeyValue("operation", call.operation()).log("control call succeeds again");
            }
            return answer;
        } catch (ControlPlaneException e) {
            if (e.kind() != Kind.CLOSED) {
                tell(call, permit, e);
                permit.failed(e);
                ended = true;
            }
            throw e;
        } finally {
            if (!ended) {
                permit.abandoned();
            }
        }
    }

    /** What the circuit tells by itself is not told again for each probe, nor one failure for each call. */
    private void tell(Call call, Circuit.Permit permit, ControlPlaneException failure) {
        String requestId = failure.requestId().orElse(null);
        if (permit.isProbe() || !failures.tells(call.told(), failure.sentence())) {
            LOG.atDebug()
                    .setCause(failure)
                    .addKeyValue("operation", call.operation())
                    .addKeyValue("requestId", requestId)
                    .log("control call failed");
        } else {
            LOG.atWarn()
                    .addKeyValue("operation", call.operation())
                    .addKeyValue("kind", failure.kind())
                    .addKeyValue("requestId", requestId)
                    .addKeyValue("cause", failure.sentence())
                    .addKeyValue("nextAction", failure.nextAction())
                    .log("control call failed");
        }
    }

    private long deadline(Call call, Duration timeout) {
        Duration shorter = timeout.compareTo(settings.callTimeout()) < 0 ? timeout : settings.callTimeout();
        return System.nanoTime() + shorter.plus(call.waitTime()).toNanos();
    }

    private JsonObject attempts(Call usual, Call again, Circuit.Permit permit, long deadlineNanos)
            throws ControlPlaneException, InterruptedException {
        int attemptsMax = permit.isProbe() ? 1 : settings.attemptsMax();
        ControlTarget to = target();
        String invocationId = UUID.randomUUID().toString();
        RetryToken token = retries.acquireInitialToken(AcquireInitialTokenRequest.create(usual.operation()))
                .token();
        for (int attempt = 1; ; attempt++) {
            Call call = attempt == 1 && !permit.isProbe() ? usual : again;
            String body = call.body()
                    .copy()
                    .put("replicationServerId", to.replicationServerId())
                    .encode();
            SignedExchange.Request request =
                    new SignedExchange.Request(call.operation(), body, invocationId, attempt, attemptsMax);
            try {
                JsonObject answer = attempt(to, request, call.waitTime(), deadlineNanos);
                retries.recordSuccess(RecordSuccessRequest.create(token));
                return answer;
            } catch (ControlPlaneException e) {
                permit.told(e);
                if (e.kind() == Kind.REFUSED_CREDENTIALS) {
                    exchanges.credentialsRefused();
                }
                if (attempt >= attemptsMax) {
                    throw e;
                }
                token = pauseBeforeNext(token, e, deadlineNanos);
            }
        }
    }

    private JsonObject attempt(ControlTarget to, SignedExchange.Request request, Duration wait, long deadlineNanos)
            throws ControlPlaneException, InterruptedException {
        long begun = System.nanoTime();
        Duration left = Duration.ofNanos(deadlineNanos - begun);
        Duration whole = settings.attemptTimeout().plus(wait);
        HttpAnswer answer = exchanges.exchange(to, request, whole.compareTo(left) < 0 ? whole : left);
        LOG.atDebug()
                .addKeyValue("operation", request.operation())
                .addKeyValue("attempt", request.attempt())
                .addKeyValue("status", answer.status())
                .addKeyValue("requestId", answer.requestId().orElse(null))
                .addKeyValue("millis", (System.nanoTime() - begun) / 1_000_000)
                .log("control call answered");
        return answer.content();
    }

    /** Throws the failure itself if it is not worth another attempt, or if there is no time for one. */
    private RetryToken pauseBeforeNext(RetryToken token, ControlPlaneException failure, long deadlineNanos)
            throws ControlPlaneException, InterruptedException {
        RefreshRetryTokenRequest refresh = RefreshRetryTokenRequest.builder()
                .token(token)
                .failure(failure)
                .suggestedDelay(Duration.ZERO)
                .build();
        try {
            RefreshRetryTokenResponse refreshed = retries.refreshRetryToken(refresh);
            Duration delay = longer(refreshed.delay(), circuit.asked());
            // What the control plane asks of another call meanwhile holds for this one as well.
            while (delay.isPositive()) {
                boolean hasTime = System.nanoTime() + delay.toNanos() - deadlineNanos < 0;
                if (delay.compareTo(PAUSE_MAX) > 0 || !hasTime) {
                    throw failure;
                }
                Thread.sleep(delay);
                delay = circuit.asked();
            }
            return refreshed.token();
        } catch (TokenAcquisitionFailedException e) {
            throw failure;
        }
    }

    private static Duration longer(Duration a, Duration b) {
        return a.compareTo(b) >= 0 ? a : b;
    }

    private ControlTarget target() throws ControlPlaneException, InterruptedException {
        ControlTarget known = target.get();
        if (known != null) {
            return known;
        }
        ControlTarget resolved = ControlTarget.resolve(settings, aws);
        if (target.compareAndSet(null, resolved)) {
            LOG.atInfo()
                    .addKeyValue("endpoint", resolved.endpoint())
                    .addKeyValue("region", resolved.region())
                    .addKeyValue("replicationServerId", resolved.replicationServerId())
                    .log("control plane will be asked here");
        }
        return resolved;
    }
}
