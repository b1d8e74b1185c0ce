package org.replicationserver.receiver.server;

import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.replicationserver.receiver.config.ServerConfig;
import org.replicationserver.receiver.config.SnapshotSettings;
import org.replicationserver.receiver.control.ChannelCommand;
import org.replicationserver.receiver.control.CommandResult;
import org.replicationserver.receiver.control.HttpControlPlane;
import org.replicationserver.receiver.control.Outbox;
import org.replicationserver.receiver.control.SnapshotRequestLoop;
import org.replicationserver.receiver.replication.Replications;
import org.replicationserver.receiver.replication.SnapshotStanding;
import org.replicationserver.receiver.snapshot.Ec2Snapshots;
import org.replicationserver.receiver.snapshot.SnapshotEvents;
import org.replicationserver.receiver.snapshot.SnapshotFollower;
import org.replicationserver.receiver.snapshot.SnapshotHolds;
import org.replicationserver.receiver.snapshot.SnapshotMaker;
import org.replicationserver.receiver.snapshot.SnapshotOutcome;
import org.replicationserver.receiver.snapshot.SnapshotResult;
import org.replicationserver.receiver.snapshot.SnapshotStore;
import org.replicationserver.receiver.snapshot.SnapshotTrigger;
import org.replicationserver.volume.StateDirectory;

/** Connects those who make snapshot groups with the control plane, which wants them, and the models, which tell of them. Any thread. */
final class SnapshotLink implements SnapshotEvents {
    /** For what is asked of the control plane, and for groups of the same source server that come first. */
    private static final Duration PATIENT = Duration.ofMinutes(5);

    private static final DateTimeFormatter ID_TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final int ID_RANDOM_CHARS = 16;

    private final SnapshotSettings settings;
    private final SnapshotMaker maker;
    private final Replications replications;
    private final MeterRegistry metrics;
    private final Executor eventLoop;

    private SnapshotLink(
            ServerConfig config,
            Kept kept,
            SnapshotHolds holds,
            Replications replications,
            MeterRegistry metrics,
            Executor eventLoop,
            StopSteps stopSteps) {
        this.settings = config.snapshots();
        this.replications = replications;
        this.metrics = metrics;
        this.eventLoop = eventLoop;
        Clock clock = Clock.systemUTC();
        Ec2Snapshots ec2 = new Ec2Snapshots(config.aws(), settings);
        stopSteps.add("client of EC2", ec2::close);
        SnapshotStore store = SnapshotStore.load(kept.state());
        SnapshotFollower follower = new SnapshotFollower(settings.completionInterval(), ec2, store, this, clock);
        stopSteps.add("follower of snapshot groups", follower::close);
        this.maker = new SnapshotMaker(
                settings,
                new ControlSnapshotDesk(kept.controlPlane(), kept.outbox(), clock),
                holds,
                ec2,
                store,
                follower,
                this,
                () -> groupId(clock),
                clock);
        stopSteps.add("snapshot groups", maker::close);
        maker.recover();
        follower.start();
        SnapshotRequestLoop requests = new SnapshotRequestLoop(
                kept.controlPlane(), kept.controlPlane(), this::make, settings.requestsInterval());
        requests.start();
        stopSteps.add("requests for snapshots", requests::close);
    }

    /** What there is only where a control plane is asked through its API. */
    record Kept(HttpControlPlane controlPlane, StateDirectory state, Outbox outbox) {}

    /** Goes on with the groups of an earlier process, and begins to ask which are wanted. */
    static SnapshotLink start(
            ServerConfig config,
            Kept kept,
            SnapshotHolds holds,
            Replications replications,
            MeterRegistry metrics,
            Executor eventLoop,
            StopSteps stopSteps) {
        return new SnapshotLink(config, kept, holds, replications, metrics, eventLoop, stopSteps);
    }

    /** Unique over all servers; the time is for people. */
    private static String groupId(Clock clock) {
        String random = UUID.randomUUID().toString().replace("-", "").substring(0, ID_RANDOM_CHARS);
        return "sg-" + ID_TIME.format(clock.instant()) + "-" + random;
    }

    // --- why groups are made

    private CompletionStage<Boolean> make(String sourceServerId, List<String> requestIds) {
        List<SnapshotTrigger> triggers =
                requestIds.stream().map(SnapshotTrigger::request).toList();
        return maker.make(sourceServerId, triggers).thenApply(SnapshotResult::isMade);
    }

    /** What CREATE_SNAPSHOT may take. */
    Duration commandTimeout() {
        return settings.commitTimeout().plus(settings.hold()).plus(PATIENT);
    }

    /** CREATE_SNAPSHOT. */
    CompletionStage<CommandResult> create(ChannelCommand command) {
        String source = ServerCommands.sourceOf(command);
        return maker.make(source, List.of(SnapshotTrigger.command(command.commandId())))
                .thenApply(SnapshotLink::commandResult);
    }

    private static CommandResult commandResult(SnapshotResult result) {
        JsonObject output = new JsonObject();
        if (result.groupId() != null) {
            output.put("snapshotGroupId", result.groupId());
        }
        if (!result.snapshotIds().isEmpty()) {
            output.put(result.isMade() ? "snapshotIds" : "leftOverSnapshotIds", new JsonArray(result.snapshotIds()));
        }
        String outcome = result.outcome() + ": " + result.sentence();
        return switch (result.outcome()) {
            case MADE -> CommandResult.succeeded(result.sentence(), output);
            case NOT_ASSIGNED -> CommandResult.invalid(result.sentence());
            default -> CommandResult.failed(outcome + ". " + result.nextAction(), output);
        };
    }

    // --- what is told of them

    @Override
    public void ended(String sourceServerId, SnapshotOutcome outcome) {
        metrics.counter("replication_snapshot_groups", "outcome", outcome.name())
                .increment();
    }

    @Override
    public void standing(String sourceServerId, SnapshotStanding standing) {
        eventLoop.execute(() -> replications.snapshotStanding(sourceServerId, standing));
    }
}
