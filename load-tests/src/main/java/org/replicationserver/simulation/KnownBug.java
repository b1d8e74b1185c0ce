package org.replicationserver.simulation;

import java.util.List;

/**
 * A mistake that somebody might make: one place of the shipped sources, and what would be there instead. It exists in a build of its own
 * only, in which the simulation must find it.
 *
 * @param file of the sources, from the project's folder on
 * @param code that is there now, exactly once
 * @param wrong what is compiled in its place
 */
record KnownBug(String name, String file, String code, String wrong) {
    private static final String VOLUME = "volume-writer/src/main/java/org/replicationserver/volume/";
    private static final String PROTOCOL = "receiver/src/main/java/org/replicationserver/receiver/protocol/";
    private static final String SESSION = "receiver/src/main/java/org/replicationserver/receiver/session/";
    private static final String AGENT = "load-tests/src/main/java/org/replicationserver/agent/";

    static final List<KnownBug> ALL = List.of(
            // what is acknowledged is durable
            new KnownBug("acknowledge-without-force", VOLUME + "VolumeWriter.java", "device.force();", ""),
            new KnownBug(
                    "ignore-failed-force",
                    VOLUME + "VolumeWriter.java",
                    "device.force();",
                    "try { device.force(); } catch (DeviceException e) { runs.forced(); }"),
            new KnownBug(
                    "retry-failed-force",
                    VOLUME + "VolumeWriter.java",
                    "device.force();",
                    "try { device.force(); } catch (DeviceException e) { device.force(); }"),
            new KnownBug(
                    "ignore-failed-write",
                    VOLUME + "RunWriter.java",
                    "device.write(slab().slice(Slab.positionOf(runOffsetBytes), lengthBytes), runOffsetBytes);",
                    "try { device.write(slab().slice(Slab.positionOf(runOffsetBytes), lengthBytes), runOffsetBytes); }"
                            + " catch (DeviceException e) { unforced = true; }"),
            new KnownBug(
                    "write-on-after-failure",
                    VOLUME + "VolumeWriter.java",
                    "return failure == null ? write() : drop();",
                    "return write();"),
            new KnownBug(
                    "settle-before-force",
                    VOLUME + "VolumeWriter.java",
                    "        if (runs.isUnforced()) {\n            counters.deviceBusy.begin();",
                    "        settleRound(BlockWrite.Outcome.DURABLE);\n        reportRound();\n"
                            + "        if (runs.isUnforced()) {\n            counters.deviceBusy.begin();"),
            new KnownBug(
                    "acknowledge-corrupt-block",
                    VOLUME + "RunWriter.java",
                    "write.settle(BlockWrite.Outcome.CORRUPT);",
                    "write.settle(BlockWrite.Outcome.DURABLE);"),
            new KnownBug(
                    "acknowledge-what-was-dropped",
                    SESSION + "StreamState.java",
                    "if (block.outcome() != BlockWrite.Outcome.DURABLE) {",
                    "if (block.outcome() == BlockWrite.Outcome.CORRUPT) {"),
            new KnownBug(
                    "acknowledge-beyond-what-is-under-way",
                    SESSION + "StreamState.java",
                    "if (v.underWay == 0 && v.droppedSeq == 0) {",
                    "if (v.droppedSeq == 0) {"),
            new KnownBug(
                    "skip-the-header-crc",
                    PROTOCOL + "FrameHeader.java",
                    "if (crcOf(in, 0, length) != in.getInt(CRC_AT)) {",
                    "if (length < 0) {"),
            new KnownBug(
                    "skip-the-crc-of-a-block",
                    VOLUME + "BlockExpander.java",
                    "return whole && crcOf(target, position, lengthBytes) == rawCrc32c;",
                    "return whole;"),
            // the order of writes
            new KnownBug(
                    "sort-overlapping-writes", VOLUME + "WriteOrder.java", "if (anyOverlap()) {", "if (size < 0) {"),
            new KnownBug(
                    "welcome-before-fence",
                    SESSION + "SourceSlot.java",
                    "stored.thenCompose(done -> fenced).thenRun(",
                    "stored.thenRun("),
            new KnownBug(
                    "fence-without-the-running-batch",
                    SESSION + "SlotVolumes.java",
                    "open.volume().fence(newest, () -> context.eventLoop().execute(() -> settled.complete(null)));",
                    "settled.complete(null);"),
            new KnownBug(
                    "fence-drops-nothing",
                    VOLUME + "WriteQueue.java",
                    "writes.removeIf(write -> write.owner() == fence.owner() && dropped.add(write));",
                    ""),
            new KnownBug(
                    "welcome-before-the-record",
                    SESSION + "SourceSlot.java",
                    "stored.thenCompose(done -> fenced).thenRun(",
                    "fenced.thenRun("),
            // zeros
            new KnownBug(
                    "zero-as-discard",
                    VOLUME + "RunWriter.java",
                    "device.zero(runOffsetBytes, lengthBytes, runMayDeallocate);",
                    "if (!runMayDeallocate) { device.zero(runOffsetBytes, lengthBytes, false); }"),
            new KnownBug(
                    "forget-touched-regions",
                    VOLUME + "TouchedRegions.java",
                    "touched.set(first(write), last(write) + 1);",
                    ""),
            new KnownBug(
                    "believe-fresh",
                    VOLUME + "VolumeWriter.java",
                    "if (fresh && !freshChecked) {",
                    "if (sizeBytes < 0) {"),
            // commits
            new KnownBug(
                    "commit-before-blocks-are-durable",
                    SESSION + "SessionEpochs.java",
                    "idle &= stream.fenceSeq == named && stream.isIdle();",
                    "idle &= stream.fenceSeq == named;"),
            new KnownBug(
                    "commit-before-fences",
                    SESSION + "SessionEpochs.java",
                    "idle &= stream.fenceSeq == named && stream.isIdle();",
                    "idle &= stream.isIdle();"),
            new KnownBug(
                    "commit-what-was-dropped",
                    SESSION + "SessionEpochs.java",
                    "if (stream.hasDropped()) {",
                    "if (named < 0) {"),
            new KnownBug(
                    "answer-commit-before-the-record",
                    SESSION + "SessionEpochs.java",
                    "        if (idle) {\n            open.storing = true;",
                    "        if (idle) {\n            control.send(FrameType.EPOCH_STATUS, new EpochStatus(open.epoch, true));\n"
                            + "            open.storing = true;"),
            // what is remembered
            new KnownBug(
                    "resume-on-another-content",
                    SESSION + "ResumeRule.java",
                    "if (!disk.dataGen().equals(known.dataGen())) {",
                    "if (disk.dataGen().isEmpty()) {"),
            new KnownBug(
                    "resume-an-agent-that-is-behind",
                    SESSION + "ResumeRule.java",
                    "if (remembers.generation() < record.writtenGeneration()",
                    "if (remembers.generation() < 0"),
            new KnownBug(
                    "reopen-as-the-same-content",
                    SESSION + "SlotRecord.java",
                    "VolumeRecord begun = drawn(Origin.VOLUME_REOPENED, null);",
                    "VolumeRecord begun = new VolumeRecord(known.dataGen(), known.origin(), null);"),
            new KnownBug(
                    "forget-that-a-session-may-write",
                    SESSION + "SessionEpochs.java",
                    "if (slot.record.isWriter(session.generation())) {",
                    "if (session.generation() > 0) {"),
            // holds
            new KnownBug(
                    "open-an-epoch-during-a-hold",
                    SESSION + "SlotHold.java",
                    "return hold != null && hold.phase != Phase.AWAITING;",
                    "return false;"),
            new KnownBug(
                    "hold-without-coming-to-rest",
                    SESSION + "SlotHold.java",
                    "still.volume.fence(one, () -> context.eventLoop().execute(() -> done.complete(null)));",
                    "done.complete(null);"),
            // bounds
            new KnownBug("leak-payload-memory", SESSION + "BlockPool.java", "memory.release(block.memory);", ""),
            new KnownBug(
                    "leak-a-share-of-memory",
                    SESSION + "SourceSession.java",
                    "        slot.memory.release(block.payloadBytes);\n        if (block.outcome()",
                    "        if (block.outcome()"),
            // the agent
            new KnownBug("forget-what-was-in-flight", AGENT + "DirtyMap.java", "        dirty.addAll(inFlight);\n", ""),
            new KnownBug(
                    "clean-before-the-acknowledgement", AGENT + "DirtyMap.java", "inFlight.add(block);", "open += 0;"),
            new KnownBug(
                    "keep-blocks-of-an-older-mark",
                    AGENT + "Replication.java",
                    "if (!resumed || plan.marked()) {",
                    "if (!resumed) {"),
            new KnownBug(
                    "resume-as-told",
                    AGENT + "Replication.java",
                    "volume.action() == Welcome.Action.RESUME && disk.isContent(volume.dataGen());",
                    "volume.action() == Welcome.Action.RESUME || disk.isContent(volume.dataGen());"));
}
