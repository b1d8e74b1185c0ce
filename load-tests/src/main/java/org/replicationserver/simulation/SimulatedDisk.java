package org.replicationserver.simulation;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import org.replicationserver.volume.BlockDevice;

/**
 * A disk with a volatile cache: what was written since the last force may be there after a loss of power, whole, in part, in any order,
 * or not at all. It outlives the processes that open it.
 */
final class SimulatedDisk {
    private static final class Unsynced {
        private final int at;
        private final byte[] content;

        Unsynced(int at, byte[] content) {
            this.at = at;
            this.content = content;
        }
    }

    /** How one write ends in a loss of power. */
    private enum Fate {
        KEPT,
        LOST,
        HEAD_KEPT,
        SECTORS_KEPT
    }

    final String volumeId;
    private final Dice dice;
    private final byte[] stable;
    private final byte[] seen;
    private final List<Unsynced> unsynced = new ArrayList<>();

    SimulatedDisk(String volumeId, byte[] content, Dice dice) {
        this.volumeId = volumeId;
        this.stable = content;
        this.seen = content.clone();
        this.dice = dice;
    }

    int sizeBytes() {
        return stable.length;
    }

    /** What a loss of power would leave at least; not to be changed. */
    byte[] stable() {
        return stable;
    }

    /** What a read sees; not to be changed. */
    byte[] seen() {
        return seen;
    }

    /** How many sectors were written since the last force, each time counted. */
    int unsyncedSectors() {
        int sectors = 0;
        for (Unsynced write : unsynced) {
            sectors += write.content.length / BlockDevice.SECTOR_BYTES;
        }
        return sectors;
    }

    /** What is there after a loss of power that leaves just these of the unsynced sectors, in the order in which they were written. */
    byte[] imageWith(long kept) {
        byte[] image = stable.clone();
        int number = 0;
        for (Unsynced write : unsynced) {
            for (int at = 0; at < write.content.length; at += BlockDevice.SECTOR_BYTES) {
                if ((kept >>> number++ & 1) != 0) {
                    System.arraycopy(write.content, at, image, write.at + at, BlockDevice.SECTOR_BYTES);
                }
            }
        }
        return image;
    }

    /** Everything that decides what a loss of power may leave. */
    void addTo(MessageDigest digest) {
        digest.update(stable);
        for (Unsynced write : unsynced) {
            digest.update(Integer.toString(write.at).getBytes(StandardCharsets.US_ASCII));
            digest.update(write.content);
        }
    }

    /** Nothing of what was written since the last force is there any more, though it is read as if it were. */
    void loseUnsynced() {
        unsynced.clear();
    }

    boolean isSynced() {
        return unsynced.isEmpty();
    }

    void write(MemorySegment source, long offsetBytes) {
        put(source.toArray(ValueLayout.JAVA_BYTE), (int) offsetBytes);
    }

    void zero(long offsetBytes, long lengthBytes) {
        put(new byte[(int) lengthBytes], (int) offsetBytes);
    }

    private void put(byte[] content, int at) {
        System.arraycopy(content, 0, seen, at, content.length);
        unsynced.add(new Unsynced(at, content));
    }

    void read(MemorySegment target, long offsetBytes) {
        target.copyFrom(MemorySegment.ofArray(seen).asSlice(offsetBytes, target.byteSize()));
    }

    void force() {
        for (Unsynced write : unsynced) {
            System.arraycopy(write.content, 0, stable, write.at, write.content.length);
        }
        unsynced.clear();
    }

    /** As Linux does it: what could not be written back counts as clean, is still read, and the next force knows nothing of it. */
    void failForce() {
        settleByChance();
    }

    /** What is not to be written back any more is read from the disk again. */
    void forgetCache() {
        System.arraycopy(stable, 0, seen, 0, stable.length);
        unsynced.forEach(write -> System.arraycopy(write.content, 0, seen, write.at, write.content.length));
    }

    /** One bit is another from now on. */
    void spoil(int at, int bit) {
        stable[at] ^= (byte) (1 << bit);
        seen[at] ^= (byte) (1 << bit);
    }

    /** The power goes and comes back. */
    void losePower() {
        settleByChance();
        System.arraycopy(stable, 0, seen, 0, stable.length);
    }

    private void settleByChance() {
        Fate[] fates = dice.percent(20) ? new Fate[] {Fate.LOST} : Fate.values();
        for (Unsynced write : unsynced) {
            settle(write, dice.of(fates));
        }
        unsynced.clear();
    }

    private void settle(Unsynced write, Fate fate) {
        int sectors = write.content.length / BlockDevice.SECTOR_BYTES;
        int head = dice.below(sectors + 1);
        for (int i = 0; i < sectors; i++) {
            boolean kept = switch (fate) {
                case KEPT -> true;
                case LOST -> false;
                case HEAD_KEPT -> i < head;
                case SECTORS_KEPT -> dice.percent(50);
            };
            if (kept) {
                int at = i * BlockDevice.SECTOR_BYTES;
                System.arraycopy(write.content, at, stable, write.at + at, BlockDevice.SECTOR_BYTES);
            }
        }
    }

    /** Another device is in its place, with whatever was on it. */
    void swap() {
        unsynced.clear();
        dice.fill(stable);
        System.arraycopy(stable, 0, seen, 0, stable.length);
    }
}
