package org.replicationserver.receiver.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.replicationserver.cert.CertificateProfile;
import org.replicationserver.cert.Identity;
import org.replicationserver.cert.IdentityStore;
import org.replicationserver.cert.SelfSignedIssuer;
import org.replicationserver.receiver.session.VolumeAssignment;
import org.replicationserver.receiver.staging.VolumeDiscovery;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class CommandsTest {
    private static final String PIN_A = "sha256:" + "a".repeat(64);
    private static final String HTTPS = "--set=control.mode=https";
    private static final String PIN_B = "sha256:" + "b".repeat(64);

    @Command(
            name = "server",
            subcommands = {AssignCommand.class, CheckConfigCommand.class, DefaultConfigCommand.class})
    private static final class Main {}

    private record Outcome(int exitCode, String out, String err) {}

    @TempDir
    private Path directory = Path.of("");

    private Path assignments = Path.of("");

    @BeforeEach
    void nameTheFile() {
        assignments = directory.resolve("assignments.yaml");
    }

    private Outcome run(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = new CommandLine(new Main())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setParameterExceptionHandler(new OneLineMistakes())
                .execute(args);
        return new Outcome(exitCode, out.toString(), err.toString());
    }

    private Outcome runHere(String command, String... args) {
        List<String> all = new ArrayList<>(List.of(command, "--set", "state.directory=" + directory));
        all.addAll(List.of(args));
        return run(all.toArray(String[]::new));
    }

    private List<AssignedSource> assigned() throws ConfigException {
        return AssignmentsFile.read(assignments, new VolumePaths(directory.resolve("volumes"), VolumeDiscovery.IMAGE));
    }

    @Test
    void defaultConfigIsPrinted() {
        assertThat(run("default-config")).isEqualTo(new Outcome(0, DefaultConfig.toYaml(), ""));
    }

    @Test
    void checkConfigPrintsEveryValueWithItsOrigin() throws Exception {
        Path file = Files.writeString(directory.resolve("c.yaml"), "tls.protocols: [TLSv1.2, TLSv1.3]\n");
        Outcome outcome = runHere("check-config", "--config", file.toString());

        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.err()).isEmpty();
        assertThat(outcome.out())
                .containsPattern("(?m)^tls.protocols: \\[TLSv1.2, TLSv1.3] +# " + file + ":1$")
                .containsPattern("(?m)^listen.address: \"::\" +# default$")
                .containsPattern("(?m)^state.directory: " + directory + " +# --set$")
                .containsPattern("(?m)^cert.directory: " + directory + "/certificates +# default$")
                .endsWith("# assigned: source servers: 0, volumes: 0\n");
    }

    @Test
    void whatCheckConfigPrintsIsAConfiguration() throws Exception {
        Path file = Files.writeString(
                directory.resolve("printed.yaml"),
                runHere("check-config", "--set", "listen.port=7").out());
        assertThat(run("check-config", "--config", file.toString()).exitCode()).isZero();
    }

    @Test
    void assignmentsFileIsNotLookedAtWhereAControlPlaneAssigns() throws Exception {
        Files.writeString(assignments, "x: y\n");
        Outcome outcome = runHere("check-config", HTTPS);
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.out()).endsWith("# assigned: by the control plane\n");
    }

    @Test
    void checkConfigLooksIntoTheCaFile() throws Exception {
        Path file = Files.writeString(directory.resolve("ca.pem"), "none");
        String set = "--set=aws.ca-file=" + file;
        assertThat(runHere("check-config", set))
                .isEqualTo(new Outcome(
                        78,
                        "",
                        "--set: aws.ca-file=" + file
                                + " cannot be used: is not PEM; allowed: a file of PEM certificates\n"));
    }

    @Test
    void certificateThatHasExpiredIsWorthALookAndNoMistake() throws Exception {
        Path file = CaFileTest.write(directory.resolve("ca.pem"), CaFileTest.certificate("CN=old", -2));
        Outcome outcome = runHere("check-config", HTTPS, "--set=aws.ca-file=" + file);
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.err())
                .startsWith("warning: aws.ca-file=" + file + ": the certificate of CN=old has expired at ");
    }

    @Test
    void assignSaysThatTheControlPlaneDoesItWhereOneDoes() {
        assertThat(runHere("assign", HTTPS, "--source-server-id=s-1", "--agent-pin=" + PIN_A))
                .isEqualTo(new Outcome(
                        0,
                        "assigned: source servers: 1, volumes: 0 in " + assignments
                                + "; the server does not read it, with control.mode=https its control plane assigns\n",
                        ""));
    }

    @Test
    void checkConfigTellsEveryMistakeOnALine() throws Exception {
        assertThat(runHere("check-config", "--set", "listen.port=x", "--set", "server.i=c"))
                .isEqualTo(new Outcome(78, "", """
                        --set: listen.port=x; allowed: an integer from 0 to 65535
                        --set: unknown key server.i; nearest known: server.id
                        """));
        Files.writeString(assignments, "x: y\n");
        assertThat(runHere("check-config"))
                .isEqualTo(new Outcome(78, "", assignments + ":1: unknown key x; nearest known: sourceServers\n"));
    }

    @Test
    void budgetHasTheSmallestShareForEachSourceServer() throws Exception {
        runHere("assign", "--source-server-id=s-1", "--agent-pin=" + PIN_A);
        runHere("assign", "--source-server-id=s-2", "--agent-pin=" + PIN_B);
        assertThat(runHere("check-config", "--set", "memory.budget-bytes=4MiB").exitCode())
                .isZero();
        assertThat(runHere("check-config", "--set", "memory.budget-bytes=4194303"))
                .isEqualTo(new Outcome(
                        78,
                        "",
                        "--set: memory.budget-bytes=4194303; allowed: at least 4MiB, 2MiB for each of the 2 source"
                                + " servers in " + assignments + "\n"));
    }

    @Test
    void assignAddsASourceServer() throws Exception {
        Outcome outcome = runHere(
                "assign",
                "--source-server-id=s-1",
                "--agent-pin=" + PIN_A,
                "--volume=deviceName=/dev/sda,volumeId=vol-1,sizeBytes=1MiB,fresh",
                "--volume=deviceName=/dev/sdb,volumeId=vol-2,sizeBytes=512,path=/dev/sdx");

        assertThat(outcome)
                .isEqualTo(new Outcome(
                        0,
                        "assigned: source servers: 1, volumes: 2 in " + assignments
                                + "; a server that runs follows it within seconds\n",
                        ""));
        AssignedSource source = assigned().getFirst();
        assertThat(source.agentPins()).containsExactly(PIN_A);
        assertThat(source.assignment().sourceServerId()).isEqualTo("s-1");
        assertThat(source.assignment().volumes())
                .containsExactly(
                        new VolumeAssignment(
                                "vol-1", "/dev/sda", directory.resolve("volumes/vol-1.img"), 1 << 20, true),
                        new VolumeAssignment("vol-2", "/dev/sdb", Path.of("/dev/sdx"), 512, false));
    }

    @Test
    void assignSaysWhichVolumeItTakesForAnImageFileBecauseOfTheMachine() {
        Assumptions.assumeTrue(VolumeDiscovery.AUTO.on(Path.of("/sys")) == VolumeDiscovery.IMAGE);
        String[] assign = {
            "assign",
            "--source-server-id=s-1",
            "--agent-pin=" + PIN_A,
            "--volume=deviceName=/dev/sda,volumeId=vol-0123456789abcdef0,sizeBytes=1MiB",
            "--volume=deviceName=/dev/sdb,volumeId=vol-2,sizeBytes=1MiB"
        };
        assertThat(runHere(assign[0], Arrays.copyOfRange(assign, 1, assign.length))
                        .out()
                        .lines())
                .hasSize(2)
                .last()
                .asString()
                .startsWith(
                        "warning: volume vol-0123456789abcdef0 is taken for an image file, though its id is that of an EBS volume")
                .contains("/sys/class/dmi/id/sys_vendor", "set volume.discovery to nvme and assign the volume again");
        List<String> said = new ArrayList<>(List.of(assign).subList(1, assign.length));
        said.add("--set=volume.discovery=image");
        assertThat(runHere("assign", said.toArray(String[]::new)).out().lines()).hasSize(1);
    }

    @Test
    void mistakeInOneOfSeveralVolumesSaysInWhich() {
        assertThat(runHere(
                                "assign",
                                "--source-server-id=s-1",
                                "--agent-pin=" + PIN_A,
                                "--volume=deviceName=a,volumeId=v,sizeBytes=512",
                                "--volume=deviceName=b,volumeId=w,sizeBytes=64MB",
                                "--volume=deviceName=c,volumeId=v,sizeBytes=512")
                        .err())
                .isEqualTo("""
                        --volume 2 of 3: sizeBytes=64MB; allowed: a multiple of 512 from 512 to 64TiB, as plain bytes or in KiB, MiB, GiB, TiB, for example 8GiB
                        --volume 3 of 3: volumeId=v; allowed: one that is not taken, this one is by --volume 1 of 3
                        """);
        assertThat(runHere(
                                "assign",
                                "--source-server-id=s",
                                "--volume=deviceName=a,volumeId=v,sizeBytes=512",
                                "--volume=device=b")
                        .err())
                .isEqualTo("--volume 2 of 2: unknown key device; nearest known: deviceName\n");
    }

    @Test
    void assignTakesAVolumeAwayAndTellsWhichThereAre() throws Exception {
        runHere(
                "assign",
                "--source-server-id=s-1",
                "--agent-pin=" + PIN_A,
                "--volume=deviceName=a,volumeId=v,sizeBytes=512",
                "--volume=deviceName=b,volumeId=w,sizeBytes=512");
        assertThat(runHere("assign", "--source-server-id=s-1", "--remove-volume=x"))
                .isEqualTo(
                        new Outcome(78, "", "--remove-volume: volume=x; allowed: one of source server s-1: [v, w]\n"));
        assertThat(runHere("assign", "--source-server-id=s-1", "--remove-volume=v")
                        .exitCode())
                .isZero();
        assertThat(assigned().getFirst().assignment().volumes())
                .extracting(VolumeAssignment::volumeId)
                .containsExactly("w");
    }

    @Test
    void assignChangesASourceServerAndLeavesTheOthers() throws Exception {
        runHere(
                "assign",
                "--source-server-id=s-1",
                "--agent-pin=" + PIN_A,
                "--volume=deviceName=a,volumeId=v,sizeBytes=512");
        runHere(
                "assign",
                "--source-server-id=s-2",
                "--agent-pin=" + PIN_B,
                "--volume=deviceName=a,volumeId=w,sizeBytes=512");
        String pinC = "sha256:" + "c".repeat(64);

        assertThat(runHere(
                                "assign",
                                "--source-server-id=s-1",
                                "--agent-pin=" + PIN_A,
                                "--agent-pin=" + pinC,
                                "--volume=deviceName=b,volumeId=v2,sizeBytes=512",
                                "--volume=deviceName=a,volumeId=v,sizeBytes=1024")
                        .exitCode())
                .isZero();

        assertThat(assigned()).extracting(s -> s.assignment().sourceServerId()).containsExactly("s-1", "s-2");
        assertThat(assigned().getFirst().agentPins()).containsExactly(PIN_A, pinC);
        assertThat(assigned().getFirst().assignment().volumes())
                .extracting(VolumeAssignment::volumeId, VolumeAssignment::sizeBytes)
                .containsExactly(tuple("v2", 512L), tuple("v", 1024L));
    }

    @Test
    void assignWithoutPinsKeepsThem() throws Exception {
        runHere("assign", "--source-server-id=s-1", "--agent-pin=" + PIN_A);
        runHere("assign", "--source-server-id=s-1", "--volume=deviceName=a,volumeId=v,sizeBytes=512");
        assertThat(assigned().getFirst().agentPins()).containsExactly(PIN_A);
        assertThat(assigned().getFirst().assignment().volumes()).hasSize(1);
    }

    @Test
    void assignTakesThePinOfACertificate() throws Exception {
        Path certificates = directory.resolve("agent");
        Identity agent = new IdentityStore(certificates)
                .loadOrCreate("agent", new SelfSignedIssuer(CertificateProfile.ofAgent("s-1"), Clock.systemUTC()));

        assertThat(runHere(
                                "assign",
                                "--source-server-id=s-1",
                                "--agent-certificate=" + certificates.resolve("agent.cert.pem"))
                        .exitCode())
                .isZero();

        assertThat(assigned().getFirst().agentPins())
                .containsExactly(agent.pin().toString());
    }

    @Test
    void assignRefusesWhatIsTakenAndChangesNothing() throws Exception {
        runHere(
                "assign",
                "--source-server-id=s-1",
                "--agent-pin=" + PIN_A,
                "--volume=deviceName=a,volumeId=v,sizeBytes=512");
        String before = Files.readString(assignments);

        assertThat(runHere(
                        "assign",
                        "--source-server-id=s-2",
                        "--agent-pin=" + PIN_A,
                        "--volume=deviceName=a,volumeId=v,sizeBytes=5"))
                .isEqualTo(new Outcome(78, "", """
                        --agent-pin: agentPins=%s; allowed: a pin of its own, this one is of s-1
                        --volume: volumeId=v; allowed: one that is not taken, this one is by an earlier assignment
                        --volume: sizeBytes=5; allowed: a multiple of 512 from 512 to 64TiB, as plain bytes or in KiB, MiB, GiB, TiB, for example 8GiB
                        """.formatted(PIN_A)));
        assertThat(assignments).hasContent(before);
    }

    @Test
    void assignTellsAWrongVolumeOption() {
        assertThat(runHere(
                        "assign",
                        "--source-server-id=s",
                        "--volume=device=a,volumeId=v,volumeId=w",
                        "--agent-pin=" + PIN_A))
                .isEqualTo(new Outcome(2, "", """
                        --volume: unknown key device; nearest known: deviceName
                        --volume: key volumeId is given twice
                        """));
        Outcome outcome = runHere("assign", "--source-server-id=s", "--agent-certificate=/nowhere/a.pem");
        assertThat(outcome.exitCode()).isEqualTo(2);
        assertThat(outcome.err())
                .startsWith("--agent-certificate: ")
                .contains("/nowhere/a.pem")
                .hasLineCount(1);
        assertThat(runHere("assign", "--source-server-id=s", "--volume=deviceName=a"))
                .satisfies(o -> assertThat(o.exitCode()).isEqualTo(78))
                .satisfies(o -> assertThat(o.err())
                        .contains("--source-server-id: agentPins is missing")
                        .contains("--volume: volumeId is missing")
                        .contains("--volume: sizeBytes is missing"));
    }

    @Test
    void assignTellsAllMistakesAtOnce() {
        assertThat(runHere(
                        "assign",
                        "--source-server-id=s t",
                        "--agent-pin=key",
                        "--volume=deviceName=a,volumeId=a/b,sizeBytes=5,path=/etc/x"))
                .isEqualTo(new Outcome(78, "", """
                        --source-server-id: sourceServerId=s t; allowed: 1 to 128 of A-Z a-z 0-9 . _ -
                        --agent-pin: agentPins=(3 characters); allowed: sha256:<64 lowercase hexadecimal digits>
                        --volume: volumeId=a/b; allowed: 1 to 128 of A-Z a-z 0-9 . _ -
                        --volume: path=/etc/x; allowed: a path inside image.directory, or a block device below /dev
                        --volume: sizeBytes=5; allowed: a multiple of 512 from 512 to 64TiB, as plain bytes or in KiB, MiB, GiB, TiB, for example 8GiB
                        """));
    }

    @Test
    void wrongCommandLineIsOneLineWithTheNearestWord() {
        assertThat(run("check-config", "--sett", "a=b"))
                .satisfies(o -> assertThat(o.exitCode()).isEqualTo(2))
                .satisfies(o -> assertThat(o.err())
                        .hasLineCount(1)
                        .contains("--sett")
                        .contains("nearest known: --set;")
                        .contains("help: server check-config --help"));
        assertThat(run("chekc-config").err()).hasLineCount(1).contains("nearest known: check-config;");
        assertThat(run("assign").err()).hasLineCount(1).contains("--source-server-id");
    }
}
