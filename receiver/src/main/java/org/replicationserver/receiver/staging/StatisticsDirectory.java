package org.replicationserver.receiver.staging;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The files that the unit {@code replication-volume-statistics} writes every 10 s, one for each EBS device: its Identify page of 4096
 * bytes and, if the device has one, its statistics page of as many. The unit copies bytes and judges nothing; whatever is not understood
 * here counts as not there. Stateless but for what was read last; confined to one thread, which may block.
 */
final class StatisticsDirectory {
    /** What is older was left by a unit that does not run any more. */
    static final long AGE_MILLIS_MAX = 30_000;

    static final int FILES_MAX = 256;
    private static final int FILE_BYTES_MAX = IdentifyPage.BYTES + StatisticsPage.BYTES;

    private final Path directory;
    private final LongSupplier clockMillis;
    private Map<String, VolumeStatistics> last = Map.of();

    /** @param clockMillis the wall clock, which files have their times of */
    StatisticsDirectory(Path directory, LongSupplier clockMillis) {
        this.directory = directory;
        this.clockMillis = clockMillis;
    }

    /** By volume id, what is not too old; empty if there is nothing. */
    Map<String, VolumeStatistics> read() {
        Map<String, VolumeStatistics> found = new HashMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "nvme*")) {
            int looked = 0;
            for (Path file : files) {
                VolumeStatistics statistics = looked++ < FILES_MAX ? read(file) : null;
                if (statistics != null) {
                    found.put(statistics.volumeId(), statistics.after(last.get(statistics.volumeId())));
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            found.clear();
        }
        last = Map.copyOf(found);
        return last;
    }

    /** Null also if it cannot be read, as one that the unit removes meanwhile; the others count all the same. */
    private @Nullable VolumeStatistics read(Path file) {
        try {
            return parse(file);
        } catch (IOException e) {
            return null;
        }
    }

    private @Nullable VolumeStatistics parse(Path file) throws IOException {
        BasicFileAttributes attributes =
                Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        long writtenMillis = attributes.lastModifiedTime().toMillis();
        if (!attributes.isRegularFile()
                || attributes.size() > FILE_BYTES_MAX
                || Math.abs(clockMillis.getAsLong() - writtenMillis) > AGE_MILLIS_MAX) {
            return null;
        }
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
            bytes = in.readNBytes(FILE_BYTES_MAX);
        }
        IdentifyPage identify = IdentifyPage.parse(bytes);
        return identify == null
                ? null
                : new VolumeStatistics(
                        identify.volumeId(),
                        identify.blockDeviceName(),
                        StatisticsPage.parse(bytes, IdentifyPage.BYTES),
                        writtenMillis,
                        VolumeStatistics.UNKNOWN);
    }
}
