package org.replicationserver.receiver.replication;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.receiver.replication.AgentPresence.RefusedHandshake;
import org.replicationserver.receiver.replication.AgentPresence.RefusedHello;
import org.replicationserver.receiver.replication.DataReplicationInfo.Detail;
import org.replicationserver.receiver.replication.DataReplicationInfo.ReplicatedDisk;
import org.replicationserver.receiver.replication.DataReplicationInfo.StageSeconds;
import org.replicationserver.receiver.replication.Explainer.Situation;
import org.replicationserver.receiver.session.ComparedBlocks;
import org.replicationserver.receiver.session.DesiredState;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.SessionEndCause;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeBacklog;

/**
 * The replication of one source server as it is told to others. Event loop only.
 *
 * <p>Told by its methods what happens, with the time; reasons are text of ours or of the TLS engine, never of a peer. What it says is in
 * {@link #info}, a change of the state goes to the {@link ReplicationListener} at once.
 *
 * <p>Invariants: the state changes only along {@link StateTransitions}; STALLED only while work waits; a counter moves only with durable
 * bytes, a commit, or the agent's report of what it has not had acknowledged.
 */
public final class SourceReplication {
    private static final double SECOND_NANOS = 1e9;

    /** Why a replica is behind that nothing is on its way to. */
    private static final String NOT_SERVED = "a volume takes no writes, or a disk is not in the agent's session";

    private final Supplier<String> replicatorId;
    private final ReplicationSettings settings;
    private final ReplicationListener listener;
    private final DiskSet disks;
    private final EpochProgress epochs;
    private final AgentPresence agent;
    private final ControlPlaneLink controlPlane;
    private final SoftwareLink software = new SoftwareLink();
    private final TransferRates rates;
    private final LagAttribution attribution;
    private final StallDetector stall;
    private boolean held;
    private final InitiationSteps steps;
    private final Explainer explainer;

    private SourceAssignment assignment;
    private StatePosition position;
    private DesiredState wanted;
    private long wantedMillis;
    private long startMillis;
    private boolean started;
    private long firstByteMillis;

    /** Blocks that are received and not durable, at the last tick. */
    private long blocksUnderWay;

    /** An epoch was committed while a backlog was known; the agent's next report says whether it is still there. */
    private boolean commitUnjudged;

    private SnapshotStanding snapshots = SnapshotStanding.NONE;

    /**
     * A replication that is stopped until {@link #desired} says otherwise.
     *
     * @param replicatorId this server's published id, asked when it is told
     * @param hadSession whether there ever was a session, with this server or another
     */
    public SourceReplication(
            SourceAssignment assignment,
            Supplier<String> replicatorId,
            ReplicationSettings settings,
            ReplicationCheckpoint kept,
            boolean hadSession,
            ReplicationListener listener,
            Moment now) {
        this.assignment = assignment;
        this.replicatorId = replicatorId;
        this.settings = settings;
        this.listener = listener;
        this.position = new StatePosition(DataReplicationState.STOPPED, kept.state());
        this.wanted = kept.wanted();
        this.wantedMillis = kept.wantedMillis();
        this.started = kept.startMillis() > 0;
        this.startMillis = started ? kept.startMillis() : now.wallMillis();
        this.firstByteMillis = kept.firstByteMillis();
        this.disks = new DiskSet(assignment, kept.volumes(), now);
        this.epochs = new EpochProgress(kept.committedEpoch(), kept.markMillis());
        this.agent = new AgentPresence(settings, hadSession, now);
        this.controlPlane = new ControlPlaneLink(settings.controlPlaneAfter(), now.nanos());
        this.rates = new TransferRates(settings, now.nanos());
        this.attribution = new LagAttribution(settings, now.nanos());
        this.stall = new StallDetector(settings.stalledAfter());
        this.explainer = new Explainer(
                assignment.sourceServerId(), settings, disks, agent, controlPlane, software, rates, attribution, stall);
        this.steps = new InitiationSteps(settings, disks, agent, controlPlane, software, explainer::hasServerTrouble);
        if (kept.duplicateAgent()) {
            explainer.duplicateAgent(null);
        }
        if (kept.recordLost()) {
            explainer.recordLost("by an earlier process of this server");
        }
    }

    // --- what the control plane says

    /** Disks were added, removed or changed, or none was: the same may be handed in again and again, and then nothing begins anew. */
    public void assigned(SourceAssignment changed, Moment now) {
        assignment = changed;
        DiskSet.Change change = disks.assigned(changed, now);
        if (change != DiskSet.Change.NONE) {
            rates.beginAnew(now.nanos());
        }
        if (change == DiskSet.Change.MORE_TO_SEND && epochs.hasCommitted()) {
            on(ReplicationEvent.RESCAN_BEGAN, now);
        }
        settle(now);
    }

    /** What is wanted from now on; the same again changes nothing. */
    public void desired(DesiredState desired, Moment now) {
        DataReplicationState before = position.shown();
        if (desired != wanted || wantedMillis == 0) {
            wanted = desired;
            wantedMillis = now.wallMillis();
        }
        switch (desired) {
            case STARTED ->
                on(before == DataReplicationState.PAUSED ? ReplicationEvent.RESUMED : ReplicationEvent.STARTED, now);
            case PAUSED -> on(ReplicationEvent.PAUSED, now);
            case STOPPED -> on(ReplicationEvent.STOPPED, now);
        }
        if (position.isWanted() && before != position.shown()) {
            if (!started) {
                started = true;
                startMillis = now.wallMillis();
            }
            agent.expected(now);
            rates.beginAnew(now.nanos());
            stall.restart(now, attribution.total());
        }
    }

    /** Where agents connect to, for what operators are told. */
    public void listensOn(int port) {
        explainer.listensOn(port);
    }

    /** There is no control plane, assignments come from a file. */
    public void controlPlaneAbsent() {
        controlPlane.absent();
    }

    /** The control plane has answered a signed request. */
    public void controlPlaneAuthenticated() {
        controlPlane.authenticated();
    }

    /** A request to the control plane has failed for good; also to be told again and again while that lasts. */
    public void controlPlaneFailed(ControlPlaneTrouble trouble, Moment now) {
        controlPlane.failed(trouble, now);
    }

    /** What this server found wrong with itself at its start; null where that is nothing. */
    public void serverTrouble(@Nullable ServerTrouble trouble) {
        explainer.serverTrouble(trouble);
    }

    /** Software is being fetched. */
    public void softwareFetching() {
        software.fetching();
    }

    /** The software that was asked for last is installed. */
    public void softwareInstalled() {
        software.installed();
    }

    /** The software that was asked for last is not. */
    public void softwareFailed(SoftwareTrouble trouble, Moment now) {
        software.failed(trouble, now);
    }

    /** Since when this server opens no session any more, 0 if it does. */
    public void serverDrained(long sinceMillis) {
        explainer.serverDrained(sinceMillis);
    }

    // --- volumes

    /** A volume takes writes, whatever it was before. */
    public void volumeOpened(String volumeId) {
        DiskProgress disk = disks.of(volumeId);
        if (disk != null) {
            disk.opened();
        }
    }

    /** Nothing of what a volume held counts any more, and it has another data generation. */
    public void volumeBegunAnew(String volumeId, String dataGen) {
        DiskProgress disk = disks.of(volumeId);
        if (disk != null) {
            disk.begunAnew(dataGen);
        }
    }

    /** A volume was not found or cannot be opened. */
    public void volumeUnavailable(String volumeId, String reason, Moment now) {
        DiskProgress disk = disks.of(volumeId);
        if (disk != null) {
            disk.unavailable(reason, now.nanos());
        }
    }

    /** A volume's device has not appeared yet. */
    public void volumeAwaited(String volumeId, String reason, Moment now) {
        DiskProgress disk = disks.of(volumeId);
        if (disk != null) {
            disk.awaited(reason, now.nanos());
        }
    }

    /** A volume takes no more writes until it is reopened. */
    public void volumeFailed(String volumeId, String cause, Moment now) {
        DiskProgress disk = disks.of(volumeId);
        if (disk != null) {
            disk.failed(cause, now.wallMillis());
        }
    }

    // --- the agent

    /** A connection has shown a pin of this source server, and has accepted ours. */
    public void connectionAccepted() {
        agent.accepted();
    }

    /**
     * A handshake was refused on either side. Nobody knows who the peer was, so this is for every source server of this one whose agent
     * is not there.
     */
    public void handshakeRefused(HandshakeFault fault, String remoteAddress, String reason, Moment now) {
        agent.refused(new RefusedHandshake(fault, remoteAddress, reason, now.nanos()));
    }

    /** A HELLO was refused; RANGE means that a disk's size is not the assigned one, PAUSED only what the state says. */
    public void helloRefused(ErrorCode code, String remoteAddress, String reason, Moment now) {
        if (code != ErrorCode.PAUSED) {
            agent.refused(new RefusedHello(code, remoteAddress, reason, now.nanos()));
        }
    }

    /** Two agents take turns, one of them is refused. */
    public void duplicateAgent(RefusedAgent refused) {
        explainer.duplicateAgent(refused);
        disks.notOfOneMoment();
    }

    /** An operator accepts all agents again. */
    public void agentsAccepted() {
        explainer.agentsAccepted();
        disks.notOfOneMoment();
        agent.forgetRefusedHello();
    }

    /** The sessions' record of this source server could not be read. */
    public void recordLost(String cause) {
        explainer.recordLost(cause);
    }

    /** A session is open; the one before must have been told as ended. {@code volumes} are those of its WELCOME. */
    public void sessionOpened(long generation, List<Welcome.Volume> volumes, Moment now) {
        agent.opened(generation, now);
        epochs.cut();
        disks.sessionOpened(volumes, now.wallMillis());
        attribution.sessionOpened(now.nanos());
        if (volumes.stream().anyMatch(volume -> volume.action() == Welcome.Action.RESCAN)) {
            rates.beginAnew(now.nanos());
            if (epochs.hasCommitted()) {
                on(ReplicationEvent.RESCAN_BEGAN, now);
            }
        }
        on(ReplicationEvent.AGENT_CAME, now);
        settle(now);
    }

    /** A session has ended; one that is not the newest changes nothing. */
    public void sessionEnded(long generation, SessionEndCause cause, String reason, Moment now) {
        if (agent.ended(generation, cause, reason, now)) {
            epochs.cut();
            if (commitUnjudged) {
                judgeCommit(false, now);
            }
            settle(now);
        }
    }

    // --- the data

    /** A block has arrived, durable or not; only the first of all counts. */
    public void firstByte(Moment now) {
        if (firstByteMillis == 0) {
            firstByteMillis = now.wallMillis();
        }
    }

    /** Blocks of a volume became durable, or were found to be; {@code bytes} is the length on the disk of DATA and ZERO alike. */
    public void durable(String volumeId, long bytes, Moment now) {
        firstByte(now);
        disks.durable(volumeId, bytes);
        rates.durable(now.nanos(), bytes);
        on(ReplicationEvent.FIRST_BYTE, now);
        progressed(now);
        settle(now);
    }

    /** Blocks of a volume were compared, and nothing became durable by it. */
    public void compared(ComparedBlocks compared, Moment now) {
        DiskProgress disk = disks.of(compared.volumeId());
        if (disk != null && compared.verified() && compared.isFinest() && compared.differingBytes() > 0) {
            disk.foundDifferent(compared.firstDifferingBytes(), compared.differingBytes(), now.wallMillis());
        }
        progressed(now);
        settle(now);
    }

    /** EPOCH_OPEN was answered. */
    public void epochOpened(long estimatedBytes, Moment now) {
        epochs.opened();
        disks.epochOpened(estimatedBytes);
        settle(now);
    }

    /** EPOCH_COMMIT has come and waits, or was refused. */
    public void commitWaits(boolean waits, Moment now) {
        epochs.commitWaits(waits);
        settle(now);
    }

    /** The commit of an epoch is stored. */
    public void committed(long epoch, boolean fuzzy, long markMillis, Moment now) {
        boolean whole = disks.areServed();
        epochs.committed(epoch, markMillis, whole);
        blocksUnderWay = 0; // or it could not have been committed
        boolean caughtUp = whole && (!disks.isReporting() || disks.remainingBytes() == 0);
        disks.committed(fuzzy);
        explainer.recordMade();
        boolean moreIsToldOfIt = agent.isOpen() && (disks.isReporting() || disks.areAwaited());
        if (caughtUp || !moreIsToldOfIt) {
            judgeCommit(caughtUp, now);
        } else {
            commitUnjudged = true;
        }
        progressed(now);
        settle(now);
    }

    /** The agent tells its backlog and what it has waited for. */
    public void sourceStatus(List<VolumeBacklog> backlogs, AgentWaits waits, Moment now) {
        if (!agent.isOpen()) {
            return;
        }
        disks.reported(backlogs);
        rates.backlog(now.nanos(), disks.remainingBytes());
        attribution.agentWaited(now.nanos(), waits);
        boolean caughtUp = disks.areServed() && disks.remainingBytes() == 0;
        if (commitUnjudged) {
            judgeCommit(caughtUp, now);
        } else if (caughtUp && !epochs.isOpen() && position.covered() == DataReplicationState.BACKLOG) {
            on(ReplicationEvent.CAUGHT_UP, now);
        }
        settle(now);
    }

    /** What the newest commit means. */
    private void judgeCommit(boolean caughtUp, Moment now) {
        commitUnjudged = false;
        if (caughtUp) {
            on(ReplicationEvent.CAUGHT_UP, now);
        } else {
            boolean rescan = position.covered() == DataReplicationState.RESCAN;
            ReplicationEvent event = rescan ? ReplicationEvent.RESCAN_ENDED : ReplicationEvent.INITIAL_SYNC_SENT;
            on(event, disks.areServed() ? event.why : NOT_SERVED, now);
        }
    }

    private void progressed(Moment now) {
        stall.restart(now, attribution.total());
        on(ReplicationEvent.PROGRESSED, now);
    }

    // --- holds and snapshots

    /** Nothing is written from now on, because that is wanted: what waits does not stall. */
    public void holdBegan() {
        held = true;
    }

    /** Writes go on. */
    public void holdEnded() {
        held = false;
    }

    /** Writes are held at a commit, for a snapshot group. */
    public void snapshotBegan(Moment now) {
        on(ReplicationEvent.SNAPSHOT_BEGAN, now);
    }

    /** They are not held any more. */
    public void snapshotEnded(Moment now) {
        // What was left out meanwhile; another state than CREATING_SNAPSHOT has been told of it already.
        fallBehindIfLong(now);
        on(ReplicationEvent.SNAPSHOT_ENDED, now);
    }

    /** How it stands with the snapshot groups from now on. */
    public void snapshotStanding(SnapshotStanding standing) {
        snapshots = standing;
        explainer.snapshotsFailed(standing.trouble());
    }

    // --- time

    /** Looks at what only time changes; to be called four times a second with what the server has measured. */
    public void tick(StageClocks clocks, Moment now) {
        attribution.tick(now.nanos(), clocks);
        blocksUnderWay = clocks.blocksUnderWay();
        if (disks.isReporting() && agent.isOpen()) {
            rates.backlog(now.nanos(), disks.remainingBytes());
        }
        settle(now);
        if (stall.isStalled(now)) {
            on(ReplicationEvent.STALLED, explainer.stalled(now).sentence(), now);
        }
        if (agent.isLost(now)) {
            on(ReplicationEvent.AGENT_LOST, now);
        }
        if (position.covered() != DataReplicationState.CREATING_SNAPSHOT) {
            fallBehindIfLong(now);
        }
    }

    private void fallBehindIfLong(Moment now) {
        boolean behindLong =
                attribution.lagNanos(now.nanos()) > settings.backlogAfter().toNanos();
        if (behindLong) {
            on(ReplicationEvent.FELL_BEHIND, now);
        } else if (disks.areBroken() || (agent.isOpen() && !disks.areServed())) {
            on(ReplicationEvent.FELL_BEHIND, NOT_SERVED, now);
        }
    }

    /** Tells the parts whether there is lag and whether work waits, after anything that may have changed that. */
    private void settle(Moment now) {
        boolean connected = agent.isOpen();
        boolean underWay = blocksUnderWay > 0 || epochs.isCommitWaiting();
        boolean outstanding = disks.outstandingBytes() > 0;
        boolean waits = connected && !held && (underWay || (disks.isReporting() && outstanding));
        attribution.lagging(now.nanos(), connected, isTransferring() && connected, epochs.isCommitWaiting());
        stall.waiting(now, waits, attribution.total());
        if (!waits) {
            on(ReplicationEvent.NOTHING_WAITS, now);
        }
    }

    /** Whether the replica is not known to be what the source is, as far as it is served by the session. */
    private boolean isTransferring() {
        return blocksUnderWay > 0 || epochs.isOpen() || disks.outstandingBytes() > 0 || disks.isIncomplete();
    }

    /** Whether the replica is not known to be what the source is. */
    private boolean isBehind() {
        return isTransferring() || !disks.areServed();
    }

    private void on(ReplicationEvent event, Moment now) {
        on(event, event.why, now);
    }

    private void on(ReplicationEvent event, String why, Moment now) {
        DataReplicationState before = position.shown();
        position = StateTransitions.next(position, event);
        if (position.shown() != before) {
            listener.stateChanged(assignment.sourceServerId(), before, position.shown(), why, now);
        }
    }

    // --- what is told

    public DataReplicationState state() {
        return position.shown();
    }

    /** Where the time of the lag went in the last 60 s. */
    public StageTimes lagLastMinute(Moment now) {
        return attribution.lastMinute(now.nanos());
    }

    /** What another process needs to go on from here. */
    public ReplicationCheckpoint checkpoint() {
        return new ReplicationCheckpoint(
                commitUnjudged ? DataReplicationState.BACKLOG : position.covered(),
                started ? startMillis : 0,
                firstByteMillis,
                epochs.committedEpoch(),
                epochs.markMillis(),
                explainer.isRecordLost(),
                explainer.isDuplicateAgent(),
                wanted,
                wantedMillis,
                disks.checkpoints());
    }

    /** All that is said of the replication now. */
    public DataReplicationInfo info(Moment now) {
        Long lagSeconds = epochs.markMillis() > 0 ? (Long) (lagMillis(now) / 1000) : null;
        long sinceStartSeconds = Math.max(0, now.wallMillis() - startMillis) / 1000;
        long lag = lagSeconds == null ? sinceStartSeconds : lagSeconds;
        List<Explanation> explanations = explainer.explain(new Situation(now, position, wantedMillis, lag));
        List<ReplicatedDisk> counters = disks.counters();
        EtaRange eta = agent.isOpen() && position.isWanted() ? rates.eta(now, remainingBytes()) : null;
        return new DataReplicationInfo(
                position.shown(),
                Duration.ofSeconds(lag),
                eta == null ? null : eta.latest(),
                counters,
                steps.at(now, startMillis, position.covered() != DataReplicationState.INITIATING),
                Explainer.error(explanations),
                snapshots.lastMillis() == 0 ? null : Instant.ofEpochMilli(snapshots.lastMillis()),
                replicatorId.get(),
                new Detail(
                        firstByteMillis == 0 ? null : Instant.ofEpochMilli(firstByteMillis),
                        lagSeconds,
                        snapshots.markMillis() == 0
                                ? null
                                : (Long) (Math.max(0, now.wallMillis() - snapshots.markMillis()) / 1000),
                        counters.stream()
                                .mapToLong(ReplicatedDisk::backloggedStorageBytes)
                                .sum(),
                        agent.isOpen(),
                        Instant.ofEpochMilli(agent.sinceMillis()),
                        agent.isOpen() && disks.isReporting(),
                        eta == null ? null : eta.earliest(),
                        eta == null ? null : eta.latest(),
                        rates.rates(now.nanos(), agent.isOpen() && disks.isReporting()),
                        stageSeconds(attribution.sinceLagBegan()),
                        explanations,
                        inconsistentVolumes()));
    }

    /** Since the mark of the last commit that had every disk, 0 while nothing waits. */
    private long lagMillis(Moment now) {
        return agent.isOpen() && !isBehind() ? 0 : epochs.sinceMarkMillis(now);
    }

    private long remainingBytes() {
        return disks.isReporting() ? disks.remainingBytes() : Math.max(disks.remainingBytes(), disks.missingBytes());
    }

    private static List<StageSeconds> stageSeconds(StageTimes times) {
        return times.byShare().stream()
                .map(stage -> new StageSeconds(stage, times.nanos(stage) / SECOND_NANOS))
                .toList();
    }

    private List<String> inconsistentVolumes() {
        return disks.all().stream()
                .filter(disk -> explainer.isDuplicateAgent() || !disk.isOfOneMoment())
                .map(disk -> disk.assignment().volumeId())
                .toList();
    }
}
