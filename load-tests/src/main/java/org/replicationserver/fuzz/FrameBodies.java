package org.replicationserver.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.CommitRequest;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.ErrorBody;
import org.replicationserver.receiver.protocol.ErrorCode;
import org.replicationserver.receiver.protocol.FrameHeader;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.FrameWriter;
import org.replicationserver.receiver.protocol.GoAway;
import org.replicationserver.receiver.protocol.HashDiff;
import org.replicationserver.receiver.protocol.HashOffer;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.JsonBody;
import org.replicationserver.receiver.protocol.Progress;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.SourceStatus;
import org.replicationserver.receiver.protocol.TestAck;
import org.replicationserver.receiver.protocol.TestAttach;
import org.replicationserver.receiver.protocol.TestOpen;
import org.replicationserver.receiver.protocol.TestOpened;
import org.replicationserver.receiver.protocol.TestResult;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * What must hold of the body of a frame: it is refused with a code of its form, or what was read from it is the same when it is written
 * and read again.
 */
final class FrameBodies {
    private static final JsonRules RULES = new JsonRules();

    private static final Map<FrameType, JsonRules.BodyParser> JSON = new EnumMap<>(Map.ofEntries(
            Map.entry(FrameType.HELLO, Hello::parse),
            Map.entry(FrameType.WELCOME, Welcome::parse),
            Map.entry(FrameType.TEST_OPEN, TestOpen::parse),
            Map.entry(FrameType.TEST_OPENED, TestOpened::parse),
            Map.entry(FrameType.TEST_RESULT, TestResult::parse),
            Map.entry(FrameType.EPOCH_OPEN, EpochOpen::parse),
            Map.entry(FrameType.EPOCH_COMMIT, EpochCommit::parse),
            Map.entry(FrameType.EPOCH_STATUS, EpochStatus::parse),
            Map.entry(FrameType.COMMIT_REQUEST, CommitRequest::parse),
            Map.entry(FrameType.SOURCE_STATUS, SourceStatus::parse),
            Map.entry(FrameType.PROGRESS, Progress::parse),
            Map.entry(FrameType.ERROR, ErrorBody::parse),
            Map.entry(FrameType.GOAWAY, GoAway::parse),
            Map.entry(FrameType.BYE, Bye::parse),
            Map.entry(FrameType.ATTACH, Attach::parse),
            Map.entry(FrameType.ATTACHED, Attached::parse),
            Map.entry(FrameType.TEST_ATTACH, TestAttach::parse),
            Map.entry(FrameType.TEST_ACK, TestAck::parse)));

    private static final Map<FrameType.Payload, Set<ErrorCode>> REFUSALS = Map.of(
            FrameType.Payload.JSON, EnumSet.of(ErrorCode.PROTOCOL, ErrorCode.LIMIT),
            FrameType.Payload.ACK, EnumSet.of(ErrorCode.PROTOCOL),
            FrameType.Payload.OFFER, EnumSet.of(ErrorCode.LIMIT, ErrorCode.UNSUPPORTED, ErrorCode.RANGE),
            FrameType.Payload.DIFF, EnumSet.of(ErrorCode.LIMIT, ErrorCode.UNSUPPORTED, ErrorCode.RANGE));

    /** Reserved bytes of the head of HASH_OFFER and HASH_DIFF. */
    private static final int[] RANGE_RESERVED = {5, 6, 7, 20, 21, 22, 23};

    private FrameBodies() {}

    /** What a reader makes of a body, as words that are the same for the same body. */
    static String wordsOf(FrameType type, ByteBuffer payload) {
        try {
            return switch (type.payload()) {
                case JSON -> json(type, payload);
                case ACK -> ack(payload);
                case OFFER -> {
                    HashOffer offer = HashOffer.read(payload);
                    requireSameRange(new FrameWriter().offer(offer), payload);
                    yield offer.toString();
                }
                case DIFF -> {
                    HashDiff diff = HashDiff.read(payload);
                    requireSameRange(new FrameWriter().diff(diff), payload);
                    yield diff.toString();
                }
                case BLOCK, EPOCH, EMPTY -> Integer.toString(payload.hashCode());
            };
        } catch (ProtocolException e) {
            Rules.require(
                    REFUSALS.getOrDefault(type.payload(), Set.of()).contains(e.code()),
                    e.code() + " is no refusal of a body of " + type + ": " + e.getMessage());
            requireRefusal(e);
            return e.code() + " " + e.getMessage();
        }
    }

    /** What tells the peer can be read by the peer, and is whole: it is not cut at the end of what ERROR may have. */
    static void requireRefusal(ProtocolException refusal) {
        Rules.requireLine(refusal.getMessage(), ProtocolLimits.ERROR_TEXT_CHARS_MAX);
        try {
            ErrorBody told =
                    ErrorBody.parse(JsonBody.parse(refusal.toBody().toJson().toBytes()));
            Rules.require(told.code() == refusal.code().code(), "ERROR tells the code of the refusal");
            Rules.requireSame(refusal.getMessage(), told.text(), "ERROR tells the text of the refusal");
        } catch (ProtocolException e) {
            throw new AssertionError("the ERROR that tells of a refusal cannot be read", e);
        }
    }

    private static String json(FrameType type, ByteBuffer payload) throws ProtocolException {
        JsonRules.BodyParser parser = JSON.get(type);
        if (parser == null) {
            throw new AssertionError("no parser of " + type);
        }
        return RULES.wordsOf(type, parser, payload);
    }

    private static String ack(ByteBuffer payload) throws ProtocolException {
        ByteBuffer again = ByteBuffer.allocate(payload.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        int[] entries = new int[1];
        StringBuilder words = new StringBuilder();
        long receivedSeq = DurableAck.read(payload, (volume, durableSeq, limitBytes) -> {
            if (entries[0]++ == 0) {
                again.position(DurableAck.HEAD_BYTES);
            }
            DurableAck.putEntry(again, volume, durableSeq, limitBytes);
            words.append(volume)
                    .append(' ')
                    .append(durableSeq)
                    .append(' ')
                    .append(limitBytes)
                    .append(' ');
        });
        DurableAck.putHead(again.position(0), receivedSeq, entries[0]);
        byte[] expected = bytesOf(payload);
        Arrays.fill(expected, 10, DurableAck.HEAD_BYTES, (byte) 0);
        for (int at = DurableAck.HEAD_BYTES; at < expected.length; at += DurableAck.ENTRY_BYTES) {
            Arrays.fill(expected, at + 2, at + 8, (byte) 0);
        }
        Rules.require(Arrays.equals(expected, again.array()), "DURABLE_ACK is the same when it is written again");
        return words.append(receivedSeq).toString();
    }

    private static void requireSameRange(ByteBuffer frame, ByteBuffer payload) {
        byte[] expected = bytesOf(payload);
        for (int at : RANGE_RESERVED) {
            expected[at] = 0;
        }
        byte[] written = bytesOf(frame.position(FrameHeader.BYTES));
        Rules.require(Arrays.equals(expected, written), "a comparison is the same when it is written again");
    }

    private static byte[] bytesOf(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(buffer.position(), bytes);
        return bytes;
    }
}
