package org.replicationserver.crash;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.replicationserver.harness.Images;
import org.replicationserver.harness.RawStream;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/**
 * The disks of a source server and everything that an agent and an auditor know of each block: what it holds, what was sent, what was
 * acknowledged. Any thread.
 */
class DirtySource {
    static final int BLOCK_BYTES = 64 * 1024;
    private static final int SECTOR_BYTES = 512;

    /** The version 0 of a block is all zeros, and so are its multiples of this. */
    private static final int VERSIONS_PER_ZERO = 4;

    /** Of so many changes one makes a block zeros. */
    private static final int CHANGES_PER_ZERO = 4;

    /** A block that is to be sent. */
    record Piece(int volume, int block, int version) {
        long offsetBytes() {
            return (long) block * BLOCK_BYTES;
        }

        /** What it takes of the window. */
        int windowBytes() {
            return isZero() ? ProtocolLimits.ZERO_WINDOW_BYTES : BLOCK_BYTES;
        }

        boolean isZero() {
            return version % VERSIONS_PER_ZERO == 0;
        }

        byte[] content() {
            return isZero()
                    ? new byte[BLOCK_BYTES]
                    : Images.random(((long) volume * 100_000 + block) * 100_000 + version, BLOCK_BYTES);
        }
    }

    private record Sending(long number, int version) {}

    private static final class Block {
        final int volume;
        final int number;

        /** What the source holds. */
        int version = 1;

        /** What the replica surely holds, unless one of {@link #possible} took its place. */
        int acknowledged;

        /** The newest sending that the replica surely holds, or one after it. */
        long heldNumber;

        /** Sent since then, oldest first: each of them may have been written, in whole or in part. */
        final Deque<Sending> possible = new ArrayDeque<>();

        /** Sent in this session and not acknowledged, oldest first. */
        final Deque<Sending> inFlight = new ArrayDeque<>();

        final Set<Integer> versionsOfEarlierSessions = new HashSet<>();

        /** To be sent though it was acknowledged. */
        boolean rescanned;

        boolean forgiven;

        Block(int volume, int number) {
            this.volume = volume;
            this.number = number;
        }

        void change() {
            version += (version + 1) % VERSIONS_PER_ZERO == 0 ? 2 : 1;
        }

        void zero() {
            version = (version / VERSIONS_PER_ZERO + 1) * VERSIONS_PER_ZERO;
        }

        /** The replica holds this sending. What came before it is of the past, also where it is told of later. */
        void held(Sending sending) {
            if (sending.number() <= heldNumber) {
                return;
            }
            heldNumber = sending.number();
            acknowledged = sending.version();
            rescanned = false;
            forgiven = false;
            possible.removeIf(earlier -> earlier.number() <= heldNumber);
        }

        byte[] content(int ofVersion) {
            return new Piece(volume, number, ofVersion).content();
        }

        boolean isDirty() {
            return acknowledged != version || rescanned;
        }

        boolean wasSent() {
            return !possible.isEmpty();
        }
    }

    private final List<Block[]> volumes = new ArrayList<>();
    private long sendings;
    private long resentBytes;
    private long acknowledgedBlocks;

    DirtySource(int volumeCount, int volumeBytes) {
        for (int volume = 0; volume < volumeCount; volume++) {
            Block[] blocks = new Block[volumeBytes / BLOCK_BYTES];
            for (int i = 0; i < blocks.length; i++) {
                blocks[i] = new Block(volume, i);
            }
            volumes.add(blocks);
        }
    }

    private List<Block> all() {
        return volumes.stream().flatMap(Arrays::stream).toList();
    }

    /** The source writes to the block that holds this byte. */
    synchronized void changeAt(int volume, long offsetBytes) {
        blockAt(volume, offsetBytes).change();
    }

    /** The source writes zeros to the block that holds this byte. */
    synchronized void zeroAt(int volume, long offsetBytes) {
        blockAt(volume, offsetBytes).zero();
    }

    private Block blockAt(int volume, long offsetBytes) {
        return volumes.get(volume)[(int) (offsetBytes / BLOCK_BYTES)];
    }

    /** The source writes to some of its blocks; a share of them becomes zeros. */
    synchronized void change(Random random, int blocks) {
        List<Block> all = all();
        for (int i = 0; i < blocks; i++) {
            Block block = all.get(random.nextInt(all.size()));
            if (random.nextInt(CHANGES_PER_ZERO) == 0) {
                block.zero();
            } else {
                block.change();
            }
        }
    }

    // --- the agent

    synchronized void sessionBegins() {
        resentBytes = 0;
        for (Block block : all()) {
            block.possible.forEach(sending -> block.versionsOfEarlierSessions.add(sending.version()));
            if (block.acknowledged > 0) {
                block.versionsOfEarlierSessions.add(block.acknowledged);
            }
            block.inFlight.clear();
        }
    }

    /** The volume is sent whole; no block of it counts as sent again. */
    synchronized void rescan(int volume) {
        for (Block block : volumes.get(volume)) {
            block.rescanned = true;
            block.versionsOfEarlierSessions.clear();
        }
    }

    /** What is not acknowledged, and of that first what was sent already. */
    synchronized List<Piece> dirty() {
        List<Block> dirty =
                new ArrayList<>(all().stream().filter(Block::isDirty).toList());
        dirty.sort((a, b) -> Boolean.compare(b.wasSent(), a.wasSent()));
        return dirty.stream()
                .map(block -> new Piece(block.volume, block.number, block.version))
                .toList();
    }

    /** Whether the replica need not keep space for zeros; so it is with the first zeros of a block and every other after them. */
    boolean mayDeallocate(Piece piece) {
        return piece.version() / VERSIONS_PER_ZERO % 2 == 1;
    }

    /** To be told before the block is sent. */
    synchronized void sending(Piece piece) {
        Block block = volumes.get(piece.volume())[piece.block()];
        Sending sending = new Sending(++sendings, piece.version());
        block.possible.addLast(sending);
        block.inFlight.addLast(sending);
        if (block.versionsOfEarlierSessions.contains(piece.version())) {
            resentBytes += piece.windowBytes();
        }
    }

    /** Acknowledgements of a block come in the order in which it was sent, because it has one stream. */
    synchronized void acknowledged(RawStream.Sent sent) {
        Block block = blockAt(sent.volume(), sent.offsetBytes());
        block.held(block.inFlight.removeFirst());
        acknowledgedBlocks++;
    }

    /**
     * A commit of all that was sent is answered, so the replica holds it, acknowledged or not: an acknowledgement may still be under way on
     * a connection of its own.
     */
    synchronized void committed() {
        for (Block block : all()) {
            if (!block.inFlight.isEmpty()) {
                block.held(block.inFlight.getLast());
            }
        }
    }

    /** Of this session: what blocks that an earlier session had sent with the same content took of the window. */
    synchronized long resentBytes() {
        return resentBytes;
    }

    synchronized long acknowledgedBlocks() {
        return acknowledgedBlocks;
    }

    // --- the auditor

    /** The replica's block that holds this byte may hold anything until it is acknowledged again. */
    synchronized void forgive(int volume, long offsetBytes) {
        blockAt(volume, offsetBytes).forgiven = true;
    }

    /** Each sector of a replica must be what was acknowledged, or what was sent after that. */
    synchronized void assertNothingAcknowledgedIsMissing(int volume, byte[] replica) {
        for (Block block : volumes.get(volume)) {
            if (block.forgiven) {
                continue;
            }
            List<byte[]> allowed = new ArrayList<>();
            allowed.add(block.content(block.acknowledged));
            block.possible.forEach(sending -> allowed.add(block.content(sending.version())));
            int begin = block.number * BLOCK_BYTES;
            for (int at = 0; at < BLOCK_BYTES; at += SECTOR_BYTES) {
                if (!isOneOf(allowed, replica, begin, at)) {
                    throw new AssertionError("volume " + volume + " block " + block.number + " byte " + at
                            + " holds neither the acknowledged version " + block.acknowledged + " nor one of "
                            + block.possible);
                }
            }
        }
    }

    private static boolean isOneOf(List<byte[]> allowed, byte[] replica, int begin, int at) {
        for (byte[] content : allowed) {
            if (Arrays.equals(replica, begin + at, begin + at + SECTOR_BYTES, content, at, at + SECTOR_BYTES)) {
                return true;
            }
        }
        return false;
    }

    synchronized void assertIdentical(int volume, byte[] replica) {
        for (Block block : volumes.get(volume)) {
            int begin = block.number * BLOCK_BYTES;
            byte[] held = Arrays.copyOfRange(replica, begin, begin + BLOCK_BYTES);
            if (!Arrays.equals(held, block.content(block.version))) {
                throw new AssertionError(
                        "volume " + volume + " block " + block.number + " is not what the source holds");
            }
        }
    }
}
