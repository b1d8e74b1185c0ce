package org.replicationserver.simulation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The disks of a source server, which somebody writes to unless a mark holds them still. */
final class SimulatedSource {
    /** As agents read. */
    static final int BLOCK_BYTES = 64 * 1024;

    private static final int SECTOR_BYTES = 512;

    private final Dice dice;
    private final List<byte[]> disks = new ArrayList<>();
    /** Of each disk, whether its bytes belong to a mark as well. */
    private final List<Boolean> shared = new ArrayList<>();

    /** What is written fills whole blocks and cannot be compressed. */
    private final boolean dense;

    private boolean frozen;

    SimulatedSource(int diskCount, Dice dice) {
        this.dice = dice;
        this.dense = dice.percent(30);
        for (int i = 0; i < diskCount; i++) {
            int blocks = dice.percent(95) ? dice.between(1, 3) : dice.between(4, 30);
            int tail = dice.percent(50) ? 0 : dice.between(1, BLOCK_BYTES / SECTOR_BYTES - 1) * SECTOR_BYTES;
            byte[] disk = new byte[blocks * BLOCK_BYTES + tail];
            disks.add(disk);
            shared.add(false);
            for (int at = 0; at < disk.length; at += BLOCK_BYTES) {
                if (dice.percent(60)) {
                    scribble(disk, at);
                }
            }
        }
    }

    List<byte[]> disks() {
        return disks;
    }

    void freeze() {
        frozen = true;
    }

    void thaw() {
        frozen = false;
    }

    /** The disks as they are now; what is written later is written elsewhere. */
    List<byte[]> mark() {
        shared.replaceAll(was -> true);
        return List.copyOf(disks);
    }

    /** Somebody writes a few blocks, unless the source stands still. */
    void write() {
        if (frozen) {
            return;
        }
        for (int i = dice.between(1, 4); i > 0; i--) {
            int number = dice.below(disks.size());
            byte[] disk = own(number);
            int blocks = (disk.length + BLOCK_BYTES - 1) / BLOCK_BYTES;
            int at = dice.below(blocks) * BLOCK_BYTES;
            if (dice.percent(25)) {
                Arrays.fill(disk, at, Math.min(disk.length, at + BLOCK_BYTES), (byte) 0);
            } else {
                scribble(disk, at);
            }
        }
    }

    private byte[] own(int number) {
        if (shared.set(number, false)) {
            disks.set(number, disks.get(number).clone());
        }
        return disks.get(number);
    }

    private void scribble(byte[] disk, int at) {
        int sectors = Math.min(BLOCK_BYTES, disk.length - at) / SECTOR_BYTES;
        int first = dense ? 0 : dice.below(sectors);
        int count = dense ? sectors : dice.between(1, Math.min(8, sectors - first));
        byte[] noise = new byte[count * SECTOR_BYTES];
        dice.fill(noise);
        System.arraycopy(noise, 0, disk, at + first * SECTOR_BYTES, noise.length);
    }
}
