package org.replicationserver.receiver.staging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that looks like sysfs and /dev of an instance, as Linux 6.1 lays them out: real folders of devices, links to them. */
public final class SysfsFolder {
    static final String EBS = "Amazon Elastic Block Store              \n";
    static final String QEMU = "QEMU NVMe Ctrl                          \n";

    final Path sys;
    final Path dev;

    /** Of an instance without devices. */
    public SysfsFolder(Path directory) {
        this.sys = directory.resolve("sys");
        this.dev = directory.resolve("dev");
        make(dev);
        make(sys.resolve("block"));
    }

    /** Looks at this folder. */
    public NvmeScanner scanner() {
        return new NvmeScanner(sys, dev);
    }

    /** A controller and its one namespace, as {@code nvme1} and {@code nvme1n1}. */
    public SysfsFolder attach(String controller, String serial, String number, long sizeBytes) {
        return attach(controller, serial, EBS, number, sizeBytes);
    }

    /** The same with the model of another maker. */
    public SysfsFolder attach(String controller, String serial, String model, String number, long sizeBytes) {
        controller(controller, serial, model);
        return namespace(controller, controller + "n1", number, Long.toString(sizeBytes / 512) + "\n");
    }

    /** One without a namespace. */
    public SysfsFolder controller(String controller, String serial, String model) {
        Path device = sys.resolve("devices/pci0000:00").resolve(controller);
        make(device);
        write(device.resolve("serial"), serial + "\n");
        write(device.resolve("model"), model);
        link(sys.resolve("class/nvme").resolve(controller), device);
        return this;
    }

    /** One more namespace of a controller. */
    public SysfsFolder namespace(String controller, String name, String number, String sectors) {
        Path device = sys.resolve("devices/pci0000:00").resolve(controller);
        Path namespace = device.resolve(name);
        make(namespace);
        write(namespace.resolve("dev"), number + "\n");
        write(namespace.resolve("size"), sectors);
        link(namespace.resolve("device"), device);
        link(sys.resolve("block").resolve(name), namespace);
        link(sys.resolve("dev/block").resolve(number), namespace);
        return this;
    }

    /** A partition, which sysfs shows below its disk and in the list of numbers, without a device of its own. */
    public SysfsFolder partition(String controller, String name, String number) {
        Path partition = sys.resolve("devices/pci0000:00")
                .resolve(controller)
                .resolve(controller + "n1")
                .resolve(name);
        make(partition);
        write(partition.resolve("dev"), number + "\n");
        write(partition.resolve("size"), "8\n");
        link(sys.resolve("dev/block").resolve(number), partition);
        return this;
    }

    /** Takes a controller with its first namespace away. */
    public SysfsFolder detach(String controller, String number) {
        delete(sys.resolve("block").resolve(controller + "n1"));
        delete(sys.resolve("dev/block").resolve(number));
        delete(sys.resolve("class/nvme").resolve(controller));
        return this;
    }

    /** A link of udev's. */
    public SysfsFolder udevLink(String name, String target) {
        Path link = dev.resolve("disk/by-id").resolve(name);
        make(link.resolveSibling(".").normalize());
        delete(link);
        try {
            Files.createSymbolicLink(link, Path.of("../../" + target));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    /** The device file of a name, here a link to a real device or file. */
    public SysfsFolder node(String name, Path real) {
        link(dev.resolve(name), real);
        return this;
    }

    private static void make(Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void link(Path link, Path target) {
        make(link.resolveSibling(".").normalize());
        delete(link);
        try {
            Files.createSymbolicLink(link, target);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
