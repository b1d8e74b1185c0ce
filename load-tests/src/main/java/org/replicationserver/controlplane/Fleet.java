package org.replicationserver.controlplane;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.replicationserver.controlplane.CommandQueue.Delivery;
import org.replicationserver.controlplane.CommandQueue.Poll;

/**
 * The replication servers and source servers that a control plane knows, and what it was told of them. Any thread.
 *
 * <p>A replication server is known as soon as it has sent anything, a source server as soon as its agent is registered. All is kept
 * in memory only, and of what may go on for ever the newest.
 */
public final class Fleet {
    private static final int SERVERS_MAX = 1024;
    private static final int SOURCES_MAX = 4096;
    private static final int ASSOCIATIONS_MAX = 64;
    private static final int MESSAGES_MAX = 50_000;
    private static final int TELEMETRY_MAX = 10_000;
    private static final int IRREGULARITIES_MAX = 10_000;
    private static final long CHARS_MAX = 32L * 1024 * 1024;

    private final InstantSource clock;
    private final ContractChecker checker;

    // under the lock of this
    private final Map<String, SimulatedServer> servers = new LinkedHashMap<>();
    private final Map<String, SimulatedSource> sources = new LinkedHashMap<>();
    private final SnapshotDesk snapshots = new SnapshotDesk();
    private final BoundedLog<ReceivedMessage> messages = new BoundedLog<>(MESSAGES_MAX, CHARS_MAX);
    private final BoundedLog<JsonObject> logs = new BoundedLog<>(TELEMETRY_MAX, CHARS_MAX);
    private final BoundedLog<JsonObject> metrics = new BoundedLog<>(TELEMETRY_MAX, CHARS_MAX);
    private final BoundedLog<Irregularity> irregularities = new BoundedLog<>(IRREGULARITIES_MAX, CHARS_MAX);
    private long commandNumber;
    private long periodicProgress;

    Fleet(InstantSource clock, ContractChecker checker) {
        this.clock = clock;
        this.checker = checker;
    }

    // What tests and operators do.

    /** Registers an agent's key, beside those that are known, and its disks. A replication server that serves it is told of a new pin. */
    public synchronized void registerAgent(String sourceServerId, String agentPin, List<SourceDisk> disks) {
        requireForm(
                "RegisterAgentRequest",
                new JsonObject()
                        .put("sourceServerId", sourceServerId)
                        .put("agentPin", agentPin)
                        .put(
                                "disks",
                                new JsonArray(
                                        disks.stream().map(SourceDisk::toJson).toList())));
        SimulatedSource source = sources.computeIfAbsent(sourceServerId, id -> {
            requireRoom("source servers", sources.size(), SOURCES_MAX);
            return new SimulatedSource(id);
        });
        String serverId = source.serverId();
        if (serverId != null) {
            server(serverId).commands().requireRoom(1);
        }
        if (source.register(agentPin, disks)) {
            pair(source);
        }
    }

    /**
     * An agent has called RegisterAgentForMgn. One with another key than is known is refused: it may be another machine's; an operator lets
     * it in by {@link #registerAgent}.
     */
    synchronized void agentCame(String sourceServerId, String agentPin, List<SourceDisk> disks) throws ApiException {
        SimulatedSource known = sources.get(sourceServerId);
        if (known != null && !known.knowsPin(agentPin)) {
            throw new ApiException(
                    ErrorCode.CONFLICT,
                    "source server " + sourceServerId + " has an agent with another key than " + agentPin
                            + "; stop that one or choose another id, or have the operator of the control plane register this key too");
        }
        registerAgent(sourceServerId, agentPin, disks);
    }

    /** Whether a replication server has ever sent anything. */
    synchronized boolean knowsReplicationServer(String replicationServerId) {
        return servers.containsKey(replicationServerId);
    }

    /**
     * Gives a source server to a replication server, or changes what it was given. The one that had it before is told to unpair; the
     * record that was last reported goes along, but of volumes that are fresh.
     *
     * @return the id of the command that tells the replication server
     * @throws IllegalArgumentException if it is not as the document says, or names a disk that is not registered
     */
    public synchronized String assign(String sourceServerId, String replicationServerId, List<VolumeTarget> volumes) {
        SimulatedSource source = source(sourceServerId);
        String before = source.serverId();
        SimulatedServer server = server(replicationServerId);
        if (!source.isServedBy(replicationServerId)) {
            requireRoom(
                    "source servers of " + replicationServerId,
                    sourcesOf(server.id()).size(),
                    ASSOCIATIONS_MAX);
        }
        source.disksOf(volumes).forEach(disk -> requireForm("AssignedDisk", disk));
        server.commands().requireRoom(1);
        if (before != null && !before.equals(replicationServerId)) {
            server(before).commands().requireRoom(1);
        }
        source.assign(replicationServerId, volumes);
        if (before != null && !before.equals(replicationServerId)) {
            enqueue(
                    server(before),
                    new JsonObject().put("type", "UNPAIR_SOURCE_SERVER").put("sourceServerId", sourceServerId));
        }
        return pair(source);
    }

    /** Gives a source server with the volumes that it has to another replication server, as when that is replaced. */
    public synchronized String move(String sourceServerId, String replicationServerId) {
        List<VolumeTarget> volumes = source(sourceServerId).targets().stream()
                .map(VolumeTarget::used)
                .toList();
        return assign(sourceServerId, replicationServerId, volumes);
    }

    private String pair(SimulatedSource source) {
        String serverId = source.serverId();
        JsonObject command = new JsonObject()
                .put("type", "PAIR_SOURCE_SERVER")
                .put("sourceServerId", source.id())
                .put("parameters", new JsonObject().put("association", source.association()));
        String commandId = nextCommandId();
        source.pairing(commandId);
        return enqueue(server(String.valueOf(serverId)), command.put("commandId", commandId));
    }

    /**
     * Sends a command. Those that change what is wanted of a source server, its bandwidth or its association change the control
     * plane's mind too: what is answered to DescribeReplicationServerAssociationsForMgn is the new.
     *
     * @param command without a commandId one is drawn
     * @return its id
     * @throws IllegalArgumentException if it is not as the document says
     */
    public synchronized String issue(String replicationServerId, JsonObject command) {
        JsonObject complete = withId(command);
        requireForm("Command", complete);
        CommandQueue commands = server(replicationServerId).commands();
        commands.requireRoom(1);
        requireNew(complete.getString("commandId"));
        String type = complete.getString("type");
        String sourceServerId = complete.getString("sourceServerId");
        JsonObject parameters = complete.getJsonObject("parameters", new JsonObject());
        if (sourceServerId == null) {
            if (type.equals("SET_BANDWIDTH")) {
                server(replicationServerId).limit(parameters.getJsonObject("bandwidth"));
            }
        } else {
            SimulatedSource source = source(sourceServerId);
            switch (type) {
                case "START_REPLICATION", "RESUME_REPLICATION" -> source.want("STARTED");
                case "PAUSE_REPLICATION" -> source.want("PAUSED");
                case "STOP_REPLICATION" -> source.want("STOPPED");
                case "SET_BANDWIDTH" -> source.limit(parameters.getJsonObject("bandwidth"));
                case "UNPAIR_SOURCE_SERVER" -> source.unassign();
                default -> {}
            }
        }
        return enqueue(server(replicationServerId), complete);
    }

    /** Sends a command that needs no parameters. */
    public String issue(String replicationServerId, String type, @Nullable String sourceServerId) {
        JsonObject command = new JsonObject().put("type", type);
        return issue(
                replicationServerId, sourceServerId == null ? command : command.put("sourceServerId", sourceServerId));
    }

    /** Sends a command that may be anything with a commandId, to see what becomes of it. */
    public synchronized String issueUnchecked(String replicationServerId, JsonObject command) {
        return enqueue(server(replicationServerId), withId(command), false);
    }

    /** Where agents shall find a replication server; unless told, where it calls from. */
    public synchronized void setAddress(String replicationServerId, String address) {
        server(replicationServerId).setAddress(address);
    }

    /** Asks for a snapshot of a source server; the id of the request. */
    public synchronized String requestSnapshot(String sourceServerId) {
        return snapshots.request(source(sourceServerId).id(), clock.instant());
    }

    /** How many groups of the source server may be announced from now on. */
    public synchronized void setSnapshotCredits(String sourceServerId, int credits) {
        snapshots.setCredits(sourceServerId, credits);
    }

    // What tests and operators see.

    public synchronized List<ReplicationServerView> replicationServers() {
        return servers.values().stream()
                .map(server -> server.view(sourcesOf(server.id())))
                .toList();
    }

    /** Of one that is known, or never seen. */
    public synchronized ReplicationServerView replicationServer(String replicationServerId) {
        return server(replicationServerId).view(sourcesOf(replicationServerId));
    }

    public synchronized List<SourceServerView> sourceServers() {
        return sources.values().stream().map(SimulatedSource::view).toList();
    }

    /**
     * Of one that is known.
     *
     * @throws NoSuchElementException if it is not
     */
    public synchronized SourceServerView sourceServer(String sourceServerId) {
        return source(sourceServerId).view();
    }

    /**
     * A command and what became of it.
     *
     * @throws NoSuchElementException if there is none, or it was finished long ago
     */
    public synchronized CommandView command(String commandId) {
        return servers.values().stream()
                .flatMap(server -> Stream.ofNullable(server.commands().view(commandId)))
                .findFirst()
                .orElseThrow(() -> new NoSuchElementException("command " + commandId));
    }

    /** Ids of groups that were announced, in that order. */
    public synchronized List<String> announcedSnapshotGroups() {
        return snapshots.announced();
    }

    /** Ids of requests for snapshots that are not cleared. */
    public synchronized List<String> snapshotRequests() {
        return snapshots.requestIds();
    }

    /** Those to one replication server: first those that have no result. */
    public synchronized List<CommandView> commands(String replicationServerId) {
        return server(replicationServerId).commands().views();
    }

    /** The durable messages that were taken, in the order taken, each once. */
    public synchronized List<ReceivedMessage> messages() {
        return messages.newest();
    }

    /** How many durable messages were taken ever. */
    public synchronized long messagesTotal() {
        return messages.total();
    }

    /** What was unusual in their order. */
    public synchronized List<Irregularity> irregularities() {
        return irregularities.newest();
    }

    /** How often periodic progress came. */
    public synchronized long periodicProgressTotal() {
        return periodicProgress;
    }

    /** Records of SendClientLogsForMgn, with the member replicationServerId; must not be changed. */
    public synchronized List<JsonObject> logs() {
        return logs.newest();
    }

    /** Samples of SendClientMetricsForMgn, with the members replicationServerId and sampledDateTime; must not be changed. */
    public synchronized List<JsonObject> metrics() {
        return metrics.newest();
    }

    /** The groups that were registered, as they were told, without the member event. */
    public synchronized List<JsonObject> snapshotGroups() {
        return snapshots.groups();
    }

    // What the operations do.

    synchronized void seen(String replicationServerId) {
        server(replicationServerId).seen(clock.instant());
    }

    synchronized JsonObject associations(JsonObject request, String remoteAddress) {
        SimulatedServer server = server(request.getString("replicationServerId"));
        server.introduce(request.getJsonObject("replicationServer"));
        server.calledFrom(remoteAddress);
        JsonArray associations = new JsonArray();
        sourcesOf(server.id()).forEach(id -> associations.add(source(id).association()));
        JsonObject answer = new JsonObject().put("associations", associations);
        JsonObject bandwidth = server.bandwidth();
        return bandwidth == null ? answer : answer.put("bandwidth", bandwidth);
    }

    synchronized Poll poll(String replicationServerId, boolean wait, int commandsMax, Consumer<List<Delivery>> answer) {
        return server(replicationServerId).commands().poll(wait, commandsMax, answer);
    }

    synchronized void end(Poll poll) {
        server(poll.replicationServerId()).commands().end(poll);
    }

    synchronized void cancel(Poll poll) {
        server(poll.replicationServerId()).commands().cancel(poll);
    }

    /** Takes a durable message, and each only once. */
    synchronized void take(String operation, JsonObject request) throws ApiException {
        SimulatedServer server = server(request.getString("replicationServerId"));
        JsonObject event = request.getJsonObject("event");
        String outboxId = event.getString("outboxId");
        long sequence = event.getLong("sequence");
        String content = operation + request.encode();
        boolean first = server.inbox(outboxId)
                .take(sequence, content.hashCode(), (kind, text) -> irregular(server, outboxId, kind, text));
        // Only now: a message that is refused has its place in the order too.
        requireKnown(server, operation, request);
        if (first) {
            messages.add(
                    new ReceivedMessage(clock.instant(), operation, server.id(), outboxId, sequence, request),
                    content.length());
            apply(server, operation, request);
        }
    }

    private void requireKnown(SimulatedServer server, String operation, JsonObject request) throws ApiException {
        if (operation.equals("SendChannelCommandResultForMgn")) {
            String commandId = request.getString("commandId");
            if (server.commands().view(commandId) == null) {
                throw notFound("command " + commandId + " to " + server.id());
            }
        } else {
            requireSource(request.getString("sourceServerId"));
        }
        if (operation.equals("BatchCreateVolumeSnapshotGroupForMgn")) {
            snapshots.register(request);
        }
    }

    private void apply(SimulatedServer server, String operation, JsonObject request) {
        switch (operation) {
            case "SendChannelCommandResultForMgn" -> finish(server, request);
            case "NotifyAgentReplicationProgressForMgn" -> progress(server, request);
            case "UpdateAgentReplicationProcessStateForMgn" -> stateChanged(server, request);
            default -> {}
        }
    }

    private void finish(SimulatedServer server, JsonObject result) {
        String commandId = result.getString("commandId");
        if (!server.commands().isOpen(commandId)) {
            return;
        }
        JsonObject command = server.commands().finish(commandId, result);
        boolean succeeded = result.getString("status").equals("SUCCEEDED");
        JsonObject output = result.getJsonObject("output", new JsonObject());
        if (succeeded && output.containsKey("replicationServer")) {
            server.introduce(output.getJsonObject("replicationServer"));
        }
        SimulatedSource source =
                command == null ? null : sources.get(String.valueOf(command.getValue("sourceServerId")));
        if (source != null) {
            source.pairingAnswered(commandId, succeeded);
        }
    }

    private void progress(SimulatedServer server, JsonObject request) {
        SimulatedSource source = source(request.getString("sourceServerId"));
        if (!source.isServedBy(server.id())) {
            return;
        }
        source.progress(observedAt(request), request.getJsonObject("dataReplicationInfo"));
        if (request.containsKey("record")) {
            source.report(request.getJsonObject("record"));
        }
    }

    private void stateChanged(SimulatedServer server, JsonObject request) {
        SimulatedSource source = source(request.getString("sourceServerId"));
        JsonObject info = request.getJsonObject("dataReplicationInfo");
        String previous = request.getString("previousState");
        String told = source.lastStateBy(server.id());
        if (told != null && !told.equals(previous)) {
            irregular(
                    server,
                    request.getJsonObject("event").getString("outboxId"),
                    Irregularity.Kind.STATE,
                    source.id() + ": from " + previous + ", told before: " + told);
        }
        source.changed(new StateChange(
                observedAt(request), server.id(), previous, info.getString("dataReplicationState"), info));
        if (source.isServedBy(server.id())) {
            source.progress(observedAt(request), info);
        }
    }

    private static Instant observedAt(JsonObject request) {
        JsonObject event = request.getJsonObject("event", request);
        return Instant.parse(event.getString("observedDateTime"));
    }

    private void irregular(SimulatedServer server, String outboxId, Irregularity.Kind kind, String text) {
        irregularities.add(new Irregularity(clock.instant(), server.id(), outboxId, kind, text), text.length());
    }

    synchronized void periodicProgress(JsonObject request) throws ApiException {
        requireSource(request.getString("sourceServerId"));
        periodicProgress++;
        progress(server(request.getString("replicationServerId")), request);
    }

    synchronized void takeMetrics(JsonObject request) {
        addAll(metrics, request, "metrics", "sampledDateTime");
    }

    synchronized void takeLogs(JsonObject request) {
        addAll(logs, request, "records", "dropped");
    }

    private static void addAll(BoundedLog<JsonObject> log, JsonObject request, String list, String also) {
        for (Object entry : request.getJsonArray(list)) {
            JsonObject value = ((JsonObject) entry)
                    .put("replicationServerId", request.getString("replicationServerId"))
                    .put(also, request.getValue(also));
            log.add(value, value.encode().length());
        }
    }

    synchronized JsonObject agentConfiguration(String sourceServerId) throws ApiException {
        SimulatedSource source = requireSource(sourceServerId);
        JsonObject answer = new JsonObject().put("desiredState", source.desiredState());
        String serverId = source.serverId();
        JsonObject server =
                serverId != null && source.isPaired() ? server(serverId).forAgents() : null;
        return server == null ? answer : answer.put("replicationServer", server);
    }

    synchronized JsonObject snapshotCredits(JsonObject request) throws ApiException {
        String sourceServerId =
                requireSource(request.getString("sourceServerId")).id();
        return new JsonObject().put("credits", snapshots.credits(sourceServerId));
    }

    synchronized JsonObject startSnapshotGroup(JsonObject request) throws ApiException {
        String sourceServerId =
                requireSource(request.getString("sourceServerId")).id();
        return new JsonObject().put("tags", snapshots.start(request.getString("snapshotGroupId"), sourceServerId));
    }

    synchronized JsonObject snapshotRequests(JsonObject request) {
        return new JsonObject()
                .put("requests", snapshots.requests(sourcesOf(request.getString("replicationServerId"))));
    }

    synchronized JsonObject deleteSnapshotRequests(JsonObject request) {
        List<String> served = sourcesOf(request.getString("replicationServerId"));
        JsonArray failures = new JsonArray();
        for (Object entry : request.getJsonArray("snapshotRequestIds")) {
            String requestId = (String) entry;
            String failure = snapshots.delete(requestId, served);
            if (failure != null) {
                failures.add(new JsonObject()
                        .put("snapshotRequestId", requestId)
                        .put("code", ErrorCode.CONFLICT.code())
                        .put("message", failure));
            }
        }
        return new JsonObject().put("failures", failures);
    }

    private SimulatedServer server(String id) {
        SimulatedServer known = servers.get(id);
        if (known != null) {
            return known;
        }
        requireForm("ReplicationServerId", id);
        requireRoom("replication servers", servers.size(), SERVERS_MAX);
        SimulatedServer server = new SimulatedServer(id, clock.instant());
        servers.put(id, server);
        return server;
    }

    private SimulatedSource source(String id) {
        SimulatedSource known = sources.get(id);
        if (known == null) {
            throw new NoSuchElementException("source server " + id);
        }
        return known;
    }

    private SimulatedSource requireSource(String id) throws ApiException {
        SimulatedSource known = sources.get(id);
        if (known == null) {
            throw notFound("source server " + id);
        }
        return known;
    }

    private static ApiException notFound(String what) {
        return new ApiException(ErrorCode.RESOURCE_NOT_FOUND, "there is no " + what);
    }

    private List<String> sourcesOf(String replicationServerId) {
        List<String> ids = new ArrayList<>();
        for (SimulatedSource source : sources.values()) {
            if (source.isServedBy(replicationServerId)) {
                ids.add(source.id());
            }
        }
        return ids;
    }

    private String nextCommandId() {
        String next;
        do {
            next = "c-" + ++commandNumber;
        } while (isKnown(next)); // an operator may have taken one of these
        return next;
    }

    /** Refuses an id that another command has, whichever server that is for. */
    private void requireNew(String commandId) {
        if (isKnown(commandId)) {
            throw new IllegalArgumentException("commandId: " + commandId + " is taken; allowed: a new one");
        }
    }

    private boolean isKnown(String commandId) {
        return servers.values().stream().anyMatch(server -> server.commands().knows(commandId));
    }

    private JsonObject withId(JsonObject command) {
        JsonObject complete = command.copy();
        return complete.containsKey("commandId") ? complete : complete.put("commandId", nextCommandId());
    }

    private String enqueue(SimulatedServer server, JsonObject command) {
        return enqueue(server, command, true);
    }

    private String enqueue(SimulatedServer server, JsonObject command, boolean checked) {
        JsonObject complete = withId(command);
        String commandId = String.valueOf(complete.getValue("commandId"));
        requireNew(commandId);
        server.commands().add(commandId, complete, checked);
        return commandId;
    }

    private void requireForm(String schema, Object value) {
        List<ContractViolation> violations = checker.checkSchema(schema, value);
        if (!violations.isEmpty()) {
            throw new IllegalArgumentException(violations.toString());
        }
    }

    private static void requireRoom(String what, int number, int max) {
        if (number >= max) {
            throw new IllegalStateException(what + ": " + number + " already; allowed: " + max);
        }
    }
}
