package org.replicationserver.receiver.preflight;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.replicationserver.volume.LinuxBlockDevice;

/** Whether the file systems of image files have room for all that is assigned: images are sparse, and grow with what is written. */
final class SpaceCheck implements PreflightCheck {
    private static final long MIB = 1024 * 1024;

    /** An image file of an assigned size. */
    record Image(Path path, long sizeBytes) {}

    private final List<Image> images;

    /** @param images those of the assigned volumes that are image files, there or not yet */
    SpaceCheck(List<Image> images) {
        this.images = List.copyOf(images);
    }

    @Override
    public String name() {
        return "space for images";
    }

    @Override
    public Finding look() {
        if (images.isEmpty()) {
            return Finding.skip("no volume is an image file");
        }
        try {
            Map<FileStore, Long> missingBytes = new HashMap<>();
            for (Image image : images) {
                long taken = Files.exists(image.path()) ? LinuxBlockDevice.allocatedBytes(image.path()) : 0;
                missingBytes.merge(storeOf(image.path()), Math.max(0, image.sizeBytes() - taken), Long::sum);
            }
            return judged(missingBytes);
        } catch (IOException e) {
            return Finding.misconfigured(
                    "cannot be told: " + e.getMessage(), "Look at image.directory and the paths of the volumes.");
        }
    }

    /** Of the nearest directory that is there. */
    private static FileStore storeOf(Path image) throws IOException {
        Path there = image.toAbsolutePath();
        while (there.getParent() != null && Files.notExists(there)) {
            there = there.getParent();
        }
        return Files.getFileStore(there);
    }

    private static Finding judged(Map<FileStore, Long> missingBytes) throws IOException {
        StringBuilder all = new StringBuilder();
        boolean tooSmall = false;
        for (Map.Entry<FileStore, Long> one : missingBytes.entrySet()) {
            long free = one.getKey().getUsableSpace();
            tooSmall |= free < one.getValue();
            all.append(all.isEmpty() ? "" : "; ")
                    .append(one.getKey())
                    .append(" has ")
                    .append(free / MIB)
                    .append(" MiB free, images may still grow by ")
                    .append(one.getValue() / MIB)
                    .append(" MiB");
        }
        return tooSmall
                ? Finding.warn(
                        all.toString(), "Enlarge the file system: a volume that finds no room fails (ENOSPC) for good.")
                : Finding.ok(all.toString());
    }
}
