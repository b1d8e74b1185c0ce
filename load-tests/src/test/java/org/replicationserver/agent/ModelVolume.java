package org.replicationserver.agent;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** A volume of the server model: what is durable, and what was received and may be lost. */
final class ModelVolume {
    /** A received frame; zeroBytes is 0 for content. */
    private record Write(int stream, long seq, long offset, ByteBuffer content, int zeroBytes) {}

    final String deviceName;
    private byte[] durable;
    private final ArrayDeque<Write> received = new ArrayDeque<>();
    String dataGen;
    boolean failed;

    /** A volume that was reopened takes no writes before the next session. */
    boolean failedInSession;

    ModelVolume(String deviceName, int sizeBytes, String dataGen, RandomGenerator random) {
        this.deviceName = deviceName;
        this.durable = new byte[sizeBytes];
        this.dataGen = dataGen;
        random.nextBytes(durable);
    }

    /** What is new of it reads zero. */
    void resize(int newBytes) {
        durable = Arrays.copyOf(durable, newBytes);
    }

    int sizeBytes() {
        return durable.length;
    }

    boolean equalsContent(byte[] other) {
        return Arrays.equals(durable, other);
    }

    String firstDifference(byte[] other) {
        int at = Arrays.mismatch(durable, other);
        return "from byte " + at + " in block " + at / BlockLayout.BLOCK_BYTES;
    }

    void receive(int stream, long seq, long offset, byte[] content, int zeroBytes) {
        received.addLast(new Write(stream, seq, offset, ByteBuffer.wrap(content), zeroBytes));
    }

    int queued() {
        return received.size();
    }

    /** What is durable of a range, up to the end of the volume. */
    byte[] durable(long offset, int length) {
        return Arrays.copyOfRange(durable, (int) offset, (int) Math.min(durable.length, offset + length));
    }

    void put(long offset, byte[] content) {
        System.arraycopy(content, 0, durable, (int) offset, content.length);
    }

    /** A byte of it decays. */
    void rot(int at) {
        durable[at] ^= 1;
    }

    /** Makes so many of the oldest writes durable; tells the newest seq of each stream. */
    void force(int writes, long[] durableSeqOfStream) {
        for (int i = 0; i < writes && !received.isEmpty(); i++) {
            Write write = received.removeFirst();
            apply(write);
            durableSeqOfStream[write.stream()] = write.seq();
        }
    }

    /** The power goes: what was not forced is there or not. */
    void crash(RandomGenerator random) {
        for (Write write : received) {
            if (random.nextBoolean()) {
                apply(write);
            }
        }
        received.clear();
    }

    /** The content is something else now, under a new name. */
    void replace(RandomGenerator random, String newDataGen) {
        random.nextBytes(durable);
        dataGen = newDataGen;
    }

    private void apply(Write write) {
        int at = (int) write.offset();
        if (write.zeroBytes() > 0) {
            Arrays.fill(durable, at, at + write.zeroBytes(), (byte) 0);
        } else {
            write.content().get(0, durable, at, write.content().limit());
        }
    }
}
