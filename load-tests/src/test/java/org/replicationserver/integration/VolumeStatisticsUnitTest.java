package org.replicationserver.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The unit that asks EBS devices; on devices it runs in {@link EbsVolumeMachineTest}. */
final class VolumeStatisticsUnitTest {
    private static final Path DEPLOY = Path.of("").toAbsolutePath().resolveSibling("deploy");
    private static final Path UNIT = DEPLOY.resolve("systemd/replication-volume-statistics.service");
    static final Path PROGRAM = DEPLOY.resolve("volume-statistics/replication-volume-statistics");

    /** In tenths; what the unit must have, CAP_SYS_ADMIN, devices and a group, is 11. */
    private static final int EXPOSURE_MAX = 12;

    @TempDir
    Path directory;

    /** As it is installed, but with the program where it is. */
    private Path unit() throws Exception {
        String text = Files.readString(UNIT);
        assertThat(text).contains("ExecStart=/usr/lib/replication-server/replication-volume-statistics ");
        return Files.writeString(
                directory.resolve(String.valueOf(UNIT.getFileName())),
                text.replace("/usr/lib/replication-server/replication-volume-statistics", PROGRAM.toString()));
    }

    @Test
    void systemdFindsNoMistakeInTheUnit() throws Exception {
        Commands.assumeInstalled("systemd-analyze");
        Commands.Result verified = Commands.run(List.of("systemd-analyze", "verify", unit().toString()));
        assertThat(verified).isEqualTo(new Commands.Result(0, ""));
    }

    @Test
    void unitHasNoRightsBesideThoseThatItNeeds() throws Exception {
        Commands.assumeInstalled("systemd-analyze");
        Commands.Result judged = Commands.run(List.of(
                "systemd-analyze",
                "security",
                "--offline=true",
                "--no-pager",
                "--threshold=" + EXPOSURE_MAX,
                unit().toString()));
        assertThat(judged.exitCode()).as(judged.output()).isZero();
    }

    @Test
    void programRemovesWhatItStoredOfDevicesThatAreGoneAndNothingElse() throws Exception {
        Commands.assumeInstalled("python3");
        Path gone = Files.createFile(directory.resolve("nvme4711n1"));
        Path other = Files.createFile(directory.resolve("README"));
        Commands.Result ran = Commands.run(List.of(PROGRAM.toString(), directory.toString(), "once"));
        assertThat(ran.exitCode()).as(ran.output()).isZero();
        assertThat(gone).doesNotExist();
        assertThat(other).exists();
    }

    /** Its list begins with what sorts before NVMe: dm-0, loop0, md0. */
    @Test
    void deviceBehindManyOthersOfTheMachineIsAsked() throws Exception {
        Commands.assumeInstalled("python3");
        Path driver = Files.writeString(directory.resolve("driver.py"), """
                import builtins, io, os, sys
                listdir, real_open = os.listdir, builtins.open
                many = ["dm-%d" % i for i in range(300)] + ["nvme4711n1"]
                os.listdir = lambda path: many if path == "/sys/block" else listdir(path)
                builtins.open = lambda path, *how, **more: (
                    io.StringIO("vol0123456789abcdef0\\n") if str(path).startswith("/sys/block/")
                    else real_open(path, *how, **more))
                program = sys.argv.pop(1)
                exec(compile(real_open(program).read(), program, "exec"))
                """);
        Commands.Result ran =
                Commands.run(List.of("python3", driver.toString(), PROGRAM.toString(), directory.toString(), "once"));
        assertThat(ran.output()).contains("nvme4711n1: ").contains("No such file or directory");
    }

    @Test
    void programWithoutADirectoryTellsItsUse() throws Exception {
        Commands.assumeInstalled("python3");
        Commands.Result ran = Commands.run(List.of(PROGRAM.toString()));
        assertThat(ran.exitCode()).isEqualTo(1);
        assertThat(ran.output()).contains("usage: replication-volume-statistics DIRECTORY [once]");
    }
}
