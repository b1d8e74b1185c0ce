package org.replicationserver.receiver.replication;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.RescanReason;
import org.replicationserver.receiver.replication.AgentPresence.RefusedHandshake;
import org.replicationserver.receiver.replication.AgentPresence.RefusedHello;
import org.replicationserver.receiver.replication.DataReplicationInfo.DataReplicationError;
import org.replicationserver.receiver.replication.DataReplicationInfo.Rate;
import org.replicationserver.receiver.replication.Explanation.Facts;
import org.replicationserver.receiver.session.RefusedAgent;
import org.replicationserver.receiver.session.VolumeAssignment;

/** Finds the rows of {@link ExplanationCode} that are true now, with their numbers. Event loop only; changes nothing. */
final class Explainer {
    /** The gravest; a source server with many bad volumes needs no more to be understood. */
    private static final int EXPLANATIONS_MAX = 32;

    /** With what EC2 says, and with the snapshots that are left over. */
    private static final int SNAPSHOT_REASON_CHARS_MAX = 700;

    private static final String UNKNOWN = "unknown";
    private static final String PORT = "port";

    private final String sourceServerId;
    private final ReplicationSettings settings;
    private final DiskSet disks;
    private final AgentPresence agent;
    private final ControlPlaneLink controlPlane;
    private final SoftwareLink software;
    private final TransferRates rates;
    private final LagAttribution attribution;
    private final StallDetector stall;

    private int agentPort;
    private @Nullable SnapshotTrouble snapshots;
    private @Nullable Explanation duplicateAgent;
    private @Nullable Explanation recordLost;
    private @Nullable Explanation serverDrained;
    private @Nullable Explanation serverTrouble;

    Explainer(
            String sourceServerId,
            ReplicationSettings settings,
            DiskSet disks,
            AgentPresence agent,
            ControlPlaneLink controlPlane,
            SoftwareLink software,
            TransferRates rates,
            LagAttribution attribution,
            StallDetector stall) {
        this.sourceServerId = sourceServerId;
        this.settings = settings;
        this.disks = disks;
        this.agent = agent;
        this.controlPlane = controlPlane;
        this.software = software;
        this.rates = rates;
        this.attribution = attribution;
        this.stall = stall;
    }

    // --- what stays true until something else happens

    /** Where agents connect to. */
    void listensOn(int port) {
        agentPort = port;
    }

    /** @param refused null where it is known only that there is one, of which another record was lost */
    void duplicateAgent(@Nullable RefusedAgent refused) {
        duplicateAgent = ExplanationCode.DUPLICATE_AGENT.explain(new Facts()
                .put("sourceServerId", sourceServerId)
                .put("keys", refused == null ? "unknown keys" : refused.keys())
                .put("refusedAddress", refused == null ? UNKNOWN : refused.address())
                .put("otherAddress", refused == null ? UNKNOWN : refused.otherAddress()));
    }

    void agentsAccepted() {
        duplicateAgent = null;
    }

    boolean isDuplicateAgent() {
        return duplicateAgent != null;
    }

    void recordLost(String cause) {
        recordLost = ExplanationCode.RECORD_LOST.explain(new Facts().put("reason", cause));
    }

    /** Since when no session opens any more, 0 if one may. */
    void serverDrained(long sinceMillis) {
        serverDrained = sinceMillis == 0
                ? null
                : ExplanationCode.SERVER_DRAINED.explain(new Facts().put("since", seconds(sinceMillis)));
    }

    /** What this server found wrong with itself, or null. */
    void serverTrouble(@Nullable ServerTrouble trouble) {
        serverTrouble = trouble == null
                ? null
                : ExplanationCode.SERVER_CHECK_FAILED.explain(
                        new Facts().put("reason", trouble.reason()).put("fix", trouble.nextAction()));
    }

    boolean hasServerTrouble() {
        return serverTrouble != null;
    }

    /** @param trouble null where the newest snapshot group did not fail */
    void snapshotsFailed(@Nullable SnapshotTrouble trouble) {
        snapshots = trouble;
    }

    void recordMade() {
        recordLost = null;
    }

    boolean isRecordLost() {
        return recordLost != null;
    }

    // --- what is true now

    /** The gravest first. */
    List<Explanation> explain(Situation situation) {
        List<Explanation> found = new ArrayList<>();
        Moment now = situation.now();
        explainVolumes(now, found);
        add(found, ControlPlaneExplainer.explain(controlPlane, now));
        add(found, software.explain(now));
        add(found, duplicateAgent);
        add(found, recordLost);
        add(found, serverDrained);
        add(found, serverTrouble);
        add(found, snapshotsFailure());
        if (situation.position().isWanted()) {
            if (serverDrained == null) {
                explainAgent(situation, found);
            }
            explainTransfer(situation, found);
            explainRescan(situation, found);
        } else {
            ExplanationCode code = situation.is(DataReplicationState.PAUSED)
                    ? ExplanationCode.REPLICATION_PAUSED
                    : ExplanationCode.REPLICATION_STOPPED;
            found.add(code.explain(new Facts().put("since", seconds(situation.wantedMillis()))));
        }
        found.sort(Comparator.comparing(Explanation::code));
        return found.size() <= EXPLANATIONS_MAX ? found : found.subList(0, EXPLANATIONS_MAX);
    }

    /** The published error of the gravest explanation that has one. */
    static @Nullable DataReplicationError error(List<Explanation> explanations) {
        for (Explanation explanation : explanations) {
            DataReplicationErrorCode error = explanation.code().error;
            if (error != null) {
                return new DataReplicationError(error, explanation.sentence() + ". " + explanation.nextAction());
            }
        }
        return null;
    }

    /** What the state machine knows. */
    record Situation(Moment now, StatePosition position, long wantedMillis, long lagSeconds) {
        /** No byte was ever durable. */
        boolean isInitiating() {
            return position.covered() == DataReplicationState.INITIATING;
        }

        boolean is(DataReplicationState state) {
            return position.shown() == state;
        }
    }

    /** ISO-8601 */
    private static String seconds(long wallMillis) {
        return Instant.ofEpochMilli(wallMillis).truncatedTo(ChronoUnit.SECONDS).toString();
    }

    private static void add(List<Explanation> found, @Nullable Explanation explanation) {
        if (explanation != null) {
            found.add(explanation);
        }
    }

    private @Nullable Explanation snapshotsFailure() {
        if (snapshots == null) {
            return null;
        }
        Facts facts = new Facts()
                .put("failures", snapshots.failures() == 1 ? "once" : snapshots.failures() + " times in a row")
                .put("since", seconds(snapshots.sinceMillis()))
                .put("reason", snapshots.reason(), SNAPSHOT_REASON_CHARS_MAX);
        return ExplanationCode.SNAPSHOTS_FAILURE.explain(facts, snapshots.nextAction());
    }

    private void explainVolumes(Moment now, List<Explanation> found) {
        for (DiskProgress disk : disks.all()) {
            Facts facts = new Facts()
                    .put("volumeId", disk.assignment().volumeId())
                    .put("path", placeOf(disk.assignment()))
                    .put("deviceName", disk.assignment().deviceName());
            FoundDifference difference = disk.difference();
            if (difference != null) {
                found.add(ExplanationCode.REPLICA_DIFFERS.explain(new Facts()
                        .put("since", seconds(difference.sinceMillis()))
                        .put("volumeId", disk.assignment().volumeId())
                        .put("deviceName", disk.assignment().deviceName())
                        .put("differingBytes", difference.bytes())
                        .put("offset", difference.offsetBytes())
                        .put("sourceServerId", sourceServerId)));
            }
            String failedCause = disk.failedCause();
            if (disk.totalBytes() < settings.diskBytesMin()) {
                found.add(ExplanationCode.DISK_TOO_SMALL.explain(
                        facts.put("sizeBytes", disk.totalBytes()).put("minimumBytes", settings.diskBytesMin())));
            } else if (failedCause != null) {
                found.add(ExplanationCode.VOLUME_FAILED.explain(
                        facts.put("since", seconds(disk.failedMillis())).put("reason", failedCause)));
            } else if (disk.isMissing(now, settings.volumeMissingAfter())) {
                found.add(ExplanationCode.VOLUME_MISSING.explain(
                        facts.put("seconds", disk.missingSeconds(now)).put("reason", disk.unavailableReason())));
            } else if (disk.isAwaited()) {
                found.add(ExplanationCode.VOLUME_AWAITED.explain(
                        facts.put("seconds", disk.missingSeconds(now)).put("reason", disk.unavailableReason())));
            }
        }
    }

    private static String placeOf(VolumeAssignment volume) {
        return volume.path() == null ? "looked for by its serial number" : String.valueOf(volume.path());
    }

    private void explainAgent(Situation situation, List<Explanation> found) {
        Moment now = situation.now();
        RefusedHandshake handshake = agent.refusedHandshake(now);
        RefusedHello hello = agent.refusedHello(now);
        if (handshake != null) {
            ExplanationCode code = handshake.fault() == HandshakeFault.SERVER_PIN_REJECTED
                    ? ExplanationCode.SERVER_PIN_REJECTED
                    : ExplanationCode.AGENT_PIN_UNKNOWN;
            found.add(code.explain(refusal(handshake.address(), now.secondsSince(handshake.nanos()), handshake.reason())
                    .put(PORT, agentPort)));
        }
        if (hello != null) {
            Facts facts = refusal(hello, now).put("error", hello.code().name());
            boolean disks = hello.code() == ErrorCode.RANGE;
            found.add((disks ? ExplanationCode.DISK_SIZE_DIFFERS : ExplanationCode.AGENT_REFUSED).explain(facts));
        }
        if (agent.isOverdue(now) && hello == null) {
            found.add(ExplanationCode.AGENT_NEVER_CONNECTED.explain(
                    new Facts().put("seconds", agent.awaySeconds(now)).put(PORT, agentPort)));
        }
        if (situation.is(DataReplicationState.DISCONNECTED)) {
            found.add(ExplanationCode.AGENT_NOT_SEEN.explain(new Facts()
                    .put("seconds", agent.awaySeconds(now))
                    .put("reason", agent.endReason())
                    .put(PORT, agentPort)));
        }
        if (agent.isUnstable(now)) {
            found.add(ExplanationCode.UNSTABLE_NETWORK.explain(new Facts()
                    .put("disconnects", agent.disconnects(now))
                    .put("windowSeconds", settings.unstableWindow().toSeconds())
                    .put("reason", agent.lostReason())
                    .put(PORT, agentPort)));
        }
        if (situation.isInitiating() && agent.isOpenFor(now, settings.firstByteAfter())) {
            found.add(ExplanationCode.NO_FIRST_BYTE.explain(new Facts().put("seconds", agent.openSeconds(now))));
        }
    }

    private static Facts refusal(RefusedHello hello, Moment now) {
        return refusal(hello.address(), now.secondsSince(hello.nanos()), hello.reason());
    }

    private static Facts refusal(String address, long seconds, String reason) {
        return new Facts().put("address", address).put("seconds", seconds).put("reason", reason);
    }

    private void explainTransfer(Situation situation, List<Explanation> found) {
        Moment now = situation.now();
        long nanos = now.nanos();
        if (situation.is(DataReplicationState.STALLED)) {
            found.add(stalled(now));
        }
        if (agent.isOpen() && rates.isNotConverging(nanos)) {
            Rate rate = rates.longRate(nanos);
            Long arriving = rate.arrivingBytesPerSecond();
            Facts facts = new Facts()
                    .put("backloggedBytes", disks.remainingBytes())
                    .put("arrivingBytesPerSecond", arriving == null ? 0 : arriving)
                    .put("durableBytesPerSecond", rate.durableBytesPerSecond())
                    .put("windowSeconds", rate.windowSeconds());
            found.add(withStage(ExplanationCode.NOT_CONVERGING, facts, attribution.sinceLagBegan(), nanos));
        }
        List<DiskProgress> notOffered = agent.isOpen() ? disks.notOffered() : List.of();
        for (DiskProgress disk : notOffered) {
            found.add(ExplanationCode.DISK_NOT_OFFERED.explain(new Facts()
                    .put("deviceName", disk.assignment().deviceName())
                    .put("volumeId", disk.assignment().volumeId())
                    .put("sourceServerId", sourceServerId)));
        }
        RefusedHello size = notOffered.isEmpty() ? null : agent.refusedSize(now);
        if (size != null) {
            found.add(ExplanationCode.DISK_SIZE_DIFFERS.explain(refusal(size, now)));
        }
        // Where nothing is to come, what keeps the replica behind is a disk that has its own row.
        boolean othersAreToBlame = disks.areBroken() || !notOffered.isEmpty();
        if (situation.is(DataReplicationState.BACKLOG) && (!othersAreToBlame || disks.remainingBytes() > 0)) {
            Facts facts = new Facts()
                    .put("lagSeconds", situation.lagSeconds())
                    .put("backloggedBytes", disks.remainingBytes());
            found.add(withStage(ExplanationCode.BACKLOG, facts, attribution.sinceLagBegan(), nanos));
        }
    }

    /** Since when nothing became durable, and where that time went. */
    Explanation stalled(Moment now) {
        Facts facts = new Facts().put("seconds", stall.seconds(now));
        return withStage(ExplanationCode.STALLED, facts, stall.stages(attribution.total()), now.nanos());
    }

    /** Names the stage with the largest share; there may be none yet. */
    private Explanation withStage(ExplanationCode code, Facts facts, StageTimes stages, long nowNanos) {
        LagStage largest = stages.largest();
        if (largest == null) {
            facts.put("stage", UNKNOWN).put("percent", 100).put("where", "nothing that was measured yet");
            return code.explain(facts, "Look again in a minute.");
        }
        facts.put("stage", largest.name())
                .put("percent", stages.percent(largest))
                .put("where", isUnsure(largest, nowNanos) ? largest.wordsIfUnsure : largest.words);
        return code.explain(facts, largest.nextAction);
    }

    private boolean isUnsure(LagStage stage, long nowNanos) {
        return switch (stage) {
            case SOURCE -> !attribution.tellsWaits(nowNanos);
            case VOLUME -> !attribution.knowsInstanceLimit();
            default -> false;
        };
    }

    private void explainRescan(Situation situation, List<Explanation> found) {
        List<DiskProgress> incomplete =
                disks.all().stream().filter(DiskProgress::isIncomplete).toList();
        if (situation.position().covered() == DataReplicationState.RESCAN && !incomplete.isEmpty()) {
            String reasons = incomplete.stream()
                    .map(disk -> RescanReason.inWords(disk.passReason()))
                    .distinct()
                    .collect(Collectors.joining(", "));
            found.add(ExplanationCode.RESCAN.explain(new Facts()
                    .put("disks", incomplete.size())
                    .put("allDisks", disks.all().size())
                    .put("reason", reasons)
                    .put("doneBytes", sum(incomplete, DiskProgress::passBytes))
                    .put("totalBytes", sum(incomplete, DiskProgress::totalBytes))));
        }
    }

    private static long sum(List<DiskProgress> disks, ToLongFunction<DiskProgress> bytes) {
        return disks.stream().mapToLong(bytes).sum();
    }
}
