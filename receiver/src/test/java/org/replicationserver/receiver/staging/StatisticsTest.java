package org.replicationserver.receiver.staging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is made of the bytes that the unit stores. The bytes are made by {@code make-pages.py} in the resources. */
final class StatisticsTest {
    private static final String VOLUME = "vol-0123456789abcdef0";
    private static final long NOW_MILLIS = 1_790_000_000_000L;

    private static final int STATISTICS = IdentifyPage.BYTES;
    private static final int INSTANCE_IOPS = STATISTICS + 72;

    @TempDir
    Path directory;

    private long nowMillis = NOW_MILLIS;
    private final byte[] ebs = resource("ebs-volume.pages");

    private static byte[] resource(String name) {
        try (InputStream in = StatisticsTest.class.getResourceAsStream(name)) {
            assertThat(in).as(name).isNotNull();
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void put(byte[] bytes, int offset, long value) {
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(offset, value);
    }

    private StatisticsDirectory reader() {
        return new StatisticsDirectory(directory, () -> nowMillis);
    }

    private Path store(String name, byte[] content, long writtenMillis) throws IOException {
        Path file = Files.write(directory.resolve(name), content);
        Files.setLastModifiedTime(file, FileTime.fromMillis(writtenMillis));
        return file;
    }

    // --- pages

    @Test
    void pageTellsHowLongWhichLimitWasExceededAndWhatWaits() {
        assertThat(StatisticsPage.parse(ebs, STATISTICS))
                .isEqualTo(new StatisticsPage(11_000_011, 22_000_022, 33_000_033, 44_000_044, 7));
    }

    @Test
    void identifyTellsVolumeAndNameOfTheAttachment() {
        assertThat(IdentifyPage.parse(ebs)).isEqualTo(new IdentifyPage(VOLUME, "/dev/sdf"));
    }

    @Test
    void nameIsUnknownOfADeviceThatIsNotAmazons() {
        assertThat(IdentifyPage.parse(resource("emulated-volume.pages")))
                .isEqualTo(new IdentifyPage("vol-0fedcba9876543210", null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\u001b[2J", "a b", "\u00e9", ""})
    void nameThatCouldDoSomethingToATerminalIsUnknown(String name) {
        byte[] bytes = ebs.clone();
        Arrays.fill(bytes, 3072, 3104, (byte) 0);
        for (int i = 0; i < name.length(); i++) {
            bytes[3072 + i] = (byte) name.charAt(i);
        }
        assertThat(IdentifyPage.parse(bytes)).isEqualTo(new IdentifyPage(VOLUME, null));
    }

    @Test
    void pageWithAnotherMagicOrAnImpossibleNumberIsNone() {
        byte[] bytes = ebs.clone();
        bytes[STATISTICS] ^= 1;
        assertThat(StatisticsPage.parse(bytes, STATISTICS)).isNull();
        for (int offset : new int[] {56, 64, 72, 80, 88}) {
            byte[] negative = ebs.clone();
            put(negative, STATISTICS + offset, Long.MIN_VALUE);
            assertThat(StatisticsPage.parse(negative, STATISTICS))
                    .as("offset %d", offset)
                    .isNull();
        }
    }

    @Test
    void bytesOfAnyLengthAndContentDoNoHarm() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 500; i++) {
            byte[] bytes = Arrays.copyOf(ebs, random.nextInt(3 * 4096));
            for (int changed = random.nextInt(4); changed > 0 && bytes.length > 0; changed--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            store("nvme1n1", bytes, NOW_MILLIS);
            assertThat(reader().read().values()).as("seed=%d i=%d", seed, i).allSatisfy(statistics -> {
                assertThat(bytes.length).isBetween(4096, 8192);
                assertThat(statistics.volumeId()).startsWith("vol-");
                assertThat(statistics.page() == null || bytes.length == 8192).isTrue();
            });
        }
    }

    // --- files

    @Test
    void filesAreReadByVolume() throws IOException {
        store("nvme1n1", ebs, NOW_MILLIS - 9_000);
        store("nvme2n1", resource("emulated-volume.pages"), NOW_MILLIS - 1);
        assertThat(reader().read()).hasSize(2).hasEntrySatisfying(VOLUME, statistics -> {
            assertThat(statistics.blockDeviceName()).isEqualTo("/dev/sdf");
            assertThat(statistics.readMillis()).isEqualTo(NOW_MILLIS - 9_000);
            assertThat(statistics.knowsInstanceLimit())
                    .as("one look tells no difference")
                    .isFalse();
        });
    }

    @Test
    void whatIsOlderThanHalfAMinuteIsUnknown() throws IOException {
        StatisticsDirectory reader = reader();
        store("nvme1n1", ebs, NOW_MILLIS - 30_000);
        assertThat(reader.read()).containsOnlyKeys(VOLUME);
        nowMillis++;
        assertThat(reader.read()).isEmpty();
        store("nvme1n1", ebs, nowMillis + 30_001);
        assertThat(reader.read()).as("from a future that no clock has").isEmpty();
    }

    @Test
    void folderThatIsNotThereTellsNothing() {
        assertThat(new StatisticsDirectory(directory.resolve("none"), () -> nowMillis).read())
                .isEmpty();
    }

    @Test
    void onlyOrdinaryFilesOfTheRightSizeAreRead() throws IOException {
        store("nvme3n1", Arrays.copyOf(ebs, 8193), NOW_MILLIS);
        store("other", ebs, NOW_MILLIS);
        Files.createDirectory(directory.resolve("nvme4n1"));
        Files.createSymbolicLink(directory.resolve("nvme5n1"), directory.resolve("other"));
        assertThat(reader().read()).isEmpty();
    }

    @Test
    void fileThatTheUnitRemovesMeanwhileHidesNoOther() throws IOException {
        store("nvme1n1", ebs, NOW_MILLIS);
        Path gone = store("nvme2n1", resource("emulated-volume.pages"), NOW_MILLIS);
        StatisticsDirectory reader = new StatisticsDirectory(directory, () -> {
            assertThat(gone.toFile().delete() || Files.notExists(gone)).isTrue(); // after the folder was listed
            return nowMillis;
        });
        assertThat(reader.read()).containsOnlyKeys(VOLUME);
    }

    // --- from look to look

    @Test
    void fractionOfTheInstancesLimitIsThatOfTheTimeBetweenTwoLooks() throws IOException {
        StatisticsDirectory reader = reader();
        store("nvme1n1", ebs, NOW_MILLIS);
        reader.read();
        byte[] later = ebs.clone();
        put(later, INSTANCE_IOPS, 33_000_033 + 2_500_000);
        store("nvme1n1", later, NOW_MILLIS + 10_000);
        nowMillis += 10_000;
        assertThat(limited(reader)).isEqualTo(0.25);
        assertThat(limited(reader)).as("until the next look").isEqualTo(0.25);
    }

    @Test
    void fractionIsUnknownAfterCounterOrClockBeganAnewAndNeverAboveOne() throws IOException {
        StatisticsDirectory reader = reader();
        store("nvme1n1", ebs, NOW_MILLIS);
        reader.read();
        byte[] attachedAnew = ebs.clone();
        put(attachedAnew, INSTANCE_IOPS, 0);
        put(attachedAnew, INSTANCE_IOPS + 8, 0);
        store("nvme1n1", attachedAnew, NOW_MILLIS + 10_000);
        assertThat(limited(reader)).isNegative();
        store("nvme1n1", ebs, NOW_MILLIS + 20_000);
        assertThat(limited(reader)).isEqualTo(1);
        store("nvme1n1", ebs, NOW_MILLIS + 5_000);
        assertThat(limited(reader)).as("the clock went back").isNegative();
    }

    private static double limited(StatisticsDirectory reader) {
        return Objects.requireNonNull(reader.read().get(VOLUME)).instanceLimited();
    }
}
