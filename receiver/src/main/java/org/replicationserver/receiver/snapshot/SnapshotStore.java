package org.replicationserver.receiver.snapshot;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.log.PeerText;
import org.replicationserver.receiver.replication.SnapshotStanding;
import org.replicationserver.receiver.replication.SnapshotTrouble;
import org.replicationserver.volume.StateDirectory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What must survive a restart of snapshot groups: those that are not over, what became of the newest, and how it stands with each source
 * server; the record {@value #RECORD} of the state directory. Any thread.
 *
 * <p>The stage of a change is done when it survives a power loss, and fails when the disk does.
 */
public final class SnapshotStore {
    static final String RECORD = "snapshots";

    /** Groups that are not over. */
    static final int GROUPS_MAX = 48;

    /** Commands and requests whose end is remembered, so that none is carried out twice. */
    static final int RESULTS_MAX = 64;

    /** Also of source servers that are not here any more, since they may come back. */
    static final int STANDINGS_MAX = 64;

    private static final int SENTENCE_CHARS_MAX = 700;
    private static final Logger LOG = LoggerFactory.getLogger(SnapshotStore.class);

    private final StateDirectory directory;

    // under the lock of this; the newest comes last
    private final SequencedMap<String, SnapshotGroup> groups = new LinkedHashMap<>();
    private final SequencedMap<SnapshotTrigger, SnapshotResult> results = new LinkedHashMap<>();
    private final SequencedMap<String, SnapshotStanding> standings = new LinkedHashMap<>();

    private SnapshotStore(StateDirectory directory) {
        this.directory = directory;
    }

    /** Blocks; a record of which a part cannot be read is told, and counts as never kept as a whole. */
    public static SnapshotStore load(StateDirectory directory) {
        try {
            SnapshotStore store = new SnapshotStore(directory);
            byte[] record = directory.load(RECORD).orElse(null);
            if (record != null) {
                store.read(new JsonObject(Buffer.buffer(record)));
            }
            return store;
        } catch (ClassCastException | NullPointerException e) {
            return unreadable(directory, "a member is missing or has another type");
        } catch (IOException | DecodeException | IllegalArgumentException e) {
            return unreadable(directory, String.valueOf(e.getMessage()));
        }
    }

    private static SnapshotStore unreadable(StateDirectory directory, String cause) {
        LOG.atError()
                .addKeyValue("cause", cause)
                .log("what was kept of snapshot groups cannot be read, those under way are not followed any more");
        return new SnapshotStore(directory); // not the one that has taken a part of it
    }

    private synchronized void read(JsonObject json) {
        SnapshotJson.read(json, "groups", SnapshotJson::group).forEach(group -> groups.put(group.groupId(), group));
        SnapshotJson.read(json, "results", each -> {
            SnapshotResult result = SnapshotJson.result(each);
            SnapshotJson.triggers(each).forEach(trigger -> results.put(trigger, result));
            return result;
        });
        SnapshotJson.read(json, "standings", each -> {
            SnapshotStanding standing = SnapshotJson.standing(each);
            standings.put(SnapshotJson.text(each, "sourceServerId"), standing);
            return standing;
        });
    }

    // --- what is known

    /** Those that are not over, the oldest first. */
    synchronized List<SnapshotGroup> groups() {
        return List.copyOf(groups.values());
    }

    synchronized boolean isFull() {
        return groups.size() >= GROUPS_MAX;
    }

    /** What became of it, if that was its end; else null. */
    synchronized @Nullable SnapshotResult resultOf(SnapshotTrigger trigger) {
        SnapshotResult known = results.get(trigger);
        return known != null && trigger.isServedBy(known.outcome()) ? known : null;
    }

    /** By source server. */
    public synchronized Map<String, SnapshotStanding> standings() {
        return new LinkedHashMap<>(standings);
    }

    synchronized SnapshotStanding standing(String sourceServerId) {
        return standings.getOrDefault(sourceServerId, SnapshotStanding.NONE);
    }

    // --- changes

    /** A group that is new, or has come further. */
    synchronized CompletionStage<Void> put(SnapshotGroup group) {
        groups.put(group.groupId(), group);
        return store();
    }

    /** The control plane will know the group. */
    synchronized CompletionStage<Void> registered(SnapshotGroup group, SnapshotResult result) {
        groups.put(group.groupId(), group);
        remember(group.triggers(), result);
        return store();
    }

    /** A group is over. */
    synchronized CompletionStage<Void> remove(SnapshotGroup group) {
        groups.remove(group.groupId());
        return store();
    }

    /** A group was not made. */
    synchronized CompletionStage<Void> failed(
            @Nullable SnapshotGroup group, List<SnapshotTrigger> triggers, SnapshotResult result) {
        if (group != null) {
            groups.remove(group.groupId());
        }
        remember(triggers, result);
        return store();
    }

    /** The process that made the group ended in the middle: that is the end for its commands, although the group is still looked into. */
    synchronized void interrupted(SnapshotGroup group, SnapshotResult result) {
        remember(group.triggers(), result);
    }

    private void remember(List<SnapshotTrigger> triggers, SnapshotResult result) {
        SnapshotResult cut = new SnapshotResult(
                result.groupId(),
                result.outcome(),
                PeerText.cut(result.sentence(), SENTENCE_CHARS_MAX),
                PeerText.line(result.nextAction()),
                result.snapshotIds());
        for (SnapshotTrigger trigger : triggers) {
            results.remove(trigger); // to be the newest
            results.put(trigger, cut);
        }
        while (results.size() > RESULTS_MAX) {
            results.pollFirstEntry();
        }
    }

    // --- standings; each returns the new one

    synchronized SnapshotStanding troubled(String sourceServerId, SnapshotResult result, long nowMillis) {
        SnapshotStanding before = standing(sourceServerId);
        SnapshotTrouble known = before.trouble();
        SnapshotTrouble trouble = new SnapshotTrouble(
                known == null ? nowMillis : known.sinceMillis(),
                known == null ? 1 : known.failures() + 1,
                result.outcome() == SnapshotOutcome.SNAPSHOT_ERROR,
                PeerText.cut(result.sentence(), SENTENCE_CHARS_MAX),
                PeerText.line(result.nextAction()));
        return change(sourceServerId, new SnapshotStanding(before.lastMillis(), before.markMillis(), trouble));
    }

    /** A group was made; what went wrong with snapshots after they were made is not mended by that. */
    synchronized SnapshotStanding made(String sourceServerId) {
        SnapshotStanding before = standing(sourceServerId);
        SnapshotTrouble trouble = before.trouble();
        if (trouble == null || trouble.ofMadeGroup()) {
            return before;
        }
        return change(sourceServerId, new SnapshotStanding(before.lastMillis(), before.markMillis(), null));
    }

    /** All snapshots of a group are complete. An older group than the newest that was so changes only the trouble. */
    synchronized SnapshotStanding completed(SnapshotGroup group) {
        SnapshotStanding before = standing(group.sourceServerId());
        boolean isNewest = group.takenMillis() >= before.lastMillis();
        return change(
                group.sourceServerId(),
                new SnapshotStanding(
                        isNewest ? group.takenMillis() : before.lastMillis(),
                        isNewest ? group.markMillis() : before.markMillis(),
                        null));
    }

    private SnapshotStanding change(String sourceServerId, SnapshotStanding standing) {
        standings.remove(sourceServerId); // to be the newest
        standings.put(sourceServerId, standing);
        if (standings.size() > STANDINGS_MAX) {
            standings.pollFirstEntry();
        }
        store();
        return standing;
    }

    /** Under the lock, so that an older content is never stored after a newer one. */
    private CompletionStage<Void> store() {
        JsonObject json = new JsonObject()
                .put(
                        "groups",
                        SnapshotJson.list(
                                groups.values().stream().map(SnapshotJson::of).toList()))
                .put(
                        "results",
                        SnapshotJson.list(results.entrySet().stream()
                                .map(one -> SnapshotJson.of(one.getValue())
                                        .put("triggers", SnapshotJson.triggers(List.of(one.getKey()))))
                                .toList()))
                .put(
                        "standings",
                        SnapshotJson.list(standings.entrySet().stream()
                                .map(one -> SnapshotJson.of(one.getKey(), one.getValue()))
                                .toList()));
        try {
            return directory.store(RECORD, json.encode().getBytes(StandardCharsets.UTF_8));
        } catch (RejectedExecutionException | IllegalArgumentException e) { // closed, or more than a record may be
            return CompletableFuture.failedStage(e);
        }
    }
}
