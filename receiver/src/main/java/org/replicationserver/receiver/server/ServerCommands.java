package org.replicationserver.receiver.server;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.control.Association;
import org.replicationserver.receiver.control.AssociationLoop;
import org.replicationserver.receiver.control.Associations;
import org.replicationserver.receiver.control.ChannelCommand;
import org.replicationserver.receiver.control.CommandHandlers;
import org.replicationserver.receiver.control.CommandParameters;
import org.replicationserver.receiver.control.CommandResult;
import org.replicationserver.receiver.control.CommandType;
import org.replicationserver.receiver.control.ControlPlane;
import org.replicationserver.receiver.control.LogDelivery;
import org.replicationserver.receiver.control.ReplicationServerInfo;
import org.replicationserver.receiver.log.RecentLogs;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.session.VolumeHost;
import org.replicationserver.receiver.session.VolumeHost.Availability;
import org.replicationserver.receiver.software.SoftwareException;
import org.replicationserver.receiver.software.SoftwareService;

/**
 * What commands of the control plane do. Its methods are called on the threads of commands; what they change, they change on the event
 * loop.
 *
 * <p>All are idempotent: a command that asks for what is already so succeeds.
 */
final class ServerCommands {
    /** For what is done at once. */
    private static final Duration QUICK = Duration.ofSeconds(30);

    /** For what waits for a device, or for agents to finish. */
    private static final Duration PATIENT = Duration.ofMinutes(5);

    /** What an outage may take until log records that were asked for are given up. */
    private static final Duration LOGS_PATIENCE = Duration.ofMinutes(2);

    private final Sessions sessions;
    private final AssignedSources assigned;
    private final VolumeHost volumes;
    private final AssociationLoop associations;
    private final SnapshotLink snapshots;
    private final LogDelivery logs;
    private final Supplier<ReplicationServerInfo> server;
    private final Supplier<CompletionStage<Void>> drain;
    private final SoftwareService software;
    private final Executor eventLoop;

    /** @param drain asks all agents to finish; done when no session is left. Event loop */
    ServerCommands(
            Sessions sessions,
            AssignedSources assigned,
            VolumeHost volumes,
            AssociationLoop associations,
            SnapshotLink snapshots,
            ControlPlane controlPlane,
            RecentLogs recentLogs,
            Supplier<ReplicationServerInfo> server,
            Supplier<CompletionStage<Void>> drain,
            SoftwareService software,
            Executor eventLoop) {
        this.sessions = sessions;
        this.assigned = assigned;
        this.volumes = volumes;
        this.associations = associations;
        this.snapshots = snapshots;
        this.logs = new LogDelivery(controlPlane, recentLogs, LOGS_PATIENCE);
        this.server = server;
        this.drain = drain;
        this.software = software;
        this.eventLoop = eventLoop;
    }

    /** The types that are missing here are answered NOT_SUPPORTED. */
    CommandHandlers handlers() {
        return CommandHandlers.builder()
                .on(CommandType.PAIR_SOURCE_SERVER, PATIENT, this::pair)
                .on(CommandType.UNPAIR_SOURCE_SERVER, PATIENT, this::unpair)
                .on(CommandType.START_REPLICATION, QUICK, command -> want(command, DesiredState.STARTED))
                .on(CommandType.RESUME_REPLICATION, QUICK, command -> want(command, DesiredState.STARTED))
                .on(CommandType.PAUSE_REPLICATION, QUICK, command -> want(command, DesiredState.PAUSED))
                .on(CommandType.STOP_REPLICATION, QUICK, command -> want(command, DesiredState.STOPPED))
                .on(CommandType.RESCAN_VOLUMES, QUICK, this::rescan)
                .on(CommandType.SET_BANDWIDTH, QUICK, this::setBandwidth)
                .on(CommandType.CREATE_SNAPSHOT, snapshots.commandTimeout(), snapshots::create)
                .on(CommandType.FETCH_SOFTWARE, software.fetchTimeout(), this::fetchSoftware)
                .on(CommandType.REOPEN_VOLUME, PATIENT, this::reopen)
                .on(CommandType.ACCEPT_AGENTS, QUICK, this::acceptAgents)
                .on(CommandType.COLLECT_LOGS, PATIENT, this::collectLogs)
                .on(CommandType.DRAIN_SERVER, PATIENT, command -> drain())
                .build();
    }

    private <T> CompletionStage<T> onEventLoop(Supplier<CompletionStage<T>> task) {
        return CompletableFuture.supplyAsync(task, eventLoop).thenCompose(result -> result);
    }

    static String sourceOf(ChannelCommand command) {
        String id = command.sourceServerId();
        if (id == null) {
            throw new IllegalStateException("a command about a source server without one: " + command);
        }
        return id;
    }

    private static CommandResult notAssigned(String sourceServerId) {
        return CommandResult.invalid("source server " + sourceServerId + " is not assigned to this server");
    }

    // --- associations

    private CompletionStage<CommandResult> pair(ChannelCommand command) {
        Association association = ((CommandParameters.Pairing) command.parameters()).association();
        String id = association.sourceServerId();
        return onEventLoop(() -> CompletableFuture.completedStage(Optional.ofNullable(sessions.closedBecause())))
                .thenCompose(closed -> closed.isPresent()
                        ? CompletableFuture.completedStage(CommandResult.failed("not paired: " + closed.get()))
                        : pair(association, id));
    }

    private CompletionStage<CommandResult> pair(Association association, String id) {
        return associations.edit(known -> with(known, association)).thenCompose(taken -> {
            String refusal = taken.refusals().get(id);
            if (refusal != null) {
                boolean stays = taken.associations().of(id) != null;
                return CompletableFuture.completedStage(CommandResult.failed("the association is not taken: " + refusal
                        + (stays ? "; what was assigned before stays" : "")));
            }
            return onEventLoop(() -> sessions.whenChanged(id).thenApply(done -> paired(id)));
        });
    }

    private CommandResult paired(String sourceServerId) {
        SourceAssignment assignment = assigned.assignmentOf(sourceServerId);
        if (assignment == null) {
            return CommandResult.failed("the association was taken, and taken away again meanwhile");
        }
        List<String> closed = new ArrayList<>();
        for (VolumeAssignment volume : assignment.volumes()) {
            if (volumes.find(volume.volumeId()) instanceof Availability.Unavailable none) {
                closed.add(volume.volumeId() + ": " + none.reason());
            }
        }
        String message =
                closed.isEmpty() ? "paired, all volumes are open" : "paired; not open are " + String.join(", ", closed);
        return CommandResult.succeeded(
                message, new JsonObject().put("replicationServer", server.get().toJson()));
    }

    private static Associations with(Associations known, Association association) {
        List<Association> changed = new ArrayList<>(without(known, association.sourceServerId()));
        changed.add(association);
        return new Associations(changed, known.bandwidth());
    }

    private static List<Association> without(Associations known, String sourceServerId) {
        return known.associations().stream()
                .filter(other -> !other.sourceServerId().equals(sourceServerId))
                .toList();
    }

    private CompletionStage<CommandResult> unpair(ChannelCommand command) {
        String id = sourceOf(command);
        return associations
                .edit(known -> new Associations(without(known, id), known.bandwidth()))
                .thenCompose(taken -> onEventLoop(() -> sessions.whenChanged(id)))
                .thenApply(changed -> CommandResult.succeeded("unpaired, its volumes are closed"));
    }

    private CompletionStage<CommandResult> want(ChannelCommand command, DesiredState wanted) {
        String id = sourceOf(command);
        return change(
                        id,
                        known -> new Association(
                                known.sourceServerId(),
                                known.agentPins(),
                                wanted,
                                known.bandwidth(),
                                known.disks(),
                                known.record()))
                .thenApply(known -> known ? CommandResult.succeeded("replication is " + wanted) : notAssigned(id));
    }

    private CompletionStage<CommandResult> setBandwidth(ChannelCommand command) {
        BandwidthSchedule bandwidth = ((CommandParameters.NewBandwidth) command.parameters()).bandwidth();
        String id = command.sourceServerId();
        if (id == null) {
            return associations
                    .edit(known -> new Associations(known.associations(), bandwidth))
                    // Also where somebody has set another one by hand since.
                    .thenRunAsync(() -> sessions.setServerBandwidth(bandwidth), eventLoop)
                    .thenApply(set -> CommandResult.succeeded("the bandwidth of this server is " + inWords(bandwidth)));
        }
        return change(
                        id,
                        known -> new Association(
                                known.sourceServerId(),
                                known.agentPins(),
                                known.desiredState(),
                                bandwidth,
                                known.disks(),
                                known.record()))
                // Also where somebody has set another one by hand since.
                .thenCompose(known ->
                        known ? onEventLoop(() -> limit(id, bandwidth)) : CompletableFuture.completedStage(false))
                .thenApply(set -> set
                        ? CommandResult.succeeded("the bandwidth of this source server is " + inWords(bandwidth))
                        : notAssigned(id));
    }

    private static String inWords(BandwidthSchedule bandwidth) {
        String plain = bandwidth.mbps() == 0 ? "not limited" : "limited to " + bandwidth.mbps() + " Mbps";
        int entries = bandwidth.entries().size();
        return entries == 0
                ? plain
                : plain + " outside the " + entries + (entries == 1 ? " entry" : " entries") + " of its schedule";
    }

    /** At once; a source server that has only just come has its place when its record is read. */
    private CompletionStage<Boolean> limit(String sourceServerId, BandwidthSchedule bandwidth) {
        return sessions.setBandwidth(sourceServerId, bandwidth)
                ? CompletableFuture.completedStage(true)
                : sessions.whenChanged(sourceServerId)
                        .thenApply(changed -> sessions.setBandwidth(sourceServerId, bandwidth));
    }

    /** Changes an association; false if there is none of that source server. */
    private CompletionStage<Boolean> change(String sourceServerId, UnaryOperator<Association> change) {
        return associations
                .edit(all -> {
                    Association before = all.of(sourceServerId);
                    return before == null ? all : replaced(all, change.apply(before));
                })
                .thenApply(taken -> taken.associations().of(sourceServerId) != null);
    }

    private static Associations replaced(Associations all, Association changed) {
        return new Associations(
                all.associations().stream()
                        .map(other -> other.sourceServerId().equals(changed.sourceServerId()) ? changed : other)
                        .toList(),
                all.bandwidth());
    }

    // --- volumes and agents

    private CompletionStage<CommandResult> rescan(ChannelCommand command) {
        String id = sourceOf(command);
        Set<String> wanted = new HashSet<>(((CommandParameters.Volumes) command.parameters()).volumeIds());
        return onEventLoop(() -> {
            Set<String> known = volumesOf(id);
            if (known == null) {
                return CompletableFuture.completedStage(notAssigned(id));
            }
            if (!known.containsAll(wanted)) {
                wanted.removeAll(known);
                return CompletableFuture.completedStage(
                        CommandResult.invalid("not assigned to source server " + id + ": " + wanted));
            }
            return sessions.rescan(id, wanted.isEmpty() ? known : wanted)
                    .thenApply(stored -> CommandResult.succeeded("the agent will send the disks again"));
        });
    }

    private @Nullable Set<String> volumesOf(String sourceServerId) {
        SourceAssignment assignment = assigned.assignmentOf(sourceServerId);
        return assignment == null
                ? null
                : assignment.volumes().stream().map(VolumeAssignment::volumeId).collect(Collectors.toSet());
    }

    private CompletionStage<CommandResult> reopen(ChannelCommand command) {
        String id = ((CommandParameters.OneVolume) command.parameters()).volumeId();
        return onEventLoop(() -> {
            if (volumes.find(id) instanceof Availability.Open open
                    && open.volume().failure() == null) {
                return CompletableFuture.completedStage(CommandResult.succeeded("volume " + id + " is open"));
            }
            CompletionStage<Availability> reopened = sessions.reopen(id);
            return reopened == null
                    ? CompletableFuture.completedStage(CommandResult.invalid("no volume " + id + " is assigned"))
                    : reopened.thenApply(availability -> reopened(id, availability));
        });
    }

    private static CommandResult reopened(String volumeId, Availability availability) {
        return switch (availability) {
            case Availability.Open _ ->
                CommandResult.succeeded("volume " + volumeId + " is open; after a failure a full sync of it follows");
            case Availability.Unavailable none ->
                CommandResult.failed("volume " + volumeId + " was not reopened: " + none.reason());
        };
    }

    private CompletionStage<CommandResult> acceptAgents(ChannelCommand command) {
        String id = sourceOf(command);
        return onEventLoop(() -> CompletableFuture.completedStage(
                sessions.acceptAgents(id)
                        ? CommandResult.succeeded("all agents are accepted again")
                        : notAssigned(id)));
    }

    // --- the server

    private CompletionStage<CommandResult> collectLogs(ChannelCommand command) throws InterruptedException {
        int recordsMax = ((CommandParameters.Logs) command.parameters()).recordsMax();
        return CompletableFuture.completedStage(logs.deliver(recordsMax));
    }

    private CompletionStage<CommandResult> fetchSoftware(ChannelCommand command) throws InterruptedException {
        CommandParameters.Software wanted = (CommandParameters.Software) command.parameters();
        SoftwareService.Order order = new SoftwareService.Order(
                wanted.bucket(), wanted.key(), wanted.name(), wanted.version(), wanted.sha512(), wanted.signature());
        try {
            return CompletableFuture.completedStage(
                    CommandResult.succeeded("installed and in use", software.fetch(order)));
        } catch (SoftwareException e) {
            String why = e.kind() + ": " + e.sentence() + ". " + e.nextAction();
            boolean isMalformed =
                    e.kind() == SoftwareException.Kind.BAD_REQUEST || e.kind() == SoftwareException.Kind.BAD_KEY;
            return CompletableFuture.completedStage(
                    isMalformed ? CommandResult.invalid(why) : CommandResult.failed(why));
        }
    }

    private CompletionStage<CommandResult> drain() {
        return onEventLoop(drain)
                .thenApply(
                        ended -> CommandResult.succeeded(
                                "no session is left, what was received is durable; none opens until this server is started again"));
    }
}
