package org.replicationserver.receiver.protocol;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The JSON bodies of all frame types: an example with every member, random ones, parser and schema. */
final class Bodies {
    static final long INTEGER_MAX = (1L << 53) - 1;

    private static final String HEX = "00112233445566778899aabbccddeeff";
    /** Whole characters of one to four bytes, and those that JSON escapes. */
    private static final List<String> CHARACTERS =
            List.of("a", "Z", "0", "/", ".", "\"", "\\", "\n", "\u0001", "é", "€", "😀");

    private Bodies() {}

    static Stream<FrameType> types() {
        return Arrays.stream(FrameType.values()).filter(type -> type.payload() == FrameType.Payload.JSON);
    }

    static String schemaFile(FrameType type) {
        return type.name().toLowerCase(Locale.ROOT).replace('_', '-') + ".schema.json";
    }

    static Body parse(FrameType type, JsonBody json) throws ProtocolException {
        return switch (type) {
            case HELLO -> Hello.parse(json);
            case WELCOME -> Welcome.parse(json);
            case EPOCH_OPEN -> EpochOpen.parse(json);
            case EPOCH_COMMIT -> EpochCommit.parse(json);
            case EPOCH_STATUS -> EpochStatus.parse(json);
            case COMMIT_REQUEST -> CommitRequest.parse(json);
            case SOURCE_STATUS -> SourceStatus.parse(json);
            case PROGRESS -> Progress.parse(json);
            case ERROR -> ErrorBody.parse(json);
            case GOAWAY -> GoAway.parse(json);
            case BYE -> Bye.parse(json);
            case ATTACH -> Attach.parse(json);
            case ATTACHED -> Attached.parse(json);
            case TEST_OPEN -> TestOpen.parse(json);
            case TEST_OPENED -> TestOpened.parse(json);
            case TEST_ATTACH -> TestAttach.parse(json);
            case TEST_ACK -> TestAck.parse(json);
            case TEST_RESULT -> TestResult.parse(json);
            case PING, PONG, DATA, ZERO, FENCE, DURABLE_ACK, TEST, HASH_OFFER, HASH_DIFF ->
                throw new IllegalArgumentException("no JSON: " + type);
        };
    }

    /** A body with every member that the specification has, optional ones included. */
    static Body full(FrameType type) {
        return switch (type) {
            case HELLO ->
                new Hello(
                        List.of(1, 2),
                        List.of("x-unknown"),
                        "Source_server.2-b",
                        HEX,
                        16,
                        List.of(
                                new Hello.Disk("/dev/sda", 33_554_432, 512),
                                new Hello.Disk("/dev/mapper/données-磁盤", ProtocolLimits.DISK_BYTES_MAX, 4096)),
                        new Hello.Remembered(7, List.of(new Hello.RememberedDisk("/dev/sda", HEX, 41))));
            case WELCOME ->
                new Welcome(
                        1,
                        List.of("x-granted"),
                        8,
                        4,
                        24,
                        new Welcome.Limits(65536, 100, 500, 10000),
                        List.of(new Welcome.Volume(
                                0,
                                "vol-1",
                                "/dev/sda",
                                33_554_432,
                                4096,
                                HEX,
                                41,
                                true,
                                Welcome.Action.RESCAN,
                                "NEW_VOLUME")));
            case EPOCH_OPEN -> new EpochOpen(42, true, 33_554_432);
            case EPOCH_COMMIT -> new EpochCommit(42, List.of(8L, 9_007_199_254_740_993L), 1_790_000_000_000L);
            case EPOCH_STATUS -> new EpochStatus(42, true);
            case COMMIT_REQUEST -> new CommitRequest(CommitRequest.HOLD);
            case SOURCE_STATUS ->
                new SourceStatus(
                        List.of(new SourceStatus.Volume(3, 1_048_576)), new SourceStatus.Waits(1200, 3400, 5600));
            case PROGRESS ->
                new Progress(Progress.WaitingFor.VOLUME, List.of(new Progress.Volume(3, 1_048_576, 2100, "EIO")));
            case ERROR -> new ErrorBody(8, "RANGE", "12", 0, 33_554_432L, "past the end");
            case GOAWAY -> new GoAway("SHUTDOWN", 30_000, 5_000);
            case BYE -> new Bye("done");
            case ATTACH -> new Attach(8, 3);
            case ATTACHED -> new Attached(8_388_608, 1_048_576, 1024);
            case TEST_OPEN -> new TestOpen(List.of(1, 2), "Source_server.2-b", 5, 10, 1_073_741_824);
            case TEST_OPENED -> new TestOpened(1, HEX, 5, 10, 1_073_741_824, 10_000);
            case TEST_ATTACH -> new TestAttach(HEX, 3);
            case TEST_ACK -> new TestAck(42, 9_437_184);
            case TEST_RESULT ->
                new TestResult(
                        "TIME",
                        10_000,
                        4096,
                        1_073_741_824,
                        536_870_912,
                        1_048_576,
                        new TestResult.Waits(100, 200, 300),
                        new TestResult.Busy(4000, 5000),
                        List.of(new TestResult.Volume("vol-1", "/dev/sda", 60_000, 30_000, 1_073_741_824)));
            case PING, PONG, DATA, ZERO, FENCE, DURABLE_ACK, TEST, HASH_OFFER, HASH_DIFF ->
                throw new IllegalArgumentException("no JSON: " + type);
        };
    }

    /** A body that the specification allows. */
    static Body random(FrameType type, Random random) {
        return switch (type) {
            case HELLO -> hello(random);
            case WELCOME -> welcome(random);
            case EPOCH_OPEN -> new EpochOpen(number64(random), random.nextBoolean(), integer(random, 0, INTEGER_MAX));
            case EPOCH_COMMIT ->
                new EpochCommit(
                        number64(random), list(random, 0, 16, () -> number64(random)), integer(random, 0, INTEGER_MAX));
            case EPOCH_STATUS -> new EpochStatus(number64(random), random.nextBoolean());
            case COMMIT_REQUEST -> new CommitRequest(text(random, 1, 30));
            case SOURCE_STATUS -> sourceStatus(random);
            case PROGRESS -> new Progress(pick(random, Progress.WaitingFor.values()), progressVolumes(random));
            case ERROR -> error(random);
            case GOAWAY ->
                new GoAway(text(random, 1, 30), integer(random, 0, 86_400_000), integer(random, 0, 86_400_000));
            case BYE -> new Bye(text(random, 0, 30));
            case ATTACH -> new Attach(number64(random), (int) integer(random, 0, 15));
            case ATTACHED ->
                new Attached(
                        (int) integer(random, ProtocolLimits.WINDOW_BYTES_MIN, ProtocolLimits.WINDOW_BYTES_MAX),
                        512 * (int) integer(random, 1, 2048),
                        (int) integer(random, 1, 1024));
            case TEST_OPEN ->
                new TestOpen(
                        list(random, 1, 16, () -> (int) integer(random, 0, Integer.MAX_VALUE)),
                        "s" + random.nextInt(1_000_000),
                        (int) integer(random, 1, 16),
                        (int) integer(random, 1, ProtocolLimits.TEST_SECONDS_MAX),
                        integer(random, 1, ProtocolLimits.TEST_BYTES_MAX));
            case TEST_OPENED ->
                new TestOpened(
                        1,
                        hex(random),
                        (int) integer(random, 1, 16),
                        (int) integer(random, 1, ProtocolLimits.TEST_SECONDS_MAX),
                        integer(random, 1, ProtocolLimits.TEST_BYTES_MAX),
                        (int) integer(random, 1, 1_000_000));
            case TEST_ATTACH -> new TestAttach(hex(random), (int) integer(random, 0, 15));
            case TEST_ACK -> new TestAck(number64(random), integer(random, 0, INTEGER_MAX));
            case TEST_RESULT -> testResult(random);
            case PING, PONG, DATA, ZERO, FENCE, DURABLE_ACK, TEST, HASH_OFFER, HASH_DIFF ->
                throw new IllegalArgumentException("no JSON: " + type);
        };
    }

    private static Hello hello(Random random) {
        List<Hello.Disk> disks = IntStream.range(0, (int) integer(random, 1, 64))
                .mapToObj(i -> new Hello.Disk(
                        i + ":" + text(random, 0, 20), sizeBytes(random), random.nextBoolean() ? 512 : 4096))
                .toList();
        Hello.@Nullable Remembered remembers = random.nextBoolean()
                ? null
                : new Hello.Remembered(
                        integer(random, 0, (1L << 62) - 1),
                        disks.stream()
                                .filter(disk -> random.nextBoolean())
                                .map(disk -> new Hello.RememberedDisk(disk.deviceName(), hex(random), number64(random)))
                                .toList());
        return new Hello(
                list(random, 1, 16, () -> (int) integer(random, 0, Integer.MAX_VALUE)),
                list(random, 0, 64, () -> text(random, 0, 20)),
                "s" + random.nextInt(1_000_000),
                hex(random),
                (int) integer(random, 1, 16),
                disks,
                remembers);
    }

    private static Welcome welcome(Random random) {
        return new Welcome(
                1,
                list(random, 0, 64, () -> text(random, 0, 20)),
                number64(random),
                (int) integer(random, 1, 16),
                (int) integer(random, 16, 30),
                new Welcome.Limits(
                        (int) integer(random, 1, 65536),
                        (int) integer(random, 1, 1_000_000),
                        (int) integer(random, 1, 1_000_000),
                        (int) integer(random, 1, 1_000_000)),
                list(
                        random,
                        1,
                        64,
                        () -> new Welcome.Volume(
                                (int) integer(random, 0, 65535),
                                text(random, 1, 40),
                                text(random, 1, 40),
                                sizeBytes(random),
                                random.nextBoolean() ? 512 : 4096,
                                hex(random),
                                number64(random),
                                random.nextBoolean(),
                                pick(random, Welcome.Action.values()),
                                text(random, 1, 40))));
    }

    private static SourceStatus sourceStatus(Random random) {
        return new SourceStatus(
                list(
                        random,
                        0,
                        64,
                        () -> new SourceStatus.Volume(
                                (int) integer(random, 0, 65535), integer(random, 0, ProtocolLimits.DISK_BYTES_MAX))),
                new SourceStatus.Waits(
                        integer(random, 0, INTEGER_MAX),
                        integer(random, 0, INTEGER_MAX),
                        integer(random, 0, INTEGER_MAX)));
    }

    private static TestResult testResult(Random random) {
        Supplier<Long> natural = () -> integer(random, 0, INTEGER_MAX);
        return new TestResult(
                text(random, 1, 20),
                natural.get(),
                natural.get(),
                natural.get(),
                natural.get(),
                natural.get(),
                new TestResult.Waits(natural.get(), natural.get(), natural.get()),
                new TestResult.Busy(natural.get(), natural.get()),
                list(
                        random,
                        0,
                        64,
                        () -> new TestResult.Volume(
                                text(random, 1, 40),
                                text(random, 1, 40),
                                natural.get(),
                                natural.get(),
                                natural.get())));
    }

    private static List<Progress.Volume> progressVolumes(Random random) {
        return list(
                random,
                0,
                64,
                () -> new Progress.Volume(
                        (int) integer(random, 0, 65535),
                        integer(random, 0, INTEGER_MAX),
                        integer(random, 0, INTEGER_MAX),
                        random.nextBoolean() ? null : text(random, 0, 40)));
    }

    private static ErrorBody error(Random random) {
        return new ErrorBody(
                (int) integer(random, 1, 65535),
                random.nextBoolean() ? null : text(random, 0, 40),
                random.nextBoolean() ? null : Long.toString(number64(random)),
                random.nextBoolean() ? null : (int) integer(random, 0, 65535),
                random.nextBoolean() ? null : integer(random, 0, ProtocolLimits.DISK_BYTES_MAX),
                random.nextBoolean() ? null : text(random, 0, 120));
    }

    private static long sizeBytes(Random random) {
        return 512 * integer(random, 1, ProtocolLimits.DISK_BYTES_MAX / 512);
    }

    private static long number64(Random random) {
        return integer(random, 0, Long.MAX_VALUE);
    }

    /** Each end of the range as often as something between. */
    static long integer(Random random, long min, long max) {
        return switch (random.nextInt(4)) {
            case 0 -> min;
            case 1 -> max;
            default ->
                max == Long.MAX_VALUE ? random.nextLong() >>> random.nextInt(1, 63) : random.nextLong(min, max + 1);
        };
    }

    private static String hex(Random random) {
        return String.format("%016x%016x", random.nextLong(), random.nextLong());
    }

    private static String text(Random random, int charactersMin, int charactersMax) {
        return String.join("", list(random, charactersMin, charactersMax, () -> pick(random, CHARACTERS)));
    }

    private static <T> List<T> list(Random random, int min, int max, Supplier<T> element) {
        return Stream.generate(element).limit(integer(random, min, max)).toList();
    }

    private static <T> T pick(Random random, List<T> values) {
        return values.get(random.nextInt(values.size()));
    }

    static <T> T pick(Random random, T[] values) {
        return values[random.nextInt(values.length)];
    }
}
