package org.replicationserver.simulation;

import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Welcome;
import org.replicationserver.volume.BlockDevice;

/**
 * What one volume may hold: of each block the newest content that was acknowledged, and each that was sent after it. Until one of those
 * is acknowledged too, each sector may be of any of them.
 */
final class ReplicaVolume {
    /** The content of one block as a session once sent it; {@code session} is 0 for what was there before. */
    static final class Version {
        private final int session;
        private final byte[] content;

        private Version(int session, byte[] content) {
            this.session = session;
            this.content = content;
        }
    }

    private final SimulatedDisk disk;
    private final int sizeBytes;
    private final int blockBytes;
    private final List<List<Version>> blocks = new ArrayList<>();
    private final List<Integer> offsets = new ArrayList<>();
    /** Blocks of which a bit was turned since they were written, and which were not written since. */
    private final BitSet spoiled = new BitSet();

    /** By agent, blocks that it must compare before it may send them. */
    private final Map<String, BitSet> uncompared = new HashMap<>();

    /** Agents that were told to compare or send all since another one has written. */
    private final Set<String> knowing = new HashSet<>();

    private boolean isWritten;
    private int newestSession;
    private boolean held;
    private int failedReads;

    /**
     * A volume of which nothing is known but what is there.
     *
     * @param disk may be larger than the volume; its tail must stay as it is
     * @param blockBytes agents send whole blocks of so many bytes
     */
    ReplicaVolume(SimulatedDisk disk, int sizeBytes, int blockBytes) {
        this.disk = disk;
        this.sizeBytes = sizeBytes;
        this.blockBytes = blockBytes;
        lookAnew();
    }

    /** The same volume with all that is known of it, as a crash has left it. */
    private ReplicaVolume(SimulatedDisk disk, ReplicaVolume before) {
        this.disk = disk;
        this.sizeBytes = before.sizeBytes;
        this.blockBytes = before.blockBytes;
        before.blocks.forEach(versions -> blocks.add(new ArrayList<>(versions)));
        offsets.addAll(before.offsets);
        knowing.addAll(before.knowing);
        isWritten = before.isWritten;
        newestSession = before.newestSession;
    }

    /** This volume after a crash; only one that no bit has turned of, and nothing is compared of. */
    ReplicaVolume after(SimulatedDisk crashed) {
        return new ReplicaVolume(crashed, this);
    }

    /** Everything that decides what the volume may hold. */
    void addTo(MessageDigest digest) {
        for (List<Version> versions : blocks) {
            digest.update((byte) versions.size());
            versions.forEach(version -> digest.update(version.content));
        }
    }

    /** Nothing is known any more but what is there. */
    private void lookAnew() {
        blocks.clear();
        offsets.clear();
        spoiled.clear();
        for (int at = 0; at < disk.sizeBytes(); at = end(at)) {
            List<Version> versions = new ArrayList<>();
            versions.add(new Version(0, Arrays.copyOfRange(disk.stable(), at, end(at))));
            blocks.add(versions);
            offsets.add(at);
        }
    }

    /** Blocks end at multiples of their size, at the end of the volume and at that of the disk. */
    private int end(int at) {
        int end = Math.min(disk.sizeBytes(), at + blockBytes);
        return at < sizeBytes ? Math.min(end, sizeBytes) : end;
    }

    /** Another device is in its place. */
    void swapped() {
        lookAnew();
    }

    SimulatedDisk disk() {
        return disk;
    }

    void newestSession(int session) {
        newestSession = session;
    }

    /** An agent may only go on where it was if it was told, since another one has written, that it knows nothing. */
    void welcomed(String agent, Welcome.Volume told) {
        if (told.action() == Welcome.Action.RESCAN) {
            knowing.add(agent);
        } else if (told.action() == Welcome.Action.RESUME && isWritten && !knowing.contains(agent)) {
            throw new Violation("I2", "no rescan though another agent has written: " + told);
        }
    }

    List<Version> sent(String agent, int session, int firstBlock, byte[] content) {
        isWritten = true;
        knowing.retainAll(Set.of(agent));
        int count = (content.length + blockBytes - 1) / blockBytes;
        List<Version> versions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int from = i * blockBytes;
            byte[] block = Arrays.copyOfRange(content, from, Math.min(content.length, from + blockBytes));
            Version version = new Version(session, block);
            versions.add(version);
            blocks.get(firstBlock + i).add(version);
        }
        return versions;
    }

    /** From now on nothing older may be there. */
    void acknowledged(int firstBlock, List<Version> versions) {
        for (int i = 0; i < versions.size(); i++) {
            if (!blocks.get(firstBlock + i).contains(versions.get(i))) {
                continue; // a newer one was acknowledged before, or the device is another
            }
            forgetBefore(firstBlock + i, versions.get(i));
            spoiled.clear(firstBlock + i);
            check(firstBlock + i, "I1", "acknowledged", disk.stable());
        }
    }

    private void forgetBefore(int block, Version version) {
        List<Version> known = blocks.get(block);
        int at = known.indexOf(version);
        if (at > 0) {
            known.subList(0, at).clear();
        }
    }

    /** A commit covers these, whether they are acknowledged or not. */
    void covered(int firstBlock, List<Version> versions) {
        for (int i = 0; i < versions.size(); i++) {
            if (blocks.get(firstBlock + i).contains(versions.get(i))) {
                check(
                        firstBlock + i,
                        "I7",
                        "covered by a commit",
                        disk.stable(),
                        blocks.get(firstBlock + i).indexOf(versions.get(i)));
            }
        }
    }

    void setHeld(boolean isHeld) {
        held = isHeld;
    }

    /** A write of these bytes, or of zeros. */
    void aboutToWrite(long offsetBytes, byte[] content) {
        requireAllowed(offsetBytes, content.length);
        int from = (int) offsetBytes;
        int to = from + content.length;
        for (int at = from; at < to; at = end(at)) {
            int begin = at - from;
            int end = Math.min(end(at), to) - from;
            boolean own = blocks.get(at / blockBytes).stream()
                    .anyMatch(version -> version.session == newestSession
                            && Arrays.equals(version.content, 0, version.content.length, content, begin, end));
            if (!own) {
                throw new Violation(
                        "I6",
                        "a write that the newest session, number " + newestSession + ", has not sent: " + at + " of "
                                + this);
            }
        }
    }

    private void requireAllowed(long offsetBytes, long lengthBytes) {
        if (held) {
            throw new Violation("I4", "a write to " + this + " while it is held");
        }
        if (offsetBytes < 0 || offsetBytes + lengthBytes > sizeBytes) {
            throw new Violation(
                    "I6", "a write outside " + this + ": " + offsetBytes + " + " + lengthBytes + " of " + sizeBytes);
        }
    }

    /** Looks at every block, as it is on stable storage and as a read sees it. */
    void check(String when) {
        for (int block = 0; block < blocks.size(); block++) {
            check(block, "I2", when, disk.stable());
            check(block, "I2", when, disk.seen());
        }
    }

    private void check(int block, String invariant, String when, byte[] bytes) {
        check(block, invariant, when, bytes, 0);
    }

    private void check(int block, String invariant, String when, byte[] bytes, int oldest) {
        if (spoiled.get(block)) {
            return;
        }
        List<Version> allowed =
                blocks.get(block).subList(oldest, blocks.get(block).size());
        int at = offsets.get(block);
        for (Version version : allowed) {
            if (Arrays.equals(bytes, at, at + version.content.length, version.content, 0, version.content.length)) {
                return;
            }
        }
        int length = allowed.getFirst().content.length;
        for (int sector = 0; sector < length; sector += BlockDevice.SECTOR_BYTES) {
            if (!isAnyOf(allowed, bytes, at, sector)) {
                throw new Violation(
                        named(invariant, allowed, sector),
                        when + ": sector at " + (at + sector) + " of " + this + " is none of the " + allowed.size()
                                + " contents that it may have");
            }
        }
    }

    /** The invariant by its narrowest name: of zeros, or of what is not acknowledged yet. */
    private static String named(String invariant, List<Version> allowed, int sector) {
        if (isZero(allowed, sector)) {
            return "I8";
        }
        return invariant.equals("I2") && allowed.size() > 1 ? "I3" : invariant;
    }

    /** Whether nothing but zeros may be there. */
    private static boolean isZero(List<Version> allowed, int sector) {
        return allowed.stream().allMatch(version -> {
            for (int i = sector; i < sector + BlockDevice.SECTOR_BYTES; i++) {
                if (version.content[i] != 0) {
                    return false;
                }
            }
            return true;
        });
    }

    private static boolean isAnyOf(List<Version> allowed, byte[] bytes, int at, int sector) {
        int end = sector + BlockDevice.SECTOR_BYTES;
        for (Version version : allowed) {
            if (Arrays.equals(bytes, at + sector, at + end, version.content, sector, end)) {
                return true;
            }
        }
        return false;
    }

    /** Where the volume is not this content, or null. */
    @Nullable
    String difference(byte[] content) {
        int at = Arrays.mismatch(Arrays.copyOf(disk.stable(), sizeBytes), content);
        return at < 0 ? null : "byte " + at + " of " + this;
    }

    /** The same, but for blocks that a disk has spoiled. */
    @Nullable
    String differenceButSpoiled(byte[] content) {
        byte[] unspoiled = Arrays.copyOf(disk.stable(), sizeBytes);
        spoiled.stream().filter(block -> offsets.get(block) < sizeBytes).forEach(block -> {
            int at = offsets.get(block);
            System.arraycopy(content, at, unspoiled, at, end(at) - at);
        });
        int at = Arrays.mismatch(unspoiled, content);
        return at < 0 ? null : "byte " + at + " of " + this;
    }

    // --- what is compared

    /** An agent was told to look at all of it. */
    void toCompare(String agent) {
        uncompared.computeIfAbsent(agent, of -> new BitSet()).set(0, blocksOfVolume());
    }

    private int blocksOfVolume() {
        return (sizeBytes + blockBytes - 1) / blockBytes;
    }

    /** The server has told what it found of these blocks. */
    void compared(String agent, int firstBlock, int count) {
        int end = Math.min(blocksOfVolume(), firstBlock + count);
        uncompared.getOrDefault(agent, new BitSet()).clear(firstBlock, end);
    }

    void readFailed() {
        failedReads++;
    }

    int failedReads() {
        return failedReads;
    }

    boolean mustCompare(String agent, int block) {
        return uncompared.getOrDefault(agent, new BitSet()).get(block);
    }

    /** The blocks of the volume among these that a disk has spoiled. */
    boolean isAnySpoiled(int firstBlock, int count) {
        int next = spoiled.nextSetBit(firstBlock);
        return next >= 0 && next < firstBlock + count;
    }

    /** The volume's bytes of these blocks that no loss of power takes away. */
    byte[] stable(int firstBlock, int count) {
        int from = firstBlock * blockBytes;
        return Arrays.copyOfRange(disk.stable(), from, Math.min(sizeBytes, from + count * blockBytes));
    }

    /** What is there now was found to be what the source has: nothing else may be there from now on. */
    void foundEqual(int firstBlock, int count) {
        for (int block = firstBlock; block < Math.min(blocksOfVolume(), firstBlock + count); block++) {
            List<Version> known = blocks.get(block);
            known.clear();
            known.add(new Version(0, stable(block, 1)));
        }
    }

    /** Turns a bit of a block of which all is acknowledged; says whether it found one at the place. */
    boolean spoil(int block, int byteInBlock, int bit) {
        int at = offsets.get(block) + byteInBlock;
        if (blocks.get(block).size() > 1 || !disk.isSynced() || at >= sizeBytes || spoiled.get(block)) {
            return false;
        }
        disk.spoil(at, bit);
        spoiled.set(block);
        return true;
    }

    int blockCount() {
        return blocksOfVolume();
    }

    @Override
    public String toString() {
        return disk.volumeId;
    }
}
