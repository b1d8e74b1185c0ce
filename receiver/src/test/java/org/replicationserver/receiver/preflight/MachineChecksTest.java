package org.replicationserver.receiver.preflight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;
import org.replicationserver.receiver.config.ConfigLoader;
import org.replicationserver.receiver.preflight.Finding.Verdict;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecord.Origin;
import org.replicationserver.receiver.session.SourceRecord.VolumeRecord;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.NvmeScanner;
import org.replicationserver.receiver.staging.VolumeLocator;
import org.replicationserver.volume.DeviceIdentity;
import org.replicationserver.volume.LinuxBlockDevice;
import org.replicationserver.volume.OpenOptions;
import org.replicationserver.volume.VolumeId;

/** Port, certificate, directories, space and volumes of this machine, as checks see them. */
final class MachineChecksTest {
    private static final long MIB = 1024 * 1024;
    private static final InetAddress HERE = InetAddress.getLoopbackAddress();

    @TempDir
    private Path directory = Path.of("");

    private VolumeAssignment volume(String name, long sizeBytes) {
        return new VolumeAssignment("vol-1", "/dev/sda", directory.resolve(name), sizeBytes, false);
    }

    private SpaceCheck.Image image(String name, long sizeBytes) {
        return new SpaceCheck.Image(directory.resolve(name), sizeBytes);
    }

    private static VolumeCheck check(VolumeAssignment volume) {
        return check(volume, SourceRecord.initial());
    }

    private static VolumeCheck check(VolumeAssignment volume, SourceRecord record) {
        return new VolumeCheck(volume, record, new VolumeLocator(NvmeScanner.ofThisMachine()));
    }

    /** The record of a source server whose volume sessions have known. */
    private static SourceRecord known(@Nullable String failedCause, long heldBytes) {
        return SourceRecord.initial()
                .withVolume(
                        "vol-1",
                        new VolumeRecord(
                                "0".repeat(32), Origin.NEW_VOLUME, failedCause, heldBytes, null, null, null, 1));
    }

    private void makeIdentity(Clock clock, int days) throws Exception {
        new IdentityStore(directory)
                .loadOrCreate(
                        "server",
                        new SelfSignedIssuer(
                                CertificateProfile.ofServer("s").withValidity(Duration.ofDays(days)), clock));
    }

    @Test
    void portThatNobodyHasCanBeListenedOnAndOneThatIsTakenCannot() throws Exception {
        int port;
        try (ServerSocket taken = new ServerSocket(0, 1, HERE)) {
            port = taken.getLocalPort();
            assertThat(new ListenerCheck(HERE, port, directory, false).look().verdict())
                    .isEqualTo(Verdict.FAIL);
        }
        assertThat(new ListenerCheck(HERE, port, directory, false).look().verdict())
                .isEqualTo(Verdict.OK);
    }

    @Test
    void runningServerThatCannotBeReachedIsTold() throws Exception {
        makeIdentity(Clock.systemUTC(), 100);
        int port;
        try (ServerSocket gone = new ServerSocket(0, 1, HERE)) {
            port = gone.getLocalPort();
        }
        Finding finding = new ListenerCheck(HERE, port, directory, true).look();
        assertThat(finding.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(finding.text()).startsWith("cannot be reached: ");
    }

    @Test
    void serverThatIsConnectedToAndSilentIsNotSoughtInTheNetwork() throws Exception {
        makeIdentity(Clock.systemUTC(), 100);
        try (ServerSocket silent = new ServerSocket(0, 1, HERE)) {
            Finding finding = new ListenerCheck(HERE, silent.getLocalPort(), directory, true).look();
            assertThat(finding.text()).isEqualTo("connected, and nothing is said within 5 s");
            assertThat(finding.fix()).contains("stopped").doesNotContain("filters");
        }
    }

    @Test
    void addressThatIsNotThisMachinesIsNoTakenPort() throws Exception {
        Finding finding = new ListenerCheck(InetAddress.getByName("192.0.2.1"), 1500, directory, false).look();
        assertThat(finding.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(finding.fix()).startsWith("Set listen.address to one of this machine");
        assertThat(new ListenerCheck(InetAddress.getByName("fd00::2"), 1500, directory, false).name())
                .isEqualTo("listener [fd00::2]:1500");
    }

    @Test
    void pinThatCannotBeReadIsNoFaultOfTheNetwork() throws Exception {
        Finding none = new ListenerCheck(HERE, 1, directory, true).look();
        assertThat(none.text()).endsWith("server.pin: no such file or directory");
        assertThat(none.fix()).contains("cert.directory");
        Files.writeString(directory.resolve("server.pin"), "sha256:1234");
        assertThat(new ListenerCheck(HERE, 1, directory, true).look().text()).endsWith("server.pin: it is no pin");
    }

    private CertificateCheck certificate(Clock clock) throws Exception {
        return new CertificateCheck(
                ConfigLoader.load(null, Map.of(), List.of("cert.directory=" + directory))
                        .toServerConfig(),
                clock);
    }

    @Test
    void certificateThatCannotBeReadIsToldWithTheReason() throws Exception {
        makeIdentity(Clock.systemUTC(), 100);
        Path loop = directory.resolve("server.cert.pem");
        Files.delete(loop);
        // As what nobody may read, it has a message of the path alone.
        Files.createSymbolicLink(loop, loop.getFileName());
        Finding finding = certificate(Clock.systemUTC()).look();
        assertThat(finding.verdict()).isEqualTo(Verdict.MISCONFIGURED);
        assertThat(finding.text())
                .startsWith("cert.directory=" + directory + " cannot be used: path=" + loop + ": cannot be read")
                .contains("; too many levels of symbolic links")
                .doesNotEndWith(loop.toString());
    }

    @Test
    void certificateIsJudgedByItsEnd() throws Exception {
        Instant made = Instant.parse("2026-01-01T00:00:00Z");
        assertThat(certificate(Clock.systemUTC()).look())
                .isEqualTo(Finding.skip(
                        directory + " has no key and no certificate yet; the server makes them when it first starts"));
        makeIdentity(Clock.fixed(made, ZoneOffset.UTC), 100);
        assertThat(certificateAt(made.plus(Duration.ofDays(50)))).isEqualTo(Verdict.OK);
        assertThat(certificateAt(made.plus(Duration.ofDays(80)))).isEqualTo(Verdict.WARN);
        assertThat(certificateAt(made.plus(Duration.ofDays(101)))).isEqualTo(Verdict.FAIL);
        Files.writeString(directory.resolve("server.cert.pem"), "no certificate");
        assertThat(certificateAt(made)).isEqualTo(Verdict.MISCONFIGURED);
    }

    private Verdict certificateAt(Instant now) throws Exception {
        return certificate(Clock.fixed(now, ZoneOffset.UTC)).look().verdict();
    }

    @Test
    void directoryIsThereCanBeMadeOrCannotBeWritten() throws Exception {
        assertThat(new DirectoryCheck("image.directory", directory).look().text())
                .isEqualTo(directory + " can be written");
        assertThat(new DirectoryCheck("image.directory", directory.resolve("a/b"))
                        .look()
                        .text())
                .isEqualTo(directory.resolve("a/b") + " can be made");
        Path file = Files.createFile(directory.resolve("file"));
        assertThat(new DirectoryCheck("image.directory", file.resolve("below"))
                        .look()
                        .verdict())
                .isEqualTo(Verdict.MISCONFIGURED);
        // Nobody can write there, not even root.
        Finding readOnly = new DirectoryCheck("image.directory", Path.of("/proc/self")).look();
        assertThat(readOnly.verdict()).isEqualTo(Verdict.MISCONFIGURED);
        assertThat(readOnly.fix()).contains("set image.directory");
    }

    @Test
    void imagesThatCannotAllGrowToTheirSizesAreToldBeforeTheyFail() throws Exception {
        assertThat(new SpaceCheck(List.of()).look().verdict()).isEqualTo(Verdict.SKIP);
        assertThat(new SpaceCheck(List.of(image("not-yet.img", MIB))).look().verdict())
                .isEqualTo(Verdict.OK);
        Finding tooLarge = new SpaceCheck(List.of(image("not-yet.img", 1L << 46))).look();
        assertThat(tooLarge.verdict()).isEqualTo(Verdict.WARN);
        assertThat(tooLarge.text()).contains("images may still grow by " + (1L << 46) / MIB + " MiB");
    }

    @Test
    void whatAnImageHasTakenAlreadyIsNotCountedAgain() throws Exception {
        SpaceCheck.Image image = image("there.img", 64 * MIB);
        Files.write(image.path(), new byte[8 * (int) MIB]);
        try (RandomAccessFile file = new RandomAccessFile(image.path().toFile(), "rw")) {
            file.setLength(image.sizeBytes());
            file.getFD().sync();
        }
        assertThat(LinuxBlockDevice.allocatedBytes(image.path())).isBetween(8 * MIB, 9 * MIB);
        assertThat(new SpaceCheck(List.of(image)).look().text()).containsPattern("may still grow by 5[56] MiB");
    }

    @Test
    void volumeIsOpenedForAMomentOnlyAndNotWritten() throws Exception {
        VolumeAssignment image = volume("there.img", MIB);
        Path path = Files.write(directory.resolve("there.img"), new byte[(int) MIB]);
        assertThat(check(image).look().verdict()).isEqualTo(Verdict.OK);
        assertThat(check(volume("none.img", MIB)).look().text()).contains("is not there yet");
        Finding small = check(volume("there.img", 2 * MIB)).look();
        assertThat(small.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(small.text()).contains("smaller than assigned");
        try (LinuxBlockDevice inUse = LinuxBlockDevice.open(path, OpenOptions.ofSize(MIB))) {
            assertThat(inUse.sizeBytes()).isEqualTo(MIB);
            assertThat(check(image).look().text()).contains("another process has it");
        }
        assertThat(check(image).look().verdict()).isEqualTo(Verdict.OK);
        VolumeAssignment attached = new VolumeAssignment("vol-0123456789abcdef0", "/dev/sdc", null, MIB, false);
        assertThat(check(attached).look().verdict()).isEqualTo(Verdict.FAIL);
        VolumeAssignment gone = new VolumeAssignment("vol-2", "/dev/sdb", Path.of("/dev/no-such-disk"), MIB, false);
        assertThat(check(gone).look().verdict()).isEqualTo(Verdict.FAIL);
    }

    @Test
    void imageThatTheServerWouldExtendIsFineAndStaysAsItIs() throws Exception {
        Path path = directory.resolve("grows.img");
        LinuxBlockDevice.createImage(path, MIB);
        VolumeAssignment grown = volume("grows.img", 2 * MIB);
        assertThat(check(grown).look().text()).as("without a mark").contains("smaller than assigned");
        LinuxBlockDevice.open(path, asVolume("vol-1")).close();
        assumeTrue(isMarked(path), "skipped: no extended attributes on the file system of " + directory);
        for (SourceRecord record : List.of(SourceRecord.initial(), known(null, MIB))) {
            assertThat(check(grown, record).look())
                    .isEqualTo(Finding.ok(path + " can be opened, " + MIB + " bytes for " + 2 * MIB
                            + " of /dev/sda; the server extends it"));
        }
        assertThat(check(grown, known(null, MIB + 512)).look().text())
                .as("shorter than sessions have known it")
                .contains("smaller than assigned");
        assertThat(path).hasSize(MIB);
    }

    @Test
    void imageOfAnotherVolumeIsRefusedAsByTheServer() throws Exception {
        Path path = directory.resolve("other.img");
        LinuxBlockDevice.createImage(path, MIB);
        LinuxBlockDevice.open(path, asVolume("vol-2")).close();
        assumeTrue(isMarked(path), "skipped: no extended attributes on the file system of " + directory);
        assertThat(check(volume("other.img", MIB)).look().text()).contains("marked as that of vol-2, not of vol-1");
    }

    private static OpenOptions asVolume(String volumeId) {
        return new OpenOptions(MIB, null, new VolumeId(volumeId), DeviceIdentity.ANY);
    }

    private static boolean isMarked(Path path) throws IOException {
        return !Files.getFileAttributeView(path, UserDefinedFileAttributeView.class)
                .list()
                .isEmpty();
    }

    @Test
    void whatTheServerLeavesClosedIsToldWithTheReason() {
        VolumeAssignment image = volume("none.img", MIB);
        Finding lost = check(image, known(null, MIB)).look();
        assertThat(lost.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(lost.text()).endsWith("none.img of /dev/sda is not there, though sessions have known it");
        assertThat(lost.fix()).endsWith("./run volume reopen vol-1");
        assertThat(check(image, SourceRecord.lost()).look().verdict())
                .as("nobody knows whether it was written")
                .isEqualTo(Verdict.FAIL);

        Finding failed = check(image, known("EIO write", MIB)).look();
        assertThat(failed.verdict()).isEqualTo(Verdict.FAIL);
        assertThat(failed.text()).isEqualTo("of /dev/sda has failed, and the server leaves it closed: EIO write");
    }

    /** The one folder below /dev whose files a server makes. */
    @Test
    void imageInSharedMemoryIsAnImage() {
        Path path = Path.of("/dev/shm", directory.getFileName() + ".img");
        VolumeAssignment image = new VolumeAssignment("vol-1", "/dev/sda", path, MIB, false);
        assertThat(check(image).look()).isEqualTo(Finding.ok(path + " is not there yet; the server makes it"));
    }

    @Test
    void ofARunningServerItIsAskedWhatItHasOpen() {
        assertThat(new ServedVolumeCheck("vol-1", null).look()).isEqualTo(Finding.ok("the running server has it open"));
        ServedVolumeCheck failed = new ServedVolumeCheck("vol-1", "EIO");
        assertThat(failed.name()).isEqualTo("volume vol-1");
        assertThat(failed.look().text()).isEqualTo("the running server cannot use it: EIO");
        assertThat(failed.look().fix()).contains("by itself").contains("./run volume reopen vol-1");
    }
}
