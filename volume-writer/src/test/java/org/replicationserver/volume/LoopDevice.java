package org.replicationserver.volume;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;

/** A loop device over a file, for as long as a test needs it. */
public final class LoopDevice implements AutoCloseable {
    private final Path path;

    private LoopDevice(Path path) {
        this.path = path;
    }

    /** Skips the test where loop devices cannot be had. */
    public static LoopDevice attach(Path image, int sectorBytes) throws InterruptedException {
        assumeTrue(Commands.isRoot(), "skipped: loop devices need root");
        assumeTrue(Commands.exists("losetup"), "skipped: losetup is not installed");
        try {
            String device = Commands.run(
                    "losetup", "--find", "--show", "--sector-size", Integer.toString(sectorBytes), image.toString());
            return new LoopDevice(Path.of(device.strip()));
        } catch (IOException e) {
            assumeTrue(false, "skipped: no loop device to be had: " + e.getMessage());
            throw new AssertionError(e);
        }
    }

    /** The device file. */
    public Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        try {
            Commands.run("losetup", "--detach", path.toString());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
