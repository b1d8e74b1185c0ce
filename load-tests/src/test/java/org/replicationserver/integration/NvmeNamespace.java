package org.replicationserver.integration;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * A {@code /sys} and a {@code /dev} of a process's own in which NVMe devices come and go: each is a loop device by another name, with the
 * serial number that an EBS volume has. Needs root, loop devices and mount namespaces; without them the test is skipped.
 */
final class NvmeNamespace implements AutoCloseable {
    private static final int SECTOR_BYTES = 512;

    private final Path sys;
    private final Path dev;
    private final Deque<String> loops = new ArrayDeque<>();
    private int devices;

    private NvmeNamespace(Path directory) {
        this.sys = directory.resolve("sys");
        this.dev = directory.resolve("dev");
    }

    /** One without devices. */
    static NvmeNamespace in(Path directory) throws Exception {
        assumeTrue(Commands.isRoot(), "skipped: device files and mount namespaces need root");
        Commands.assumeInstalled("unshare");
        NvmeNamespace namespace = new NvmeNamespace(directory);
        for (String folder : List.of("sys/block", "sys/class/nvme", "sys/dev/block", "dev/disk/by-id", "dev/shm")) {
            Files.createDirectories(directory.resolve(folder));
        }
        namespace.node("null", "c", 1, 3);
        namespace.node("zero", "c", 1, 5);
        namespace.node("random", "c", 1, 8);
        namespace.node("urandom", "c", 1, 9);
        return namespace;
    }

    private void node(String name, String kind, int major, int minor) throws Exception {
        Commands.runSuccessfully(
                "mknod",
                "--mode=666",
                dev.resolve(name).toString(),
                kind,
                Integer.toString(major),
                Integer.toString(minor));
    }

    /** The command under which a process sees these devices instead of the machine's. */
    String[] command() {
        String mounts = "mount --bind '" + sys + "' /sys && mount --bind '" + dev + "' /dev && exec \"$@\"";
        return new String[] {"unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh"};
    }

    /**
     * A volume appears, as a device whose number says nothing about it.
     *
     * @param backing what it holds
     */
    void attach(String volumeId, Path backing) throws Exception {
        Commands.Result attached = Commands.run(List.of("losetup", "--find", "--show", backing.toString()));
        assumeTrue(attached.exitCode() == 0, "skipped: no loop device to be had: " + attached.output());
        String loop = attached.output().strip();
        loops.push(loop);
        String[] number = Files.readString(Path.of("/sys/block", loop.substring("/dev/".length()), "dev"))
                .strip()
                .split(":");
        // Names go down while volumes come, so that their order is another one.
        String name = "nvme" + (9 - devices++) + "n1";
        Path controller = Files.createDirectories(
                sys.resolve("class/nvme").resolve(name.substring(0, name.length() - "n1".length())));
        Files.writeString(controller.resolve("serial"), volumeId.replace("vol-", "vol") + "\n");
        Files.writeString(controller.resolve("model"), "Amazon Elastic Block Store              \n");
        node(name, "b", Integer.parseInt(number[0]), Integer.parseInt(number[1]));
        Path namespace = Files.createDirectories(sys.resolve("devices").resolve(name));
        link(namespace, "device", controller);
        Files.writeString(namespace.resolve("dev"), String.join(":", number) + "\n");
        Files.writeString(namespace.resolve("size"), Files.size(backing) / SECTOR_BYTES + "\n");
        link(sys.resolve("dev/block"), String.join(":", number), namespace);
        link(sys.resolve("block"), name, namespace);
    }

    private static void link(Path folder, String name, Path target) throws IOException {
        Files.createSymbolicLink(folder.resolve(name), folder.relativize(target));
    }

    @Override
    public void close() throws IOException {
        while (!loops.isEmpty()) {
            try {
                Commands.runSuccessfully("losetup", "--detach", loops.pop());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
