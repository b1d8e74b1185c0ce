package org.replicationserver.receiver.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The payload of DURABLE_ACK. */
final class DurableAckTest {
    private record Entry(int volume, long durableSeq, long limitBytes) {}

    private static ByteBuffer ack(long receivedSeq, List<Entry> entries) {
        ByteBuffer out = ByteBuffer.allocate(DurableAck.bytes(entries.size()));
        DurableAck.putHead(out, receivedSeq, entries.size());
        entries.forEach(e -> DurableAck.putEntry(out, e.volume(), e.durableSeq(), e.limitBytes()));
        assertThat(out.hasRemaining()).isFalse();
        return out.flip();
    }

    private static @Nullable ErrorCode refusalOf(ByteBuffer payload) {
        try {
            DurableAck.read(payload, (volume, durableSeq, limitBytes) -> {});
            return null;
        } catch (ProtocolException e) {
            return e.code();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, (1L << 53) + 1, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void everyValueIsKept(long value) throws Exception {
        List<Entry> entries =
                List.of(new Entry(0, value, ~value), new Entry(32768, ~value, value), new Entry(65535, 0, -1));
        ByteBuffer payload = ack(value, entries);
        List<Entry> read = new ArrayList<>();
        assertThat(DurableAck.read(payload, (v, durable, limit) -> read.add(new Entry(v, durable, limit))))
                .isEqualTo(value);
        assertThat(read).isEqualTo(entries);
        assertThat(payload.position()).isZero();
    }

    @Test
    void allVolumesOfASessionFit() throws Exception {
        List<Entry> entries = new ArrayList<>();
        for (int volume = 0; volume < ProtocolLimits.DISKS_MAX; volume++) {
            entries.add(new Entry(volume, volume * 7L, -volume));
        }
        List<Entry> read = new ArrayList<>();
        DurableAck.read(ack(1, entries), (v, durable, limit) -> read.add(new Entry(v, durable, limit)));
        assertThat(read).isEqualTo(entries);
    }

    @Test
    void everyLengthThatDoesNotFitTheEntriesIsRefused() {
        ByteBuffer three = ack(9, List.of(new Entry(0, 1, 1), new Entry(1, 1, 1), new Entry(2, 1, 1)));
        for (int length = 0; length < three.limit(); length++) {
            assertThat(refusalOf(three.slice(0, length))).as(length + " bytes").isEqualTo(ErrorCode.PROTOCOL);
        }
        ByteBuffer longer = ByteBuffer.allocate(three.limit() + 1).put(three.duplicate());
        assertThat(refusalOf(longer.clear())).isEqualTo(ErrorCode.PROTOCOL);
        assertThat(refusalOf(three.put(9, (byte) 0xff))).isEqualTo(ErrorCode.PROTOCOL);
    }

    @Test
    void reservedBytesAreIgnored() {
        ByteBuffer payload = ack(9, List.of(new Entry(1, 2, 3)));
        for (int at : new int[] {10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 23}) {
            payload.put(at, (byte) 0xff);
        }
        List<Entry> read = new ArrayList<>();
        assertThat(refusalOf(payload)).isNull();
        try {
            assertThat(DurableAck.read(payload, (v, durable, limit) -> read.add(new Entry(v, durable, limit))))
                    .isEqualTo(9);
        } catch (ProtocolException e) {
            throw new AssertionError(e);
        }
        assertThat(read).containsExactly(new Entry(1, 2, 3));
    }

    @Test
    void volumeHasAtMostOneEntry() {
        assertThat(refusalOf(ack(9, List.of(new Entry(1, 2, 3), new Entry(2, 2, 3), new Entry(1, 4, 5)))))
                .isEqualTo(ErrorCode.PROTOCOL);
    }
}
