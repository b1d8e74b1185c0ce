package org.replicationserver.receiver.replication;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.HoldRequest.Origin;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SessionClock;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SessionEvents;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.StandingHold;
import org.replicationserver.receiver.session.VolumeBacklog;
import org.replicationserver.volume.VolumeFailure;

/**
 * The replications of all source servers: gives each what happens in its sessions, and has what must survive a restart kept. Event
 * loop only.
 */
public final class Replications implements SessionEvents {
    /** What has changed without an event that is worth it is kept this often. */
    private static final long KEEP_NANOS = 30_000_000_000L;

    private static final int STANDINGS_MAX = 256;

    private static final long MILLI_NANOS = 1_000_000L;

    private final SessionClock clock;
    private final ReplicationSettings settings;
    private final Supplier<String> replicatorId;
    private final Function<String, StageClocks> clocks;
    private final ReplicationListener listener;
    private final BiConsumer<String, ReplicationCheckpoint> keeper;

    private final Map<String, SourceReplication> replications = new LinkedHashMap<>();

    /** What an earlier process kept, of source servers that are about to be assigned. */
    private final Map<String, ReplicationCheckpoint> kept = new LinkedHashMap<>();

    private final Map<String, ReplicationCheckpoint> keptNewest = new LinkedHashMap<>();

    /** By source server, also of those that are not here any more, since they may come back; the newest comes last. */
    private final SequencedMap<String, SnapshotStanding> snapshots = new LinkedHashMap<>();

    /** What the control plane was found to be, for source servers that come later. */
    private Consumer<SourceReplication> controlPlane;

    private Consumer<SourceReplication> software = neverFetched -> {};

    private int agentPort;
    private long keptNanos;
    private long drainedMillis;
    private @Nullable ServerTrouble serverTrouble;

    /**
     * @param replicatorId this server's published id, asked when it is told
     * @param controlled whether there is a control plane; without, assignments come from a file
     * @param clocks what was measured of a source server up to now
     * @param keeper of what must survive a restart, by source server
     */
    public Replications(
            SessionClock clock,
            ReplicationSettings settings,
            Supplier<String> replicatorId,
            boolean controlled,
            Function<String, StageClocks> clocks,
            ReplicationListener listener,
            BiConsumer<String, ReplicationCheckpoint> keeper) {
        this.clock = clock;
        this.settings = settings;
        this.replicatorId = replicatorId;
        this.controlPlane = controlled ? notAskedYet -> {} : SourceReplication::controlPlaneAbsent;
        this.clocks = clocks;
        this.listener = listener;
        this.keeper = keeper;
        this.keptNanos = clock.nanos();
    }

    // --- what is told

    /** Ids of all source servers, in the order in which they came. */
    public List<String> sourceServerIds() {
        return List.copyOf(replications.keySet());
    }

    /** All that is said of a source server's replication now; null if there is none of that id. */
    public @Nullable DataReplicationInfo info(String sourceServerId) {
        SourceReplication replication = replications.get(sourceServerId);
        return replication == null ? null : replication.info(now());
    }

    private Moment now() {
        return new Moment(clock.nanos(), clock.millis());
    }

    // --- from the server

    /** Hands in what an earlier process kept of a source server, before it is assigned. */
    public void restore(String sourceServerId, ReplicationCheckpoint checkpoint) {
        kept.put(sourceServerId, checkpoint);
    }

    /** Where agents connect to, for what operators are told. */
    public void listensOn(int port) {
        agentPort = port;
        replications.values().forEach(replication -> replication.listensOn(port));
    }

    /** The control plane has answered a signed request. */
    public void controlPlaneAuthenticated() {
        controlPlane = SourceReplication::controlPlaneAuthenticated;
        replications.values().forEach(controlPlane);
    }

    /** A call of the control plane has failed. */
    public void controlPlaneFailed(ControlPlaneTrouble trouble) {
        Moment now = now();
        controlPlane = replication -> replication.controlPlaneFailed(trouble, now);
        replications.values().forEach(controlPlane);
    }

    /** What this server found wrong with itself at its start; told at most once. */
    public void serverTrouble(ServerTrouble trouble) {
        serverTrouble = trouble;
        replications.values().forEach(replication -> replication.serverTrouble(trouble));
    }

    /** How it stands with the snapshot groups of a source server, also of one that is not assigned yet. */
    public void snapshotStanding(String sourceServerId, SnapshotStanding standing) {
        snapshots.remove(sourceServerId); // to be the newest
        snapshots.put(sourceServerId, standing);
        if (snapshots.size() > STANDINGS_MAX) {
            snapshots.pollFirstEntry();
        }
        with(sourceServerId, replication -> replication.snapshotStanding(standing));
    }

    /** Software is being fetched. */
    public void softwareFetching() {
        tellSoftware(SourceReplication::softwareFetching);
    }

    /** The software that was asked for last is installed; also where it was by an earlier process. */
    public void softwareInstalled() {
        tellSoftware(SourceReplication::softwareInstalled);
    }

    /** The software that was asked for last is not. */
    public void softwareFailed(SoftwareTrouble trouble) {
        Moment now = now();
        tellSoftware(replication -> replication.softwareFailed(trouble, now));
    }

    private void tellSoftware(Consumer<SourceReplication> change) {
        software = change;
        replications.values().forEach(change);
    }

    /** No session opens any more as long as this process runs; to be told again changes nothing. */
    public void serverDrained() {
        drainedMillis = drainedMillis == 0 ? clock.millis() : drainedMillis;
        replications.values().forEach(replication -> replication.serverDrained(drainedMillis));
    }

    /** When that was, 0 if it was not. */
    public long drainedMillis() {
        return drainedMillis;
    }

    /** A handshake was refused on either side; nobody knows who the peer was. */
    public void handshakeRefused(HandshakeFault fault, String remoteAddress, String reason) {
        Moment now = now();
        replications.values().forEach(replication -> replication.handshakeRefused(fault, remoteAddress, reason, now));
    }

    /** A connection has shown a pin of a source server. */
    public void connectionAccepted(String sourceServerId) {
        with(sourceServerId, SourceReplication::connectionAccepted);
    }

    /** To be called a few times a second. */
    public void tick() {
        Moment now = now();
        replications.forEach((id, replication) -> replication.tick(clocks.apply(id), now));
        if (now.nanos() - keptNanos > KEEP_NANOS) {
            keptNanos = now.nanos();
            keepAll();
        }
    }

    /** Keeps what has changed since it was kept last. */
    public void keepAll() {
        replications.forEach(this::keep);
    }

    private void keep(String sourceServerId, SourceReplication replication) {
        ReplicationCheckpoint checkpoint = replication.checkpoint();
        if (!checkpoint.equals(keptNewest.put(sourceServerId, checkpoint))) {
            keeper.accept(sourceServerId, checkpoint);
        }
    }

    private void with(String sourceServerId, Consumer<SourceReplication> change) {
        SourceReplication replication = replications.get(sourceServerId);
        if (replication != null) {
            change.accept(replication);
        }
    }

    private void withAndKeep(String sourceServerId, Consumer<SourceReplication> change) {
        with(sourceServerId, replication -> {
            change.accept(replication);
            keep(sourceServerId, replication);
        });
    }

    // --- from the sessions

    @Override
    public void assigned(SourceAssignment assignment, DesiredState wanted, SourceRecord record) {
        String id = assignment.sourceServerId();
        SourceReplication known = replications.get(id);
        if (known != null) {
            known.assigned(assignment, now());
            return;
        }
        ReplicationCheckpoint checkpoint = checkpoint(id, record);
        SourceReplication replication = new SourceReplication(
                assignment, replicatorId, settings, checkpoint, hadSession(record, checkpoint), listener, now());
        controlPlane.accept(replication);
        software.accept(replication);
        replication.listensOn(agentPort);
        replication.serverDrained(drainedMillis);
        if (serverTrouble != null) {
            replication.serverTrouble(serverTrouble);
        }
        replication.snapshotStanding(snapshots.getOrDefault(id, SnapshotStanding.NONE));
        replications.put(id, replication);
        if (!record.refusedAgents().isEmpty()) {
            replication.duplicateAgent(record.refusedAgents().getLast());
        }
        replication.desired(wanted, now());
    }

    /** What was kept counts only if it is of what the record tells of: another server may have had the volumes meanwhile. */
    private ReplicationCheckpoint checkpoint(String id, SourceRecord record) {
        ReplicationCheckpoint checkpoint = kept.remove(id);
        boolean isOfRecord = checkpoint != null
                && checkpoint.committedEpoch() == record.commit().epoch();
        return checkpoint != null && isOfRecord ? checkpoint : ReplicationCheckpoint.of(record);
    }

    /** A generation is stored before its session opens, and outlives its server; only a record that was lost does not tell of it. */
    private static boolean hadSession(SourceRecord record, ReplicationCheckpoint checkpoint) {
        return record.generation() > 0 || checkpoint.firstByteMillis() > 0;
    }

    @Override
    public void unassigned(String sourceServerId) {
        replications.remove(sourceServerId);
        keptNewest.remove(sourceServerId);
    }

    @Override
    public void desired(String sourceServerId, DesiredState wanted) {
        withAndKeep(sourceServerId, replication -> replication.desired(wanted, now()));
    }

    @Override
    public void sessionOpened(
            String sourceServerId, long generation, String remoteAddress, int streams, List<Welcome.Volume> volumes) {
        withAndKeep(sourceServerId, replication -> replication.sessionOpened(generation, volumes, now()));
    }

    @Override
    public void sessionEnded(String sourceServerId, long generation, String reason, SessionEndCause cause) {
        withAndKeep(sourceServerId, replication -> replication.sessionEnded(generation, cause, reason, now()));
    }

    @Override
    public void helloRefused(String sourceServerId, String remoteAddress, ErrorCode code, String text) {
        with(sourceServerId, replication -> replication.helloRefused(code, remoteAddress, text, now()));
    }

    @Override
    public void recordLost(String sourceServerId, String cause) {
        with(sourceServerId, replication -> replication.recordLost(cause));
    }

    @Override
    public void firstByteReceived(String sourceServerId) {
        with(sourceServerId, replication -> replication.firstByte(now()));
    }

    @Override
    public void blocksDurable(String sourceServerId, String volumeId, long bytes) {
        with(sourceServerId, replication -> replication.durable(volumeId, bytes, now()));
    }

    /** What a rescan finds equal is durable, though nobody has written it now; a verification only shows that work goes on. */
    @Override
    public void blocksCompared(String sourceServerId, ComparedBlocks compared) {
        if (!compared.verified() && compared.equalBytes() > 0) {
            blocksDurable(sourceServerId, compared.volumeId(), compared.equalBytes());
        } else {
            with(sourceServerId, replication -> replication.compared(compared, now()));
        }
    }

    @Override
    public void epochOpened(String sourceServerId, long epoch, long estimatedBytes) {
        with(sourceServerId, replication -> replication.epochOpened(estimatedBytes, now()));
    }

    @Override
    public void commitWaits(String sourceServerId, boolean waits) {
        with(sourceServerId, replication -> replication.commitWaits(waits, now()));
    }

    @Override
    public void committed(String sourceServerId, SourceRecord record) {
        SourceRecord.Commit commit = record.commit();
        withAndKeep(
                sourceServerId,
                replication -> replication.committed(commit.epoch(), commit.fuzzy(), commit.markTimeMillis(), now()));
    }

    @Override
    public void sourceStatus(String sourceServerId, List<VolumeBacklog> backlogs, SourceStatus.Waits waits) {
        AgentWaits waited = new AgentWaits(
                waits.sourceMillis() * MILLI_NANOS,
                waits.networkMillis() * MILLI_NANOS,
                waits.windowMillis() * MILLI_NANOS);
        with(sourceServerId, replication -> replication.sourceStatus(new ArrayList<>(backlogs), waited, now()));
    }

    @Override
    public void volumeBegunAnew(String sourceServerId, String volumeId, String dataGen) {
        withAndKeep(sourceServerId, replication -> replication.volumeBegunAnew(volumeId, dataGen));
    }

    @Override
    public void volumeOpened(String sourceServerId, String volumeId) {
        with(sourceServerId, replication -> replication.volumeOpened(volumeId));
    }

    @Override
    public void volumeUnavailable(String sourceServerId, String volumeId, String reason) {
        with(sourceServerId, replication -> replication.volumeUnavailable(volumeId, reason, now()));
    }

    @Override
    public void volumeAwaited(String sourceServerId, String volumeId, String reason) {
        with(sourceServerId, replication -> replication.volumeAwaited(volumeId, reason, now()));
    }

    @Override
    public void volumeLeftClosed(String sourceServerId, String volumeId, String cause) {
        with(sourceServerId, replication -> replication.volumeFailed(volumeId, cause, now()));
    }

    @Override
    public void volumeFailed(String sourceServerId, VolumeFailure failure) {
        withAndKeep(
                sourceServerId,
                replication -> replication.volumeFailed(failure.volumeId().value(), failure.summary(), now()));
    }

    @Override
    public void held(String sourceServerId, StandingHold hold) {
        with(sourceServerId, replication -> {
            replication.holdBegan();
            if (hold.origin() == Origin.SNAPSHOT_GROUP) {
                replication.snapshotBegan(now());
            }
        });
    }

    @Override
    public void holdEnded(String sourceServerId, StandingHold hold, @Nullable String spoiledBy) {
        with(sourceServerId, replication -> {
            replication.holdEnded();
            if (hold.origin() == Origin.SNAPSHOT_GROUP) {
                replication.snapshotEnded(now());
            }
        });
    }

    @Override
    public void duplicateAgent(String sourceServerId, RefusedAgent refused) {
        withAndKeep(sourceServerId, replication -> replication.duplicateAgent(refused));
    }

    @Override
    public void agentsAccepted(String sourceServerId) {
        withAndKeep(sourceServerId, SourceReplication::agentsAccepted);
    }
}
