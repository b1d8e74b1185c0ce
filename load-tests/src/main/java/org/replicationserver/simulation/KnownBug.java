package org.replicationserver.simulation;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A mistake that somebody might make: places of the shipped sources, and what would be there instead. It exists in a build of its own only,
 * in which the simulation must find it.
 */
public record KnownBug(String name, List<Edit> edits) {
    /**
     * One place.
     *
     * @param file of the sources, from the project's folder on
     * @param code that is there now, exactly once
     * @param wrong what is compiled in its place
     */
    public record Edit(String file, String code, String wrong) {}

    private static final String VOLUME = "volume-writer/src/main/java/org/replicationserver/volume/";
    private static final String PROTOCOL = "receiver/src/main/java/org/replicationserver/receiver/protocol/";
    private static final String SESSION = "receiver/src/main/java/org/replicationserver/receiver/session/";
    private static final String AGENT = "load-tests/src/main/java/org/replicationserver/agent/";

    public static final List<KnownBug> ALL = List.of(
            // what is acknowledged is durable
            bug("acknowledge-without-force", VOLUME + "VolumeWriter.java", "device.force();", ""),
            bug(
                    "ignore-failed-force",
                    VOLUME + "VolumeWriter.java",
                    "device.force();",
                    "try { device.force(); } catch (DeviceException e) { runs.forced(); }"),
            bug(
                    "retry-failed-force",
                    VOLUME + "VolumeWriter.java",
                    "device.force();",
                    "try { device.force(); } catch (DeviceException e) { device.force(); }"),
            bug(
                    "ignore-failed-write",
                    VOLUME + "RunWriter.java",
                    "device.write(slab().slice(Slab.positionOf(runOffsetBytes), lengthBytes), runOffsetBytes);",
                    "try { device.write(slab().slice(Slab.positionOf(runOffsetBytes), lengthBytes), runOffsetBytes); }"
                            + " catch (DeviceException e) { unforced = true; }"),
            bug(
                    "write-on-after-failure",
                    VOLUME + "VolumeWriter.java",
                    "return failure == null ? write() : drop();",
                    "return write();"),
            bug(
                    "settle-before-force",
                    VOLUME + "VolumeWriter.java",
                    "        if (runs.isUnforced()) {\n            counters.deviceBusy.begin();",
                    "        settleRound(BlockWrite.Outcome.DURABLE);\n        reportRound();\n"
                            + "        if (runs.isUnforced()) {\n            counters.deviceBusy.begin();"),
            bug(
                    "acknowledge-corrupt-block",
                    VOLUME + "RunWriter.java",
                    "write.settle(BlockWrite.Outcome.CORRUPT);",
                    "write.settle(BlockWrite.Outcome.DURABLE);"),
            bug(
                    "acknowledge-what-was-dropped",
                    SESSION + "StreamState.java",
                    "if (block.outcome() != BlockWrite.Outcome.DURABLE) {",
                    "if (block.outcome() == BlockWrite.Outcome.CORRUPT) {"),
            bug(
                    "acknowledge-beyond-what-is-under-way",
                    SESSION + "StreamState.java",
                    "if (v.underWay == 0 && v.droppedSeq == 0) {",
                    "if (v.droppedSeq == 0) {"),
            bug(
                    "skip-the-header-crc",
                    PROTOCOL + "FrameHeader.java",
                    "if (crcOf(in, 0, length) != in.getInt(CRC_AT)) {",
                    "if (length < 0) {"),
            bug(
                    "skip-the-crc-of-a-block",
                    VOLUME + "BlockExpander.java",
                    "return whole && crcOf(target, position, lengthBytes) == rawCrc32c;",
                    "return whole;"),
            // the order of writes
            bug(
                    "welcome-before-fence",
                    SESSION + "SourceSlot.java",
                    "stored.thenCompose(done -> fenced).thenRun(",
                    "stored.thenRun("),
            bug(
                    "fence-without-the-running-batch",
                    SESSION + "SlotVolumes.java",
                    "open.volume().fence(newest, () -> context.eventLoop().execute(() -> settled.complete(null)));",
                    "settled.complete(null);"),
            bug(
                    "fence-drops-nothing",
                    VOLUME + "WriteQueue.java",
                    "writes.removeIf(write -> write.owner() == fence.owner() && dropped.add(write));",
                    ""),
            bug(
                    "fence-leaves-zeros",
                    VOLUME + "WriteQueue.java",
                    "writes.removeIf(write -> write.owner() == fence.owner() && dropped.add(write));",
                    "writes.removeIf(write -> write.owner() == fence.owner()"
                            + " && write.kind() == BlockWrite.Kind.DATA && dropped.add(write));"),
            bug(
                            "welcome-before-the-record",
                            SESSION + "SourceSlot.java",
                            "stored.thenCompose(done -> fenced).thenRun(",
                            "fenced.thenRun(")
                    .and(
                            SESSION + "SessionOpening.java",
                            "return mayWrite && slot.record.isDurable() && (",
                            "return mayWrite && ("),
            // what is refused, and how
            bug(
                    "call-a-corrupt-block-too-large",
                    SESSION + "SourceSession.java",
                    "ErrorCode.INTEGRITY,",
                    "ErrorCode.LIMIT,"),
            bug(
                    "refuse-in-silence",
                    SESSION + "AgentConnection.java",
                    "            sendError(e);\n            end(e.code()",
                    "            end(e.code()"),
            // zeros
            bug(
                    "zero-as-discard",
                    VOLUME + "RunWriter.java",
                    "device.zero(runOffsetBytes, lengthBytes, runMayDeallocate);",
                    "if (!runMayDeallocate) { device.zero(runOffsetBytes, lengthBytes, false); }"),
            bug(
                    "forget-touched-regions",
                    VOLUME + "TouchedRegions.java",
                    "touched.set(first(write), last(write) + 1);",
                    ""),
            bug("believe-fresh", VOLUME + "VolumeWriter.java", "if (fresh && !freshChecked) {", "if (sizeBytes < 0) {"),
            // commits
            bug(
                    "commit-before-blocks-are-durable",
                    SESSION + "SessionEpochs.java",
                    "idle &= stream.fenceSeq == named && stream.isIdle();",
                    "idle &= stream.fenceSeq == named;"),
            bug(
                    "commit-before-fences",
                    SESSION + "SessionEpochs.java",
                    "idle &= stream.fenceSeq == named && stream.isIdle();",
                    "idle &= stream.isIdle();"),
            bug(
                    "answer-commit-before-the-record",
                    SESSION + "SessionEpochs.java",
                    "        if (idle) {\n            open.storing = true;",
                    "        if (idle) {\n            control.send(FrameType.EPOCH_STATUS, new EpochStatus(open.epoch, true));\n"
                            + "            open.storing = true;"),
            // what is remembered
            bug(
                            "resume-on-another-content",
                            SESSION + "ResumeRule.java",
                            "if (!disk.dataGen().equals(known.dataGen())) {",
                            "if (disk.dataGen().isEmpty()) {")
                    .and(
                            AGENT + "ReplicatedDisks.java",
                            "volume.action() == Welcome.Action.RESUME && disk.isContent(volume.dataGen());",
                            "volume.action() == Welcome.Action.RESUME;"),
            bug(
                    "resume-an-agent-that-is-behind",
                    SESSION + "ResumeRule.java",
                    "return remembers.generation() < record.writtenGeneration();",
                    "return false;"),
            bug(
                    "doubt-the-agent-that-wrote-last",
                    SESSION + "ResumeRule.java",
                    "return remembers.generation() < record.writtenGeneration();",
                    "return remembers.generation() <= record.writtenGeneration();"),
            bug(
                    "believe-who-could-not-be-told",
                    SESSION + "SourceSlot.java",
                    "if (ready.beginsUntoldAnew()) {",
                    "if (ready == null) {"),
            bug(
                    "reopen-as-the-same-content",
                    SESSION + "SlotRecord.java",
                    "return begin(volumeId, VolumeRecord.drawn(newDataGen(), Origin.VOLUME_REOPENED, 0));",
                    "return begin(volumeId, new VolumeRecord(known.dataGen(), known.origin(), null));"),
            bug(
                    "forget-that-a-session-may-write",
                    SESSION + "SessionEpochs.java",
                    "if (slot.record.isWriter(session.generation())) {",
                    "if (session.generation() > 0) {"),
            // another server's volumes
            bug(
                    "forget-what-another-server-reported",
                    SESSION + "Sessions.java",
                    "SourceRecord record = known.newerOf(lastReported);",
                    "SourceRecord record = known;"),
            bug(
                    "doubt-an-agent-that-saw-a-newer-commit",
                    SESSION + "SourceRecord.java",
                    "long seen = hello.remembers() == null ? 0 : newestSeen(hello.remembers(), assignment);",
                    "long seen = 0;"),
            bug(
                    "give-volumes-away-too-early",
                    SESSION + "Sessions.java",
                    "return slot.leave().thenApply(",
                    "slot.leave(); return CompletableFuture.<Void>completedStage(null).thenApply("),
            // holds
            bug(
                    "open-an-epoch-during-a-hold",
                    SESSION + "SlotHold.java",
                    "return hold != null && hold.phase != Phase.AWAITING;",
                    "return false;"),
            // bounds
            bug(
                    "raise-the-limit-too-far",
                    SESSION + "StreamState.java",
                    "v.limitBytes += block.windowBytes();",
                    "v.limitBytes += 2 * block.windowBytes();"),
            bug(
                    "acknowledge-a-frame-before-it-comes",
                    SESSION + "StreamState.java",
                    "v.durableSeq = Math.max(v.durableSeq, connection.receivedSeq());",
                    "v.durableSeq = Math.max(v.durableSeq, connection.receivedSeq() + 1);"),
            bug("leak-payload-memory", SESSION + "BlockPool.java", "memory.release(block.memory);", ""),
            bug(
                    "leak-a-share-of-memory",
                    SESSION + "SourceSession.java",
                    "        slot.memory.release(block.payloadBytes);\n        if (block.outcome()",
                    "        if (block.outcome()"),
            // rescans and verifications
            bug(
                    "call-everything-equal",
                    VOLUME + "BlockComparison.java",
                    "if (!isEqual(block, at, Math.min(blockBytes, pieceBytes - at))) {",
                    "if (!isEqual(block, at, Math.min(blockBytes, pieceBytes - at)) && block < 0) {"),
            bug(
                    "believe-what-an-earlier-process-did-not-force",
                    VOLUME + "VolumeWriter.java",
                    "        runs.distrust();\n",
                    ""),
            bug(
                    "compare-what-could-not-be-read",
                    VOLUME + "BlockComparison.java",
                    "device.read(memory.piece(pieceBytes), offsetBytes + comparedBytes);",
                    "try { device.read(memory.piece(pieceBytes), offsetBytes + comparedBytes); }"
                            + " catch (DeviceException e) { memory.piece(pieceBytes); }"),
            bug("believe-a-cache-after-a-failed-force", VOLUME + "VolumeWriter.java", "device.forgetCache();", ""),
            bug(
                    "keep-a-volume-fresh-that-is-not-zero",
                    VOLUME + "VolumeWriter.java",
                    "if (comparison.hasRefutedZero()) {",
                    "if (comparison.hasRefutedZero() && sizeBytes < 0) {"),
            bug(
                    "commit-before-all-is-compared",
                    AGENT + "SessionTransfer.java",
                    "if (!comparisons.stream().allMatch(DiskComparison::isDone)) {",
                    "if (verifying && !comparisons.stream().allMatch(DiskComparison::isDone)) {"),
            bug(
                    "compare-what-has-changed-since-it-was-sent",
                    AGENT + "Verification.java",
                    "                && disk.hashes.isSent(block, read.hashes, read.hashAt(block));",
                    "                && block >= 0;"),
            bug(
                    "compare-what-is-to-be-sent",
                    AGENT + "DirtyMap.java",
                    "        unknown.remove(block);\n        dirty.add(block);",
                    "        dirty.add(block);"),
            bug(
                    "forget-what-is-not-compared-yet",
                    AGENT + "DirtyMap.java",
                    "        dirty.addAll(inFlight);\n",
                    "        dirty.addAll(inFlight);\n        open -= unknown.count();\n        unknown.clear();\n"),
            // the agent
            bug("forget-what-was-in-flight", AGENT + "DirtyMap.java", "        dirty.addAll(inFlight);\n", ""),
            bug("clean-before-the-acknowledgement", AGENT + "DirtyMap.java", "inFlight.add(block);", "open += 0;"),
            bug(
                    "keep-blocks-of-an-older-mark",
                    AGENT + "Replication.java",
                    "if (!resumed || consistent) {",
                    "if (!resumed) {"),
            bug(
                    "skip-what-is-dirty-but-looks-unchanged",
                    AGENT + "DirtyMap.java",
                    "forced |= dirty.contains(first + i) ? 1 << i : 0;",
                    ""),
            // who has died
            bug(
                    "wait-for-ever-for-a-silent-stream",
                    SESSION + "AgentConnection.java",
                    "if (!transport.isReading()) {",
                    "if (role == Role.DATA) {"),
            bug(
                    "wait-for-ever-for-a-silent-server",
                    AGENT + "AgentSession.java",
                    "if (link.isOpen() && nowNanos - link.heardNanos() > DEAD_AFTER_NANOS) {",
                    "if (link.isOpen() && nowNanos < 0) {"),
            bug("keep-an-old-fence", SESSION + "SessionEpochs.java", "stream.fenceSeq = 0;", ""),
            // one source server and another: only a world with both can find them
            bug(
                    "finish-the-sessions-of-all",
                    SESSION + "SourceSlot.java",
                    "session.end(\"a newer session\", SessionEndCause.SERVER_ENDED, stale);",
                    "session.end(\"a newer session\", SessionEndCause.SERVER_ENDED, stale); ((Sessions) owner).finishAll();"),
            bug(
                    "end-the-holds-of-all",
                    SESSION + "Sessions.java",
                    "return slot == null ? HoldEnd.EXPIRED : slot.hold.release(token);",
                    "HoldEnd end = slot == null ? HoldEnd.EXPIRED : slot.hold.release(token);"
                            + " slots.values().forEach(other -> other.hold.leave(\"released\")); return end;"));

    /**
     * One of them.
     *
     * @throws IllegalArgumentException with the names that are known, if this is none
     */
    public static KnownBug named(String name) {
        return ALL.stream()
                .filter(bug -> bug.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no such bug: " + name + "; known are "
                        + ALL.stream().map(KnownBug::name).collect(Collectors.joining(", "))));
    }

    private static KnownBug bug(String name, String file, String code, String wrong) {
        return new KnownBug(name, List.of(new Edit(file, code, wrong)));
    }

    private KnownBug and(String file, String code, String wrong) {
        return new KnownBug(
                name,
                Stream.concat(edits.stream(), Stream.of(new Edit(file, code, wrong)))
                        .toList());
    }
}
