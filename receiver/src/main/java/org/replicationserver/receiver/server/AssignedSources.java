package org.replicationserver.receiver.server;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.replicationserver.cert.Pin;
import org.replicationserver.cert.PinRegistry;
import org.replicationserver.receiver.config.AssignedSource;
import org.replicationserver.receiver.session.Sessions;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.status.VolumeMeters;

/**
 * What is assigned to this server, and the one place where that changes: pins, volumes, meters. Event loop only.
 *
 * <p>Nobody comes with a pin that is gone any more. Connections with it end at once; those of a source server that is gone as a whole
 * are asked to finish. New pins are let in only when their source server has a place.
 */
final class AssignedSources {
    private final PinRegistry pins;
    private final Sessions sessions;
    private final VolumeMeters meters;
    private Map<String, AssignedSource> current = Map.of();

    /** Written by the event loop, read by any thread. */
    private volatile Set<String> volumeIds = Set.of();

    AssignedSources(PinRegistry pins, Sessions sessions, VolumeMeters meters) {
        this.pins = pins;
        this.sessions = sessions;
        this.meters = meters;
    }

    /**
     * Makes this the assignment of the whole server.
     *
     * @return done when every volume that came was opened or cannot be, and every volume that went is closed; fails only by a fault of the
     *     program, which was told
     */
    CompletionStage<Void> change(List<AssignedSource> sources) {
        Map<String, AssignedSource> before = current;
        Map<String, AssignedSource> after = new LinkedHashMap<>();
        sources.forEach(source -> after.put(source.assignment().sourceServerId(), source));
        current = after;

        Map<Pin, String> pinsAfter = pinsOf(after);
        List<CompletableFuture<Void>> changes = new ArrayList<>();
        before.keySet().stream()
                .filter(id -> !after.containsKey(id))
                .forEach(id -> changes.add(sessions.unassign(id).toCompletableFuture()));
        after.forEach((id, source) -> {
            if (!isSame(source, before.get(id))) {
                changes.add(
                        sessions.assign(source.assignment(), source.bandwidth(), source.wanted(), source.lastReported())
                                .toCompletableFuture());
            }
        });
        pins.replaceAll(pinsAfter);
        sessions.withdrawPins(withdrawn(before, after, pinsAfter));
        volumeIds = Set.copyOf(volumesOf(after));
        meters.keepOnly(volumeIds);
        return CompletableFuture.allOf(changes.toArray(CompletableFuture[]::new));
    }

    /** What was last reported counts only when a source server comes, and differs after each commit. */
    private static boolean isSame(AssignedSource source, @Nullable AssignedSource former) {
        return former != null
                && source.assignment().equals(former.assignment())
                && source.bandwidth().equals(former.bandwidth())
                && source.wanted() == former.wanted();
    }

    /** Pins whose connections end now. Those of a source server that goes are asked to finish instead. */
    private static Set<String> withdrawn(
            Map<String, AssignedSource> before, Map<String, AssignedSource> after, Map<Pin, String> pinsAfter) {
        Set<String> withdrawn = new HashSet<>();
        pinsOf(before).forEach((pin, id) -> {
            if (after.containsKey(id) && !id.equals(pinsAfter.get(pin))) {
                withdrawn.add(pin.toString());
            }
        });
        return withdrawn;
    }

    /** Ids of all assigned volumes; any thread. */
    Set<String> volumeIds() {
        return volumeIds;
    }

    /** Ids of all source servers that something is assigned to. */
    Set<String> sourceServerIds() {
        return current.keySet();
    }

    /** Ids of the volumes that are assigned to a source server. */
    List<String> volumeIdsOf(String sourceServerId) {
        AssignedSource source = current.get(sourceServerId);
        return source == null
                ? List.of()
                : source.assignment().volumes().stream()
                        .map(VolumeAssignment::volumeId)
                        .toList();
    }

    /** What is assigned now. */
    List<AssignedSource> current() {
        return List.copyOf(current.values());
    }

    /** Of a source server, null if it is not assigned. */
    @Nullable
    SourceAssignment assignmentOf(String sourceServerId) {
        AssignedSource source = current.get(sourceServerId);
        return source == null ? null : source.assignment();
    }

    private static Map<Pin, String> pinsOf(Map<String, AssignedSource> sources) {
        Map<Pin, String> pins = new HashMap<>();
        sources.forEach((id, source) -> source.agentPins().forEach(pin -> pins.put(Pin.parse(pin), id)));
        return pins;
    }

    private static Set<String> volumesOf(Map<String, AssignedSource> sources) {
        Set<String> ids = new HashSet<>();
        for (AssignedSource source : sources.values()) {
            SourceAssignment assignment = source.assignment();
            assignment.volumes().stream().map(VolumeAssignment::volumeId).forEach(ids::add);
        }
        return ids;
    }
}
