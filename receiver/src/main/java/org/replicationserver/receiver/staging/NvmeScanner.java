package org.replicationserver.receiver.staging;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.replicationserver.volume.DeviceNumber;

/**
 * Looks for EBS volumes in sysfs, and at udev's links as a second source that must not contradict. Stateless; any thread that may block.
 *
 * <pre>
 * /sys/block/nvme1n1/device/{serial,model}   of the namespace's controller, or of its subsystem
 * /sys/block/nvme1n1/{dev,size}              device number; size in units of 512 bytes, whatever the device's sectors are
 * /sys/class/nvme/nvme1/{serial,model}       a controller; its namespaces come a moment after it
 * /sys/dev/block/259:3/device/serial         the same from the device number of an open device
 * /dev/disk/by-id/nvme-MODEL_SERIAL-ns-1     link of amazon-ec2-utils, blanks of the model as _
 * /dev/disk/by-id/nvme-MODEL_SERIAL, ..._1   links of systemd
 * </pre>
 *
 * <p>The serial number decides. The model is only told, since emulated devices have another one; but what says it is instance storage
 * is never taken for a volume. Devices come and go while this looks: what cannot be read is left out.
 */
public final class NvmeScanner {
    static final String EBS_MODEL = "Amazon Elastic Block Store";
    private static final String INSTANCE_STORE_MODEL = "Amazon EC2 NVMe Instance Storage";

    /** Neither partitions (nvme1n1p1) nor the hidden paths of a multipath device (nvme1c0n1). */
    private static final Pattern NAMESPACE = Pattern.compile("nvme[0-9]+n[0-9]+");

    private static final Pattern CONTROLLER = Pattern.compile("nvme[0-9]+");
    private static final Pattern LINK = Pattern.compile("nvme-.*_(vol-?[0-9a-f]+?)(?:-ns-[0-9]+|_[0-9]+)?");

    /** More than any instance has, and than a mistaken folder may cost. */
    static final int ENTRIES_MAX = 4096;

    private static final String SERIAL = "serial";
    private static final int SYSFS_SECTOR_BYTES = 512;
    private static final int ATTRIBUTE_BYTES_MAX = 4096;

    private final Path sys;
    private final Path dev;

    /**
     * @param sys where sysfs is mounted; {@code /sys}
     * @param dev where device files are; {@code /dev}
     */
    public NvmeScanner(Path sys, Path dev) {
        this.sys = sys;
        this.dev = dev;
    }

    /** Of the machine that this process runs on. */
    public static NvmeScanner ofThisMachine() {
        return new NvmeScanner(Path.of("/sys"), Path.of("/dev"));
    }

    /** What is attached now. */
    public NvmeDevices scan() {
        List<NvmeDevice> devices = new ArrayList<>();
        for (Path entry : entries(sys.resolve("block"), NAMESPACE)) {
            NvmeDevice device = device(entry);
            if (device != null) {
                devices.add(device);
            }
        }
        devices.sort(
                Comparator.comparingInt((NvmeDevice device) -> device.name().length())
                        .thenComparing(NvmeDevice::name));
        return new NvmeDevices(devices, contradictions(), unready(devices));
    }

    /** The volume that is at a device number now; null if that is no EBS volume, or is gone. */
    @Nullable
    String volumeAt(DeviceNumber number) {
        return volumeOf(sys.resolve("dev/block").resolve(number.toString()).resolve("device"));
    }

    private @Nullable NvmeDevice device(Path entry) {
        Path controller = entry.resolve("device");
        String volumeId = volumeOf(controller);
        DeviceNumber number = DeviceNumber.parse(attribute(entry.resolve("dev")));
        Long sectors = sectors(attribute(entry.resolve("size")));
        if (volumeId == null || number == null || sectors == null) {
            return null;
        }
        String name = String.valueOf(entry.getFileName());
        return new NvmeDevice(
                volumeId,
                name,
                attribute(controller.resolve("model")),
                number,
                sectors * SYSFS_SECTOR_BYTES,
                dev.resolve(name));
    }

    private static @Nullable Long sectors(String text) {
        try {
            long sectors = Long.parseLong(text);
            return sectors < 0 || sectors > Long.MAX_VALUE / SYSFS_SECTOR_BYTES ? null : (Long) sectors;
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private @Nullable String volumeOf(Path controller) {
        return attribute(controller.resolve("model")).equals(INSTANCE_STORE_MODEL)
                ? null
                : EbsVolumeId.ofSerial(attribute(controller.resolve(SERIAL)));
    }

    private List<String> unready(List<NvmeDevice> devices) {
        Set<String> ready = new HashSet<>();
        devices.forEach(device -> ready.add(device.volumeId()));
        List<String> unready = new ArrayList<>();
        for (Path controller : entries(sys.resolve("class/nvme"), CONTROLLER)) {
            String volumeId = volumeOf(controller);
            if (volumeId != null && ready.add(volumeId)) {
                unready.add(volumeId);
            }
        }
        return unready;
    }

    /**
     * A link to a device that is not there, as udev leaves for a moment, contradicts nothing; nor is one missing where udev does not run. Each
     * device is asked again: it may have come, with its links, since all were looked at.
     */
    private Map<String, String> contradictions() {
        Map<String, String> contradictions = new HashMap<>();
        for (Path link : entries(dev.resolve("disk/by-id"), LINK)) {
            Matcher matcher = LINK.matcher(String.valueOf(link.getFileName()));
            String volumeId = matcher.matches() ? EbsVolumeId.ofSerial(matcher.group(1)) : null;
            String target = volumeId == null ? null : targetOf(link);
            if (volumeId != null && target != null && NAMESPACE.matcher(target).matches()) {
                Path controller = sys.resolve("block").resolve(target).resolve("device");
                String there = volumeOf(controller);
                boolean isThere = !attribute(controller.resolve(SERIAL)).isEmpty();
                if (isThere && !volumeId.equals(there)) {
                    contradictions.put(
                            volumeId,
                            "the link " + link + " leads to " + target + ", whose serial number is "
                                    + (there == null ? "no volume's" : "that of " + there));
                }
            }
        }
        return contradictions;
    }

    private static @Nullable String targetOf(Path link) {
        try {
            Path target = Files.readSymbolicLink(link).getFileName();
            return target == null ? null : target.toString();
        } catch (IOException | UnsupportedOperationException e) {
            return null;
        }
    }

    private static List<Path> entries(Path directory, Pattern name) {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(
                directory,
                entry -> name.matcher(String.valueOf(entry.getFileName())).matches())) {
            for (Path entry : stream) {
                if (entries.size() == ENTRIES_MAX) {
                    break;
                }
                entries.add(entry);
            }
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        return entries;
    }

    /** The value without trailing blanks; empty if there is none. */
    static String attribute(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(ATTRIBUTE_BYTES_MAX), StandardCharsets.ISO_8859_1).stripTrailing();
        } catch (IOException e) {
            return "";
        }
    }
}
