package org.replicationserver.receiver.session;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.protocol.BlockRange;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.volume.DeviceException;
import org.replicationserver.volume.testing.ForwardingDevice;

/** The rules of HASH_OFFER in a session, one by one. */
class HashOfferTest {
    private static final int LEAF = 1 << BlockRange.LEAF_SHIFT;
    private static final int MIB = 1 << BlockRange.TREE_SHIFT;
    private static final int EIO = 5;

    private SessionWorld world = new SessionWorld(3);
    private TestAgent control = opened();
    private TestAgent data = attached();

    private TestAgent opened() {
        return world.connect().hello(1, 3, "0".repeat(32), null, List.of(Features.HASH_OFFER));
    }

    private TestAgent attached() {
        TestAgent stream = world.connect().attach(control.welcome().generation(), 0);
        control.openEpoch(1);
        return stream;
    }

    private void use(SessionWorld other) {
        world = other;
        control = opened();
        data = attached();
    }

    private static BlockRange leaves(int volume, long first, int count) {
        return new BlockRange(volume, false, BlockRange.LEAF_SHIFT, first, count);
    }

    private static BlockRange trees(int volume, int count) {
        return new BlockRange(volume, false, BlockRange.TREE_SHIFT, 0, count);
    }

    /** Blocks that are all filled with one byte each; 0 is a zero block. */
    private static HashOffer filled(BlockRange range, int... fills) {
        BitSet zeros = new BitSet();
        byte[] hashes = new byte[0];
        for (int i = 0; i < fills.length; i++) {
            if (fills[i] == 0) {
                zeros.set(i);
            } else {
                byte[] block = new byte[LEAF];
                Arrays.fill(block, (byte) fills[i]);
                byte[] hash = sha256(block);
                if (range.blockShift() == BlockRange.TREE_SHIFT) {
                    byte[] sixteen = new byte[16 * hash.length];
                    for (int leaf = 0; leaf < 16; leaf++) {
                        System.arraycopy(hash, 0, sixteen, leaf * hash.length, hash.length);
                    }
                    hash = sha256(sixteen);
                }
                hashes = Arrays.copyOf(hashes, hashes.length + hash.length);
                System.arraycopy(hash, 0, hashes, hashes.length - hash.length, hash.length);
            }
        }
        return new HashOffer(range, zeros, hashes);
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private static HashOffer zeros(BlockRange range) {
        return filled(range, new int[range.count()]);
    }

    private void offer(HashOffer offer) {
        control.send(control.writer.offer(offer));
    }

    private void assertRefused(ErrorCode code) {
        assertThat(control.errors()).containsExactly(code);
        assertThat(control.ended).isTrue();
        assertThat(data.ended).isTrue();
        assertThat(world.told).contains("refused " + code);
    }

    @Test
    void answerNamesTheBlocksThatDiffer() {
        data.data(0, LEAF, LEAF, 7, 1);
        data.data(0, 2L * LEAF, LEAF, 8, 1);
        world.write(0);
        offer(filled(leaves(0, 0, 5), 0, 7, 9, 0, 1));
        world.write(0);
        assertThat(control.diffs).singleElement().satisfies(diff -> {
            assertThat(diff.range()).isEqualTo(leaves(0, 0, 5));
            assertThat(diff.differing()).isEqualTo(BitSet.valueOf(new long[] {0b10100}));
        });
        assertThat(world.told).contains("compared vol-0 327680 of 65536 differing 131072 from 131072");
    }

    @Test
    void hashOfAMebibyteIsThatOfTheHashesInIt() {
        for (int at = 0; at < MIB; at += LEAF) {
            data.data(0, at, LEAF, 5, 1);
        }
        world.write(0);
        offer(filled(trees(0, 2), 5, 5));
        world.write(0);
        assertThat(control.diffs.getLast().differing()).isEqualTo(BitSet.valueOf(new long[] {0b10}));
    }

    @Test
    void blocksThatAreStillQueuedAreComparedAfterTheyAreWrittenAndForced() {
        data.data(0, 0, LEAF, 3, 1);
        offer(filled(leaves(0, 0, 1), 3));
        assertThat(control.diffs).isEmpty();
        world.write(0);
        assertThat(control.diffs.getLast().differing().isEmpty()).isTrue();
        assertThat(world.told.indexOf("durable vol-0 65536"))
                .isLessThan(world.told.indexOf("compared vol-0 65536 of 65536 differing 0 from -1"));
    }

    @Test
    void withoutTheFeatureTheTypeIsUnknown() {
        TestAgent plain = world.connect().hello(1, 3);
        plain.welcome();
        plain.send(plain.writer.offer(zeros(leaves(0, 0, 1))));
        assertThat(plain.errors()).containsExactly(ErrorCode.UNSUPPORTED);
    }

    @Test
    void unknownVolumeIsOutOfRange() {
        offer(zeros(leaves(3, 0, 1)));
        assertRefused(ErrorCode.RANGE);
    }

    @Test
    void blocksPastTheEndAreOutOfRange() {
        int blocks = SessionWorld.VOLUME_BYTES / LEAF;
        offer(zeros(leaves(0, blocks - 1, 1)));
        world.write(0);
        assertThat(control.errors()).isEmpty();
        offer(zeros(leaves(0, blocks - 1, 2)));
        assertRefused(ErrorCode.RANGE);
    }

    @Test
    void farBlocksAreOutOfRange() {
        offer(zeros(leaves(0, (1L << 43) - 1, 1024)));
        assertRefused(ErrorCode.RANGE);
    }

    @Test
    void secondOfferOfAVolumeBeforeTheAnswerIsRefused() {
        offer(zeros(leaves(0, 0, 1)));
        offer(zeros(leaves(1, 0, 1)));
        assertThat(control.errors()).as("of another volume").isEmpty();
        offer(zeros(leaves(0, 1, 1)));
        assertRefused(ErrorCode.STATE);
    }

    @Test
    void rescanIsForAnOpenEpochAndVerificationForTheTimeBetweenTwo() {
        offer(zeros(new BlockRange(0, true, BlockRange.LEAF_SHIFT, 0, 1)));
        assertRefused(ErrorCode.STATE);

        use(new SessionWorld(3));
        control.commit(1, data.fence(1));
        world.writeAll();
        offer(zeros(new BlockRange(0, true, BlockRange.LEAF_SHIFT, 0, 1)));
        world.write(0);
        assertThat(control.diffs).hasSize(1);
        assertThat(world.told).contains("verified vol-0 65536 of 65536 differing 0 from -1");
        offer(zeros(leaves(0, 0, 1)));
        assertRefused(ErrorCode.STATE);
    }

    @Test
    void offersEndWhereTheCommitIsAskedFor() {
        data.data(0, 0, LEAF, 1, 1);
        control.commit(1, data.fence(1));
        offer(zeros(leaves(0, 0, 1)));
        assertRefused(ErrorCode.STATE);
    }

    @Test
    void epochOpensOnlyWhenEveryOfferIsAnswered() {
        control.commit(1, data.fence(1));
        world.writeAll();
        offer(zeros(new BlockRange(0, true, BlockRange.LEAF_SHIFT, 0, 1)));
        control.openEpoch(2);
        assertRefused(ErrorCode.STATE);
    }

    @Test
    void twoRunAtOnceAndOthersWaitForThem() {
        offer(zeros(trees(0, 4)));
        offer(zeros(trees(1, 4)));
        offer(zeros(trees(2, 1)));
        assertThat(world.writer(2).runBatch()).as("the third waits").isFalse();
        world.write(1);
        world.write(2);
        assertThat(control.diffs).extracting(diff -> diff.range().volume()).containsExactly(1, 2);
        world.write(0);
        assertThat(control.diffs).hasSize(3);
    }

    @Test
    void volumesOfAnotherSourceServerGoBeforeTheThirdOfOne() {
        TestAgent other = world.connect("s-2").helloOf("s-2", "/dev/sda", Features.HASH_OFFER);
        long generation = other.welcome().generation();
        world.connect("s-2").attach(generation, 0);
        other.openEpoch(1);
        offer(zeros(trees(0, 4)));
        offer(zeros(trees(1, 4)));
        offer(zeros(trees(2, 1)));
        other.send(other.writer.offer(zeros(trees(0, 1))));
        world.write(0);
        assertThat(world.writer(2).runBatch()).isFalse();
        world.writeAll();
        assertThat(other.diffs).hasSize(1);
        assertThat(control.diffs).hasSize(3);
    }

    @Test
    void hangingDevicesHoldUpNoOtherForLong() {
        offer(zeros(trees(0, 4)));
        offer(zeros(trees(1, 4)));
        offer(zeros(trees(2, 1)));
        world.pass(1000);
        assertThat(world.writer(2).runBatch()).isFalse();
        world.pass(6000);
        world.write(2);
        assertThat(control.diffs).extracting(diff -> diff.range().volume()).containsExactly(2);
        world.writeAll();
        assertThat(control.diffs).hasSize(3);
    }

    @Test
    void aDeviceThatDoesNotMoveIsToldAsProgress() {
        offer(zeros(trees(0, 4)));
        world.pass(7000);
        assertThat(control.has(FrameType.PROGRESS)).isTrue();
    }

    @Test
    void readErrorFailsTheVolumeAndTheOfferHasNoAnswer() {
        use(SessionWorld.withFirstDevice(3, device -> new ForwardingDevice(device) {
            @Override
            public void read(MemorySegment target, long offsetBytes) throws DeviceException {
                throw new DeviceException("read", "scripted", offsetBytes, target.byteSize(), EIO, "");
            }
        }));
        offer(zeros(trees(0, 1)));
        world.write(0);
        assertThat(control.errors()).containsExactly(ErrorCode.VOLUME_FAILED);
        assertThat(control.diffs).isEmpty();
        assertThat(Objects.requireNonNull(world.record().volumes().get("vol-0")).failedCause())
                .contains("read")
                .contains("EIO");
        offer(zeros(trees(0, 1)));
        offer(zeros(trees(1, 1)));
        world.writeAll();
        assertThat(control.diffs).extracting(diff -> diff.range().volume()).containsExactly(1);
        assertThat(control.ended).isFalse();
    }

    @Test
    void sessionThatEndsIsAnsweredNothingAndItsOffersHoldUpNoOther() {
        offer(zeros(trees(0, 4)));
        offer(zeros(trees(1, 4)));
        offer(zeros(trees(2, 4)));
        TestAgent before = control;
        before.cut();
        control = opened();
        data = attached();
        List<Integer> volumes = new ArrayList<>();
        IntStream.range(0, 3).forEach(volume -> {
            offer(zeros(trees(volume, 1)));
            volumes.add(volume);
        });
        world.writeAll();
        assertThat(before.diffs).isEmpty();
        assertThat(control.diffs)
                .extracting(diff -> diff.range().volume())
                .containsExactlyInAnyOrderElementsOf(volumes);
    }

    @Test
    void byeWaitsForNoComparison() {
        offer(zeros(trees(0, 4)));
        control.bye();
        assertThat(control.ended).isTrue();
        world.writeAll();
        assertThat(control.diffs).isEmpty();
    }

    @Test
    void offersAreNoControlFramesInTheSenseOfTheirRate() {
        for (int i = 0; i < 1000; i++) {
            offer(zeros(leaves(0, 0, 1)));
            world.write(0);
        }
        assertThat(control.errors()).isEmpty();
        assertThat(control.diffs).hasSize(1000);
    }
}
