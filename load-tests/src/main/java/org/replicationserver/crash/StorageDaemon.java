package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.replicationserver.process.ChildProcess;
import org.replicationserver.process.RunException;
import org.replicationserver.process.Waiting;

/**
 * A qemu-storage-daemon that shows a volume as a file, through FUSE, with drivers in between that log, fail or stall. FUSE passes the
 * page cache by here: each write and each flush of the server reaches the drivers as it is.
 */
final class StorageDaemon implements AutoCloseable {
    private static final String PROGRAM = "qemu-storage-daemon";
    private static final Duration START_TIMEOUT = Duration.ofSeconds(30);

    /** The name by which drivers know the file below them. */
    static final String FILE = "file";

    /** The name by which a driver knows the group of those that write slowly. */
    static final String SLOW = "slow";

    private static final int SLOW_WRITES_PER_SECOND = 20;

    private final Workshop workshop;
    private final ChildProcess process;
    private final Path shown;

    private StorageDaemon(Workshop workshop, ChildProcess process, Path shown) {
        this.workshop = workshop;
        this.process = process;
        this.shown = shown;
    }

    /** What it needs and is not here, or null. */
    static @Nullable String missing(Workshop workshop) throws InterruptedException {
        if (!workshop.has(PROGRAM)) {
            return PROGRAM + " is not installed (package qemu-utils, on Debian 12 qemu-system-common)";
        }
        if (!Files.isWritable(Path.of("/dev/fuse"))) {
            return "/dev/fuse cannot be used: not root, or a kernel or container without FUSE";
        }
        return workshop.isRoot() ? null : "mounting needs root";
    }

    /**
     * Shows a file.
     *
     * @param file what is stored; of the size that is shown
     * @param shown where; made if it is missing
     * @param driver the topmost driver, as {@code --blockdev} takes it without its name; null to show the file itself
     * @param below other nodes that it needs
     */
    static StorageDaemon show(Workshop workshop, Path file, Path shown, @Nullable String driver, List<String> below)
            throws IOException, InterruptedException, RunException {
        if (!Files.exists(shown)) {
            Files.createDirectories(shown.resolveSibling("."));
            Files.createFile(shown);
        }
        List<String> command = new ArrayList<>(
                List.of(PROGRAM, "--object", "throttle-group,id=" + SLOW + ",x-iops-write=" + SLOW_WRITES_PER_SECOND));
        blockdev(command, "driver=file,node-name=" + FILE + ",filename=" + file);
        below.forEach(node -> blockdev(command, node));
        if (driver != null) {
            blockdev(command, "node-name=top," + driver);
        }
        command.addAll(List.of(
                "--export",
                "type=fuse,id=shown,writable=on,node-name=" + (driver == null ? FILE : "top") + ",mountpoint="
                        + shown));
        ChildProcess process = ChildProcess.start(PROGRAM, command, workshop.cleanup());
        StorageDaemon daemon = new StorageDaemon(workshop, process, shown);
        try {
            Waiting.until("the daemon", START_TIMEOUT, () -> "", () -> {
                process.requireAlive();
                return isMounted(shown);
            });
            return daemon;
        } catch (RunException | InterruptedException e) {
            daemon.close();
            throw e;
        }
    }

    /** A hole that is punched is one: without its option qemu does nothing, and says that it has. */
    private static void blockdev(List<String> command, String node) {
        command.addAll(List.of("--blockdev", node + ",discard=unmap"));
    }

    private static boolean isMounted(Path at) throws RunException {
        try {
            return Files.readString(Path.of("/proc/self/mounts")).contains(" " + at + " ");
        } catch (IOException e) {
            throw new RunException("mounts cannot be read: " + e.getMessage(), e);
        }
    }

    /** It answers nothing from now on. */
    void stall() throws IOException, InterruptedException, RunException {
        workshop.run("kill", "-STOP", Long.toString(process.pid()));
    }

    void goOn() throws IOException, InterruptedException, RunException {
        workshop.run("kill", "-CONT", Long.toString(process.pid()));
    }

    /** Takes the file away, also from who has it open. */
    @Override
    public void close() throws IOException, RunException {
        process.close();
        if (isMounted(shown)) {
            workshop.undo("umount", "-l", shown.toString());
        }
    }
}
