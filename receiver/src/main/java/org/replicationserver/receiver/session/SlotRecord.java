package org.replicationserver.receiver.session;

import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.volume.Mark;
import org.replicationserver.volume.Volume;

/**
 * The record of one source server as it is now, and all that changes it. Event loop only.
 *
 * <p>A change counts here at once; its stage is done when it is durable, in the order of the changes.
 */
final class SlotRecord {
    private static final HexFormat HEX = HexFormat.of();

    private final String sourceServerId;
    private final SessionContext context;
    private final Runnable whenDurable;
    private SourceRecord now;
    private int storesUnderWay;

    /** @param whenDurable called when all that counts has become durable */
    SlotRecord(String sourceServerId, SourceRecord now, SessionContext context, Runnable whenDurable) {
        this.sourceServerId = sourceServerId;
        this.now = now;
        this.context = context;
        this.whenDurable = whenDurable;
    }

    SourceRecord now() {
        return now;
    }

    /** Whether all that counts is durable, so that an agent may be told of it. */
    boolean isDurable() {
        return storesUnderWay == 0;
    }

    private CompletionStage<Void> change(SourceRecord changed) {
        now = changed;
        storesUnderWay++;
        return context.records().store(sourceServerId, changed).thenRun(this::changeStored);
    }

    private void changeStored() {
        storesUnderWay--;
        if (isDurable()) {
            whenDurable.run();
        }
    }

    // --- sessions

    /**
     * A session is about to open: it gets the next generation, and each of its volumes a data generation if it has none.
     *
     * @param openAs the volume that is open as it is assigned, null if none is
     */
    CompletionStage<Void> beginSession(
            Hello hello, SourceAssignment assignment, Function<VolumeAssignment, @Nullable Volume> openAs) {
        long remembered = hello.remembers() == null ? 0 : hello.remembers().generation();
        SourceRecord begun = now.met(hello, assignment).withGeneration(Math.max(now.generation(), remembered) + 1);
        for (Hello.Disk disk : hello.disks()) {
            VolumeAssignment volume = assignment.volumeOf(disk.deviceName());
            if (volume != null && !begun.volumes().containsKey(volume.volumeId())) {
                boolean known = hello.remembers() != null && hello.remembers().disk(disk.deviceName()) != null;
                begun = begun.withVolume(
                        volume.volumeId(), met(volume, openAs.apply(volume), known, begun.generation()));
            }
        }
        return change(begun);
    }

    /**
     * The record of a volume that has none.
     *
     * @param volume null if it is not open
     * @param remembered whether an agent knows one
     * @param generation of the session that meets it
     */
    private VolumeRecord met(VolumeAssignment assigned, @Nullable Volume volume, boolean remembered, long generation) {
        boolean lost = remembered || now.stateLost() || (volume != null && wasWritten(volume));
        if (lost && volume != null) {
            volume.withdrawFresh();
        }
        VolumeRecord drawn = VolumeRecord.drawn(newDataGen(), lost ? Origin.STATE_LOST : Origin.NEW_VOLUME, generation);
        return volume == null ? drawn : drawn.opened(assigned, volume.physicalId());
    }

    /** Whether a server has had it, and it was written to: that there is no record of that does not make it new. */
    private static boolean wasWritten(Volume volume) {
        return volume.mark() == Mark.PRESENT && !volume.isFresh();
    }

    private String newDataGen() {
        byte[] dataGen = new byte[16];
        context.random().nextBytes(dataGen);
        return HEX.formatHex(dataGen);
    }

    /** Whether it says already that the session of this generation may write. */
    boolean isWriter(long generation) {
        return now.writtenGeneration() == generation;
    }

    CompletionStage<Void> setWriter(long generation) {
        SourceRecord changed = now.withWriter(generation);
        return change(changed).thenRun(() -> context.events().writerStored(sourceServerId, changed));
    }

    /** Done with the record that was stored. */
    CompletionStage<SourceRecord> commit(long epoch, boolean fuzzy, long markTimeMillis) {
        SourceRecord committed = now.withCommit(epoch, fuzzy, markTimeMillis);
        return change(committed).thenApply(stored -> committed);
    }

    /** Takes note of the first block ever; it is stored with the next change. */
    void blockArrived() {
        if (now.firstByteMillis() == 0) {
            now = now.withFirstByte(context.clock().millis());
            context.events().firstByteReceived(sourceServerId);
        }
    }

    void setRefusedAgents(List<RefusedAgent> agents) {
        context.tellFault(sourceServerId, change(now.withRefusedAgents(agents)));
    }

    // --- volumes

    @Nullable
    VolumeRecord volume(String volumeId) {
        return now.volumes().get(volumeId);
    }

    /** Why a volume has failed, or null if it has not. */
    @Nullable
    String failedCause(String volumeId) {
        return now.failedCause(volumeId);
    }

    /** As {@link SourceRecord#mayMake}. */
    boolean mayMake(VolumeAssignment volume) {
        return now.mayMake(volume);
    }

    /** As {@link SourceRecord#heldBytes}. */
    long heldBytes(String volumeId) {
        return now.heldBytes(volumeId);
    }

    /**
     * Takes note of what was opened. If another file or device is in the place of the one that is known, nothing that an agent remembers of
     * the volume's content holds. A HELLO that came before decided without it whether it is new.
     */
    void opened(VolumeAssignment assigned, Volume volume) {
        String id = assigned.volumeId();
        VolumeRecord known = volume(id);
        if (known == null) {
            return; // the first HELLO takes note
        }
        boolean replaced = known.isReplacedBy(volume, assigned);
        VolumeRecord begun = replaced ? VolumeRecord.drawn(newDataGen(), Origin.VOLUME_REPLACED, 0) : known;
        VolumeRecord changed = begun.opened(assigned, volume.physicalId());
        if (changed.origin() == Origin.NEW_VOLUME
                && now.writtenGeneration() < known.sinceGeneration()
                && wasWritten(volume)) {
            changed = changed.withOrigin(Origin.STATE_LOST);
        }
        if (changed.origin() != Origin.NEW_VOLUME) {
            volume.withdrawFresh(); // it may have been believed when there was no record
        }
        if (replaced) {
            context.events().volumeReplaced(sourceServerId, id, known.device(), changed.device());
        }
        if (replaced) {
            context.tellFault(sourceServerId, begin(id, changed));
        } else if (!changed.equals(known)) {
            context.tellFault(sourceServerId, change(now.withVolume(id, changed)));
        }
    }

    /** Stores a volume with another data generation. */
    private CompletionStage<Void> begin(String volumeId, VolumeRecord begun) {
        return changeNeedingRescan(now.withVolume(volumeId, begun))
                .thenRun(() -> context.events().volumeBegunAnew(sourceServerId, volumeId, begun.dataGen()));
    }

    /** A server that replaces this one goes by what was told, so it is told before any session. */
    private CompletionStage<Void> changeNeedingRescan(SourceRecord changed) {
        return change(changed).thenRun(() -> context.events().rescanNeeded(sourceServerId, changed));
    }

    /** Whether nothing is known to have been written to a volume. */
    boolean isUntouched(String volumeId) {
        return !now.stateLost() && volume(volumeId) == null;
    }

    /** Forgets volumes that are not assigned any more, if they are too many; it is stored with the next change. */
    void prune(SourceAssignment assignment) {
        now = now.pruned(assignment);
    }

    CompletionStage<Void> setFailed(String volumeId, VolumeRecord known, String cause) {
        return changeNeedingRescan(now.withVolume(volumeId, known.withFailure(cause)));
    }

    /**
     * A volume is about to be opened by an operator's wish. After a failure nobody knows what it holds, and what is made anew holds nothing:
     * then what was known of it does not hold any more.
     *
     * @param made whether its image file is made anew
     */
    CompletionStage<Void> reopen(String volumeId, boolean made) {
        VolumeRecord known = volume(volumeId);
        if (known == null || (known.failedCause() == null && !made)) {
            return change(now);
        }
        return begin(volumeId, VolumeRecord.drawn(newDataGen(), Origin.VOLUME_REOPENED, 0));
    }

    /** Nothing that an agent remembers of these volumes holds any more. */
    CompletionStage<Void> rescan(Set<String> volumeIds, Origin why) {
        SourceRecord changed = now;
        for (String id : volumeIds) {
            VolumeRecord known = volume(id);
            if (known != null) {
                changed = changed.withVolume(id, known.withDataGen(newDataGen(), why));
            }
        }
        return changeNeedingRescan(changed);
    }
}
