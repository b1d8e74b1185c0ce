package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.replicationserver.receiver.session.BandwidthSchedule;
import org.replicationserver.receiver.session.SourceAssignment;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.VolumeDiscovery;

class AssignmentsFileTest {
    private static final Path IMAGES = Path.of("/images");
    private static final VolumePaths PATHS = new VolumePaths(IMAGES, VolumeDiscovery.IMAGE);
    private static final String PIN_A = "sha256:" + "a".repeat(64);
    private static final String PIN_B = "sha256:" + "b".repeat(64);
    private static final String PIN_C_BASE64 = "sha256/zMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMw=";
    private static final String PIN_C = "sha256:" + "c".repeat(64);

    private static final String VOLUMES_ALLOWED = "a path inside image.directory, or a block device below /dev";

    @TempDir
    private Path directory = Path.of("");

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() {
        file = directory.resolve("a.yaml");
    }

    private static String source(String id, String pin, String... volumes) {
        return "  - sourceServerId: %s\n    agentPins: [\"%s\"]\n    volumes:\n%s"
                .formatted(id, pin, String.join("", volumes));
    }

    private static String volume(String id, String device, String path) {
        return volume(id, device, path, "512");
    }

    private static String volume(String id, String device, String path, String size) {
        return "      - volumeId: %s\n        deviceName: '%s'\n        path: '%s'\n        sizeBytes: %s\n"
                .formatted(id, device, path, size);
    }

    private List<AssignedSource> read(String... sources) throws Exception {
        Files.writeString(file, "sourceServers:\n" + String.join("", sources));
        return AssignmentsFile.read(file, PATHS);
    }

    private List<String> mistakesOf(String... sources) {
        ConfigException e = catchThrowableOfType(ConfigException.class, () -> read(sources));
        assertThat(e).as("mistakes were expected").isNotNull();
        return e.lines().stream()
                .map(line -> line.replace(file.toString(), "a.yaml"))
                .toList();
    }

    @Test
    void readsWhatIsAssigned() throws Exception {
        assertThat(read("""
                                  - sourceServerId: s-1
                                    agentPins: ["%s", "%s"]
                                    volumes:
                                      - volumeId: vol-1
                                        deviceName: /dev/sda
                                        path: vol-1.img
                                        sizeBytes: 1073741824
                                        fresh: true
                                      - volumeId: vol-2
                                        deviceName: "\\\\\\\\.\\\\PhysicalDrive1"
                                        path: /dev/disk/by-id/x
                                        sizeBytes: 1GiB
                                  - sourceServerId: s-2
                                    agentPins:
                                      - %s
                                    volumes: []
                                """.formatted(PIN_A, PIN_B, PIN_C_BASE64)))
                .containsExactly(
                        new AssignedSource(
                                new SourceAssignment(
                                        "s-1",
                                        List.of(
                                                new VolumeAssignment(
                                                        "vol-1",
                                                        "/dev/sda",
                                                        Path.of("/images/vol-1.img"),
                                                        1 << 30,
                                                        true),
                                                new VolumeAssignment(
                                                        "vol-2",
                                                        "\\\\.\\PhysicalDrive1",
                                                        Path.of("/dev/disk/by-id/x"),
                                                        1 << 30,
                                                        false))),
                                List.of(PIN_A, PIN_B)),
                        new AssignedSource(new SourceAssignment("s-2", List.of()), List.of(PIN_C)));
    }

    @Test
    void missingOrEmptyFileAssignsNothing() throws Exception {
        assertThat(AssignmentsFile.read(file, PATHS)).isEmpty();
        assertThat(read()).isEmpty();
        Files.writeString(file, "");
        assertThat(AssignmentsFile.read(file, PATHS)).isEmpty();
    }

    @Test
    void unknownKeysAreRefusedWithTheNearestKnownOne() throws Exception {
        assertThat(mistakesOf(
                        source("s", PIN_A, volume("v", "/dev/sda", "v.img") + "        frehs: true\n"),
                        "    agentPin: x\n"))
                .containsExactly(
                        "a.yaml:10: unknown key agentPin; nearest known: agentPins",
                        "a.yaml:9: unknown key frehs; nearest known: fresh");
        Files.writeString(file, "sourceServer: []\n");
        assertThat(catchThrowableOfType(ConfigException.class, () -> AssignmentsFile.read(file, PATHS))
                        .lines())
                .containsExactly(file + ":1: unknown key sourceServer; nearest known: sourceServers");
    }

    private List<VolumeAssignment> volumesOf(VolumeDiscovery discovery, String... volumes) throws Exception {
        Files.writeString(file, "sourceServers:\n" + source("s", PIN_A, volumes));
        return AssignmentsFile.read(file, new VolumePaths(IMAGES, discovery))
                .getFirst()
                .assignment()
                .volumes();
    }

    private static String withoutPath(String id) {
        return "      - volumeId: %s\n        deviceName: '%s'\n        sizeBytes: 512\n".formatted(id, id);
    }

    @Test
    void volumeWithoutAPathIsAnImageOrFoundByItsSerialNumber() throws Exception {
        String ebs = withoutPath("vol-0123456789abcdef0");
        String other = withoutPath("vol-1");
        assertThat(volumesOf(VolumeDiscovery.IMAGE, ebs, other))
                .extracting(VolumeAssignment::path)
                .containsExactly(IMAGES.resolve("vol-0123456789abcdef0.img"), IMAGES.resolve("vol-1.img"));
        assertThat(volumesOf(VolumeDiscovery.AUTO, ebs, other))
                .extracting(VolumeAssignment::path)
                .containsExactly(null, IMAGES.resolve("vol-1.img"));
        assertThat(volumesOf(VolumeDiscovery.NVME, ebs))
                .extracting(VolumeAssignment::path)
                .containsOnlyNulls();
        assertThatThrownBy(() -> volumesOf(VolumeDiscovery.NVME, other))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.lines())
                                .singleElement()
                                .asString()
                                .contains("path is missing; allowed: a path, or the id of an EBS volume"));
    }

    @Test
    void pathThatIsGivenWinsWhateverIsFound() throws Exception {
        assertThat(volumesOf(VolumeDiscovery.NVME, volume("vol-0123456789abcdef0", "/dev/sda", "/dev/xvdf")))
                .extracting(VolumeAssignment::path)
                .containsExactly(Path.of("/dev/xvdf"));
    }

    @Test
    void volumeThatIsFoundByItsSerialNumberIsWrittenWithoutAPath() throws Exception {
        VolumePaths nvme = new VolumePaths(IMAGES, VolumeDiscovery.NVME);
        Files.writeString(file, "sourceServers:\n" + source("s", PIN_A, withoutPath("vol-0123456789abcdef0")));
        List<AssignedSource> sources = AssignmentsFile.read(file, nvme);
        AssignmentsFile.write(file, nvme, sources);
        assertThat(file).content().doesNotContain("path:");
        assertThat(AssignmentsFile.read(file, nvme)).isEqualTo(sources);
    }

    @Test
    void missingKeysAreNamed() {
        assertThat(mistakesOf("  - agentPins: [" + PIN_A + "]\n"))
                .containsExactly("a.yaml:2: sourceServerId is missing; allowed: 1 to 128 of A-Z a-z 0-9 . _ -");
        assertThat(mistakesOf("  - sourceServerId: s\n    volumes: [{}]\n"))
                .containsExactly(
                        "a.yaml:2: agentPins is missing; allowed: one pin or more, the current and the next",
                        "a.yaml:3: volumeId is missing; allowed: 1 to 128 of A-Z a-z 0-9 . _ -",
                        "a.yaml:3: deviceName is missing; allowed: 1 to 128 characters, as the agent tells it",
                        "a.yaml:3: sizeBytes is missing; allowed: a multiple of 512 from 512 to 64TiB, as plain bytes or in KiB, MiB, GiB, TiB, for example 8GiB");
    }

    @ParameterizedTest
    @CsvSource({"0", "511", "513", "-512", "70368744178176", "x", "''", "64TB"})
    void sizeThatIsNoneIsRefused(String size) {
        assertThat(mistakesOf(source("s", PIN_A, volume("v", "/dev/sda", "v.img", size))))
                .containsExactly(
                        "a.yaml:8: sizeBytes=" + size.replace("''", "")
                                + "; allowed: a multiple of 512 from 512 to 64TiB, as plain bytes or in KiB, MiB, GiB, TiB, for example 8GiB");
    }

    @ParameterizedTest
    @CsvSource({"../v.img", "a/../../v.img", "/etc/passwd", "/images", ".", "''", "/dev", "/dev/../etc/x"})
    void pathOutsideOfImagesAndDevicesIsRefused(String path) {
        assertThat(mistakesOf(source("s", PIN_A, volume("v", "/dev/sda", path))))
                .containsExactly("a.yaml:7: path=" + path + "; allowed: " + VOLUMES_ALLOWED);
    }

    @Test
    void pinInTheWrongFormIsRefusedAndNotQuoted() {
        String pasted = "-----BEGIN PRIVATE KEY-----";
        assertThat(mistakesOf(source("s", pasted)))
                .containsExactly(
                        "a.yaml:3: agentPins=(27 characters); allowed: sha256:<64 lowercase hexadecimal digits>");
        assertThat(mistakesOf("  - sourceServerId: s\n    agentPins: " + PIN_A + "\n"))
                .containsExactly("a.yaml:3: agentPins is not a list");
    }

    @Test
    void nothingIsAssignedTwice() {
        assertThat(mistakesOf(source("s", PIN_A), source("s", PIN_B)))
                .containsExactly("a.yaml:5: sourceServerId=s; allowed: one that is not taken, this one is by a.yaml:2");
        assertThat(mistakesOf(source("s", PIN_A), source("t", PIN_A)))
                .containsExactly("a.yaml:6: agentPins=" + PIN_A + "; allowed: a pin of its own, this one is of s");
        assertThat(mistakesOf(source("s", PIN_C_BASE64 + "\", \"" + PIN_C)))
                .containsExactly("a.yaml:3: agentPins=" + PIN_C + "; allowed: each pin once");
        assertThat(mistakesOf(
                        source("s", PIN_A, volume("v", "/dev/sda", "v.img")),
                        source("t", PIN_B, volume("v", "/dev/sda", "x/../v.img"))))
                .containsExactly(
                        "a.yaml:12: volumeId=v; allowed: one that is not taken, this one is by a.yaml:5",
                        "a.yaml:14: path=x/../v.img; allowed: one that is not taken, this one is by v");
        assertThat(mistakesOf(
                        source("s", PIN_A, volume("v", "/dev/sda", "v.img"), volume("w", "/dev/sda", "/images/w.img"))))
                .containsExactly("a.yaml:10: deviceName=/dev/sda; allowed: a disk without a volume, this one has v");
    }

    @Test
    void sourceServerWithoutAUsableIdIsCheckedWhole() {
        String faulty = volume("v", "/dev/sda", "v.img", "5");
        assertThat(mistakesOf(source("s t", "x", faulty)))
                .extracting(line -> line.substring(0, line.indexOf(';')))
                .containsExactly(
                        "a.yaml:2: sourceServerId=s t", "a.yaml:3: agentPins=(1 characters)", "a.yaml:8: sizeBytes=5");
        assertThat(mistakesOf("  - agentPins: []\n    volumes:\n" + faulty))
                .extracting(line -> line.substring(0, line.indexOf(';')))
                .containsExactly(
                        "a.yaml:2: sourceServerId is missing",
                        "a.yaml:2: agentPins is missing",
                        "a.yaml:7: sizeBytes=5");
    }

    @Test
    void otherWrongFormsAreRefused() {
        assertThat(mistakesOf(source("s t", PIN_A)))
                .containsExactly("a.yaml:2: sourceServerId=s t; allowed: 1 to 128 of A-Z a-z 0-9 . _ -");
        assertThat(mistakesOf(source("s", PIN_A, volume("a/b", "", "v.img") + "        fresh: yes\n")))
                .containsExactly(
                        "a.yaml:5: volumeId=a/b; allowed: 1 to 128 of A-Z a-z 0-9 . _ -",
                        "a.yaml:6: deviceName=; allowed: 1 to 128 characters, as the agent tells it",
                        "a.yaml:9: fresh=yes; allowed: true or false");
        assertThat(mistakesOf("  - s\n"))
                .containsExactly("a.yaml:2: sourceServers has an element that is no map of keys and values");
        assertThat(mistakesOf("  a: b\n")).containsExactly("a.yaml:1: sourceServers is not a list");
    }

    @Test
    void moreVolumesThanASourceServerHasDisksAreRefused() {
        String volumes = IntStream.rangeClosed(1, 65)
                .mapToObj(i -> volume("v" + i, "/dev/sd" + i, i + ".img"))
                .collect(Collectors.joining());
        assertThat(mistakesOf(source("s", PIN_A, volumes)))
                .containsExactly("a.yaml:2: volumes=65 volumes; allowed: at most 64 of a source server");
    }

    private static final String BANDWIDTH = """
                bandwidthThrottling: 200
                timeZone: Europe/Berlin
                bandwidthSchedule:
                  - days: [MONDAY, SUNDAY]
                    from: 08:00
                    to: "18:00"
                    bandwidthThrottling: 50
                  - {days: [FRIDAY], from: "22:30", to: "05:00", bandwidthThrottling: 0}
            """;

    @Test
    void readsBandwidthAndItsSchedule() throws Exception {
        assertThat(read(source("s", PIN_A), BANDWIDTH, source("t", PIN_B)))
                .extracting(AssignedSource::bandwidth)
                .containsExactly(
                        new BandwidthSchedule(
                                200,
                                ZoneId.of("Europe/Berlin"),
                                List.of(
                                        new BandwidthSchedule.Entry(
                                                Set.of(DayOfWeek.MONDAY, DayOfWeek.SUNDAY),
                                                LocalTime.of(8, 0),
                                                LocalTime.of(18, 0),
                                                50),
                                        new BandwidthSchedule.Entry(
                                                Set.of(DayOfWeek.FRIDAY),
                                                LocalTime.of(22, 30),
                                                LocalTime.of(5, 0),
                                                0))),
                        BandwidthSchedule.UNLIMITED);
        assertThat(read(source("s", PIN_A), "    timeZone: UTC\n").getFirst().bandwidth())
                .isEqualTo(BandwidthSchedule.UNLIMITED);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "10001", "1.5", "x", "''", "[]"})
    void bandwidthThatIsNoneIsRefused(String mbps) {
        String shown = mbps.replace("''", "").replace("[]", "");
        assertThat(mistakesOf(source("s", PIN_A), "    bandwidthThrottling: " + mbps + "\n"))
                .containsExactly("a.yaml:5: bandwidthThrottling=" + shown
                        + "; allowed: an integer from 0 to 10000, in Mbps on the wire; 0 is no limit");
    }

    @Test
    void mistakesOfAScheduleAreToldEach() {
        String days = "one or more of MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, each once";
        String time = "a time from \"00:00\" to \"23:59\"";
        assertThat(mistakesOf(source("s", PIN_A), """
                            timeZone: +01:00
                            bandwidthSchedule:
                              - {}
                              - days: [MONDAY, Monday, MONDAY]
                                from: 24:00
                                to: "8:00"
                                bandwidthThrottling: -3
                                until: x
                        """))
                .containsExactly(
                        "a.yaml:12: unknown key until; nearest known: to",
                        "a.yaml:5: timeZone=+01:00; allowed: a name of the time zone data base, like UTC or Europe/Berlin",
                        "a.yaml:7: days is missing; allowed: " + days,
                        "a.yaml:7: from is missing; allowed: " + time,
                        "a.yaml:7: to is missing; allowed: " + time,
                        "a.yaml:7: bandwidthThrottling is missing; allowed: an integer from 0 to 10000, in Mbps on the"
                                + " wire; 0 is no limit",
                        "a.yaml:8: days=Monday; allowed: " + days,
                        "a.yaml:8: days=MONDAY; allowed: " + days,
                        "a.yaml:9: from=24:00; allowed: " + time,
                        "a.yaml:10: to=8:00; allowed: " + time,
                        "a.yaml:11: bandwidthThrottling=-3; allowed: an integer from 0 to 10000, in Mbps on the wire; 0 is"
                                + " no limit");
        String entry = "      - {days: [MONDAY], from: \"01:00\", to: \"02:00\", bandwidthThrottling: 1}\n";
        assertThat(mistakesOf(source("s", PIN_A), "    bandwidthSchedule:\n", entry.repeat(17)))
                .containsExactly("a.yaml:2: bandwidthSchedule=17 entries; allowed: at most 16");
        assertThat(mistakesOf(source("s", PIN_A), "    bandwidthSchedule: nights\n"))
                .containsExactly("a.yaml:5: bandwidthSchedule is not a list");
    }

    @Test
    void bandwidthIsWrittenAsItWasReadAndKeptWhenVolumesAreAssigned() throws Exception {
        List<AssignedSource> sources = read(source("s", PIN_A), BANDWIDTH, source("t", PIN_B));
        Path copy = directory.resolve("copy.yaml");
        AssignmentsFile.write(copy, PATHS, sources);
        assertThat(AssignmentsFile.read(copy, PATHS)).isEqualTo(sources);
        assertThat(Files.readString(copy)).containsOnlyOnce("timeZone: Europe/Berlin");

        VolumeAssignment added = new VolumeAssignment("v", "/dev/sda", IMAGES.resolve("v"), 512, false);
        List<AssignedSource> changed = new AssignmentsEditor(sources, PATHS)
                .assign(new VolumeText.Field("x", "s"), List.of(), List.of(VolumeText.of("x", added)), List.of());
        assertThat(changed)
                .extracting(AssignedSource::bandwidth)
                .isEqualTo(sources.stream().map(AssignedSource::bandwidth).toList());
        assertThat(changed.getFirst().assignment().volumes()).containsExactly(added);
    }

    @Test
    void whatIsWrittenIsReadBack() throws Exception {
        List<AssignedSource> sources = List.of(
                new AssignedSource(
                        new SourceAssignment(
                                "s-1",
                                List.of(
                                        new VolumeAssignment(
                                                "v-1", "a: \"b\" \u00e4", IMAGES.resolve("d/1"), 512, true),
                                        new VolumeAssignment("v-2", "/dev/sdb", Path.of("/dev/sdx"), 1L << 46, false))),
                        List.of(PIN_A, PIN_B)),
                new AssignedSource(new SourceAssignment("s-2", List.of()), List.of(PIN_C)));
        Path nested = directory.resolve("new/a.yaml");

        AssignmentsFile.write(nested, PATHS, sources);

        assertThat(AssignmentsFile.read(nested, PATHS)).isEqualTo(sources);
        assertThat(Files.readString(nested)).contains("path: d/1\n").contains("path: /dev/sdx\n");
        assertThat(nested.resolveSibling("a.yaml.new")).doesNotExist();
    }

    @Test
    void changeThatIsRefusedLeavesTheFile() throws Exception {
        Files.writeString(file, "sourceServers: []\n");
        assertThatThrownBy(() -> AssignmentsFile.change(file, PATHS, current -> {
                    throw new ConfigException(List.of("no"));
                }))
                .isInstanceOf(ConfigException.class);
        assertThat(file).hasContent("sourceServers: []\n");
    }
}
