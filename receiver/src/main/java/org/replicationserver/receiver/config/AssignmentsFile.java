package org.replicationserver.receiver.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.config.VolumeText.Field;
import org.replicationserver.receiver.config.YamlNode.Entry;
import org.replicationserver.receiver.config.YamlNode.Mapping;
import org.replicationserver.receiver.config.YamlNode.NoValue;
import org.replicationserver.receiver.config.YamlNode.Scalar;
import org.replicationserver.receiver.config.YamlNode.Sequence;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.VolumeAssignment;

/**
 * The file that assigns volumes to source servers, while no control plane does.
 *
 * <pre>
 * sourceServers:
 *   - sourceServerId: s-0123
 *     agentPins: ["sha256:&lt;64 hexadecimal digits&gt;"]   # one or more: current and next
 *     bandwidthThrottling: 200      # Mbps on the wire, 0 to 10000; default 0, no limit
 *     bandwidthSchedule:            # at most 16; the first that covers the moment goes before bandwidthThrottling
 *       - days: [MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY]
 *         from: "08:00"
 *         to: "18:00"               # at or before from: on the day after
 *         bandwidthThrottling: 50
 *     timeZone: Europe/Berlin       # default UTC
 *     volumes:
 *       - volumeId: vol-0123
 *         deviceName: /dev/sda      # as the agent tells it
 *         path: vol-0123.img        # inside image.directory, or a block device below /dev
 *         sizeBytes: 1073741824     # of the source's disk, a multiple of 512
 *         fresh: true               # default false; the volume reads zero everywhere now
 * </pre>
 */
public final class AssignmentsFile {
    static final String SOURCE_SERVER_ID = "sourceServerId";
    static final String AGENT_PINS = "agentPins";
    static final String VOLUMES = "volumes";

    private static final String SOURCE_SERVERS = "sourceServers";
    private static final Set<String> TOP_KEYS = Set.of(SOURCE_SERVERS);
    private static final Set<String> SOURCE_KEYS = Set.of(
            SOURCE_SERVER_ID, AGENT_PINS, BandwidthText.MBPS, BandwidthText.SCHEDULE, BandwidthText.TIME_ZONE, VOLUMES);
    private static final Set<String> ENTRY_KEYS =
            Set.of(BandwidthText.DAYS, BandwidthText.FROM, BandwidthText.TO, BandwidthText.MBPS);
    static final Set<String> VOLUME_KEYS = Set.of(
            VolumeText.VOLUME_ID, VolumeText.DEVICE_NAME, VolumeText.PATH, VolumeText.SIZE_BYTES, VolumeText.FRESH);

    private static final String HEAD = """
            # Volumes that are assigned to source servers. The command "assign" writes this file anew: comments do not stay.
            """;

    /** A change of all assignments. */
    interface Change {
        List<AssignedSource> apply(List<AssignedSource> current) throws ConfigException;
    }

    private final Mistakes mistakes = new Mistakes();

    private AssignmentsFile() {}

    /**
     * Reads the file; one that does not exist assigns nothing.
     *
     * @param paths where volumes may be
     */
    public static List<AssignedSource> read(Path file, VolumePaths paths) throws ConfigException {
        return Files.notExists(file) ? List.of() : new AssignmentsFile().parse(file, paths);
    }

    /** How much is assigned, in words. */
    static String summary(List<AssignedSource> sources) {
        int volumes = sources.stream()
                .mapToInt(source -> source.assignment().volumes().size())
                .sum();
        return "source servers: " + sources.size() + ", volumes: " + volumes;
    }

    private List<AssignedSource> parse(Path file, VolumePaths paths) throws ConfigException {
        List<AssignedSource> sources = new ArrayList<>();
        Mapping top = YamlFile.read(file, mistakes);
        if (top != null) {
            AssignmentChecks checks = new AssignmentChecks(paths, mistakes);
            for (Mapping source : maps(SOURCE_SERVERS, known(top, TOP_KEYS).get(SOURCE_SERVERS))) {
                AssignedSource assigned = parseSource(source, checks);
                if (assigned != null) {
                    sources.add(assigned);
                }
            }
        }
        mistakes.throwIfAny();
        return List.copyOf(sources);
    }

    private @Nullable AssignedSource parseSource(Mapping source, AssignmentChecks checks) {
        Map<String, Entry> entries = known(source, SOURCE_KEYS);
        return checks.check(
                source.where(),
                field(entries.get(SOURCE_SERVER_ID)),
                fields(AGENT_PINS, entries.get(AGENT_PINS)),
                bandwidthText(source.where(), entries),
                maps(VOLUMES, entries.get(VOLUMES)).stream()
                        .map(this::volumeText)
                        .toList());
    }

    private BandwidthText bandwidthText(String where, Map<String, Entry> source) {
        return new BandwidthText(
                where,
                field(source.get(BandwidthText.MBPS)),
                field(source.get(BandwidthText.TIME_ZONE)),
                maps(BandwidthText.SCHEDULE, source.get(BandwidthText.SCHEDULE)).stream()
                        .map(this::entryText)
                        .toList());
    }

    private BandwidthText.EntryText entryText(Mapping entry) {
        Map<String, Entry> entries = known(entry, ENTRY_KEYS);
        return new BandwidthText.EntryText(
                entry.where(),
                fields(BandwidthText.DAYS, entries.get(BandwidthText.DAYS)),
                field(entries.get(BandwidthText.FROM)),
                field(entries.get(BandwidthText.TO)),
                field(entries.get(BandwidthText.MBPS)));
    }

    private VolumeText volumeText(Mapping volume) {
        Map<String, Entry> entries = known(volume, VOLUME_KEYS);
        return new VolumeText(
                volume.where(),
                field(entries.get(VolumeText.VOLUME_ID)),
                field(entries.get(VolumeText.DEVICE_NAME)),
                field(entries.get(VolumeText.PATH)),
                field(entries.get(VolumeText.SIZE_BYTES)),
                field(entries.get(VolumeText.FRESH)));
    }

    private Map<String, Entry> known(Mapping mapping, Set<String> keys) {
        Map<String, Entry> entries = new HashMap<>();
        for (Entry entry : mapping.entries()) {
            if (keys.contains(entry.key())) {
                entries.put(entry.key(), entry);
            } else {
                mistakes.unknown(entry.where(), "key", entry.key(), keys);
            }
        }
        return entries;
    }

    /** The value as it is written; what is no single value becomes an empty text, which no rule allows. */
    private static @Nullable Field field(@Nullable Entry entry) {
        return entry == null ? null : field(entry.where(), entry.value());
    }

    private static Field field(String where, YamlNode value) {
        return new Field(where, value instanceof Scalar scalar ? scalar.text() : "");
    }

    private List<Field> fields(String key, @Nullable Entry entry) {
        if (entry != null && entry.value() instanceof Scalar scalar) {
            mistakes.add(entry.where(), key + " is not a list");
            return List.of(new Field(entry.where(), scalar.text()));
        }
        return elements(key, entry).stream()
                .map(element -> field(element.where(), element))
                .toList();
    }

    private List<Mapping> maps(String key, @Nullable Entry entry) {
        List<Mapping> maps = new ArrayList<>();
        for (YamlNode element : elements(key, entry)) {
            if (element instanceof Mapping map) {
                maps.add(map);
            } else {
                mistakes.add(element.where(), key + " has an element that is no map of keys and values");
            }
        }
        return maps;
    }

    private List<YamlNode> elements(String key, @Nullable Entry entry) {
        if (entry == null) {
            return List.of();
        }
        return switch (entry.value()) {
            case Sequence sequence -> sequence.elements();
            case NoValue _ -> List.of();
            case Scalar _, Mapping _ -> {
                mistakes.add(entry.where(), key + " is not a list");
                yield List.of();
            }
        };
    }

    /**
     * Replaces the file. A reader, also one after a power loss, finds the old file or the new one.
     *
     * @param paths volumes inside the image directory are written with their path relative to it
     */
    public static void write(Path file, VolumePaths paths, List<AssignedSource> sources) throws IOException {
        Path target = file.toAbsolutePath();
        Path directory = target.resolveSibling(".").normalize();
        Files.createDirectories(directory);
        Path draft = target.resolveSibling(target.getFileName() + ".new");
        try (FileChannel channel = FileChannel.open(
                draft, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer bytes = StandardCharsets.UTF_8.encode(toYaml(sources, paths));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Reads, changes and replaces the file, one process at a time. Returns what is in it now. */
    static List<AssignedSource> change(Path file, VolumePaths paths, Change change)
            throws IOException, ConfigException {
        Path target = file.toAbsolutePath();
        Files.createDirectories(target.resolveSibling(".").normalize());
        Path lock = target.resolveSibling(target.getFileName() + ".lock");
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.lock();
            List<AssignedSource> changed = change.apply(read(file, paths));
            write(file, paths, changed);
            return changed;
        }
    }

    private static String toYaml(List<AssignedSource> sources, VolumePaths paths) {
        StringBuilder yaml = new StringBuilder(HEAD).append(SOURCE_SERVERS).append(":\n");
        for (AssignedSource source : sources) {
            yaml.append("  - ")
                    .append(pair(SOURCE_SERVER_ID, source.assignment().sourceServerId()));
            yaml.append("    ").append(AGENT_PINS).append(":\n");
            source.agentPins()
                    .forEach(pin ->
                            yaml.append("      - ").append(YamlText.scalar(pin)).append('\n'));
            yaml.append(toYaml(source.bandwidth()));
            yaml.append("    ").append(VOLUMES).append(":\n");
            source.assignment().volumes().forEach(volume -> yaml.append(toYaml(volume, paths)));
        }
        return yaml.toString();
    }

    /** Nothing where there is no limit. */
    private static String toYaml(BandwidthSchedule bandwidth) {
        if (bandwidth.equals(BandwidthSchedule.UNLIMITED)) {
            return "";
        }
        String indent = "    ";
        StringBuilder yaml = new StringBuilder(indent)
                .append(pair(BandwidthText.MBPS, Integer.toString(bandwidth.mbps())))
                .append(indent)
                .append(pair(BandwidthText.TIME_ZONE, BandwidthChecks.nameOf(bandwidth.timeZone())));
        if (!bandwidth.entries().isEmpty()) {
            yaml.append(indent).append(BandwidthText.SCHEDULE).append(":\n");
        }
        for (BandwidthSchedule.Entry entry : bandwidth.entries()) {
            String below = "        ";
            yaml.append("      - ")
                    .append(BandwidthText.DAYS)
                    .append(": [")
                    .append(String.join(", ", BandwidthText.namesOf(entry)))
                    .append("]\n")
                    .append(below + pair(BandwidthText.FROM, entry.from().toString()))
                    .append(below + pair(BandwidthText.TO, entry.to().toString()))
                    .append(below + pair(BandwidthText.MBPS, Integer.toString(entry.mbps())));
        }
        return yaml.toString();
    }

    private static String toYaml(VolumeAssignment volume, VolumePaths paths) {
        String indent = "        ";
        Path path = volume.path();
        String place = path == null
                ? ""
                : indent + pair(VolumeText.PATH, paths.relative(path).toString());
        return "      - " + pair(VolumeText.VOLUME_ID, volume.volumeId())
                + indent + pair(VolumeText.DEVICE_NAME, volume.deviceName())
                + place
                + indent + pair(VolumeText.SIZE_BYTES, Long.toString(volume.sizeBytes()))
                + indent + pair(VolumeText.FRESH, Boolean.toString(volume.fresh()));
    }

    private static String pair(String key, String value) {
        return key + ": " + YamlText.scalar(value) + "\n";
    }
}
