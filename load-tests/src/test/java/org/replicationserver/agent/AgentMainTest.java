package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/** Mistakes on the command line get one line that names the option, the value and what is allowed, and exit code 2. */
class AgentMainTest {
    private static final String PIN = "sha256:" + "ab".repeat(32);

    @TempDir
    Path directory = Path.of("");

    private Path image = Path.of("");
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final CompletableFuture<Integer> signal = new CompletableFuture<>();

    @BeforeEach
    void makeImage() throws IOException {
        image = Files.write(directory.resolve("disk.img"), new byte[4096]);
    }

    /** Picocli tells of a stray % on the terminal, before the help. */
    @Test
    void textsOfHelpAreFormatsWithoutAMistake() {
        CommandLine main = AgentMain.commandLine(() -> () -> 0);
        assertThat(main.getSubcommands().values()).isNotEmpty().allSatisfy(command -> {
            CommandSpec spec = command.getCommandSpec();
            for (String[] texts : List.of(
                    spec.usageMessage().description(), spec.usageMessage().footer())) {
                for (String text : texts) {
                    assertThatCode(() -> String.format(text)).as(text).doesNotThrowAnyException();
                }
            }
            for (ArgSpec argument : spec.args()) {
                for (String text : argument.description()) {
                    assertThatCode(() -> String.format(text)).as(text).doesNotThrowAnyException();
                }
            }
        });
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--streams=17       | --streams: 17, allowed are 1 to 16",
                "--streams=x        | --streams=x; allowed: a whole number without a unit",
                "--readers=0        | --readers: 0, allowed are 1 to 16",
                "--cycles=-2        | --cycles: -2, allowed are -1 to 2147483647",
                "--cycle-pause=-1   | --cycle-pause: -1, allowed are 0 to 31536000",
                "--cycle-pause=NaN  | --cycle-pause: NaN, allowed are 0 to 31536000",
                "--connect-timeout=-0.5 | --connect-timeout: -0.5, allowed are 0 to 31536000",
                "--server=[::1:1500 | --server: '[::1:1500': allowed are HOST, HOST:PORT, [IPV6] and [IPV6]:PORT",
                "--server=h:0       | --server: 'h:0': port 0, allowed are 1 to 65535",
                "--server-pin=abc   | --server-pin: 'abc': not a pin: length=3",
                "--source-server-id=a/b | --source-server-id: 'a/b', allowed are 1 to 128 of A-Z a-z 0-9 . _ -",
                "--source=sdb=      | --source: 'sdb=': no path after '='",
                "--tls-engine=x     | Invalid value for option '--tls-engine': expected one of",
                "--progress=x       | Invalid value for option '--progress': expected one of",
                "--quiet-source --mark-command=x | --quiet-source: not together with --mark-command",
                "--source=sda=/x    | --source: the same disk is given twice",
                "--server-pin-file=/nowhere | --server-pin-file: cannot be read: /nowhere",
                "--nonsense         | Unknown option: '--nonsense'; nearest known: --",
                "--mark-patience=-1 | --mark-patience: -1, allowed are 0 to 31536000",
                "--report=/nowhere/x.json | --report: /nowhere/x.json cannot be written: there is no such directory",
            })
    void mistakeGetsOneLine(String wrong, String line) {
        List<String> args = new ArrayList<>(List.of(
                "replicate",
                "--source=sda=" + image,
                "--identity=" + directory.resolve("identity"),
                "--server-pin=" + PIN));
        if (!wrong.startsWith("--server=")) {
            args.add("--server=localhost");
        }
        if (!wrong.startsWith("--source-server-id=")) {
            args.add("--source-server-id=s-1");
        }
        args.addAll(List.of(wrong.split(" ")));
        assertThat(run(args.toArray(String[]::new))).isEqualTo(2);
        assertThat(err.toString())
                .startsWith("./run agent replicate: " + line)
                .endsWith("; help: ./run agent replicate --help\n")
                .hasLineCount(1);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void missingOptionsAreNamed() {
        assertThat(run("replicate")).isEqualTo(2);
        assertThat(err.toString())
                .hasLineCount(1)
                .startsWith("./run agent replicate: missing: --source, --source-server-id, --identity;");
    }

    @Test
    void wordThatIsNotKnownIsToldBeforeWhatIsMissing() {
        assertThat(run("replicate", "--sorce=/dev/sda")).isEqualTo(2);
        assertThat(err.toString())
                .isEqualTo(
                        "./run agent replicate: Unknown option: '--sorce'; nearest known: --source; help: ./run agent"
                                + " replicate --help\n");
    }

    @Test
    void helpSaysHowItIsCalled() {
        assertThat(run("replicate", "--help")).isZero();
        assertThat(out.toString()).startsWith("Usage: ./run agent replicate ");
    }

    @Test
    void pipeIsRefusedAndNotOpened() throws Exception {
        Path pipe = directory.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        assertThat(replicate(pipe)).isEqualTo(2);
        assertThat(err.toString())
                .contains("pipe is neither a block device nor an image file")
                .hasLineCount(1);
    }

    @Test
    void disksThatNeedMoreThanTheHeapAreRefusedAtTheStart() throws IOException {
        Path huge = directory.resolve("huge.img");
        try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
            file.setLength(8L << 40);
        }
        assumeThat(Runtime.getRuntime().maxMemory()).isLessThan(2L << 30);
        assertThat(replicate(huge)).isEqualTo(2);
        assertThat(err.toString())
                .startsWith("agent: the disks need 2.2 GiB of memory, the heap may have ")
                .contains("JAVA_OPTS=-Xmx")
                .hasLineCount(1);
    }

    @Test
    void signalWhileTheSizeIsLearntEndsTheFreeze() {
        signal.complete(143);
        assertThat(run(
                        "replicate",
                        "--source=sda=" + directory.resolve("snap.img"),
                        "--server=localhost",
                        "--source-server-id=s-1",
                        "--identity=" + directory.resolve("identity"),
                        "--server-pin=" + PIN,
                        "--mark-command=f() { [ $1 = thaw ] || sleep 1000; }; f"))
                .isEqualTo(143);
        assertThat(err.toString()).contains("the agent is being stopped").hasLineCount(1);
    }

    @Test
    void signalEndsAnAgentWithTheSignalsExitCodeAndSaysSoOnce() {
        signal.complete(130);
        assertThat(replicate(image)).isEqualTo(130);
        assertThat(out.toString()).containsOnlyOnce("stopped; epoch 0 is the last committed");
        assertThat(out.toString()).contains("a new identity was made in " + directory.resolve("identity"));
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void pinIsRequired() {
        assertThat(run(
                        "replicate",
                        "--source=" + image,
                        "--server=localhost",
                        "--source-server-id=s-1",
                        "--identity=" + directory.resolve("identity")))
                .isEqualTo(2);
        assertThat(err.toString())
                .startsWith("./run agent replicate: --server-pin: none is given")
                .contains("with --server one of them is required")
                .hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--server=localhost", "--server-pin=sha256:ab", "--server-pin-file=pins"})
    void controlPlaneTellsServerAndPinsSoNobodyElseMay(String given) {
        assertThat(run(
                        "replicate",
                        "--source=" + image,
                        "--control-plane=https://localhost",
                        given,
                        "--source-server-id=s-1",
                        "--identity=" + directory.resolve("identity")))
                .isEqualTo(2);
        assertThat(err.toString())
                .startsWith("./run agent replicate: --control-plane: not together with --server and its pins")
                .hasLineCount(1);
    }

    @Test
    void helpSaysThatPinsAreRequiredWithAGivenServerOnly() {
        assertThat(run("replicate", "--help")).isZero();
        assertThat(out.toString().replaceAll("\\s+", " "))
                .contains(
                        "With --server this or --server-pin-file is required; with --control-plane neither is allowed.");
    }

    @Test
    void sourceThatIsNoDiskIsRefused() throws IOException {
        Path odd = Files.write(directory.resolve("odd.img"), new byte[1000]);
        assertThat(replicate(odd)).isEqualTo(2);
        assertThat(err.toString())
                .contains("odd.img has 1000 bytes, allowed are multiples of 512 above 0")
                .hasLineCount(1);
    }

    @Test
    void missingSourceIsNamed() {
        assertThat(replicate(directory.resolve("none"))).isEqualTo(2);
        assertThat(err.toString()).contains("none does not exist").hasLineCount(1);
    }

    @Test
    void helpTellsEveryOptionWithItsDefault() {
        assertThat(run("replicate", "--help")).isZero();
        CommandLine command = Objects.requireNonNull(
                AgentMain.commandLine(() -> () -> 0).getSubcommands().get("replicate"));
        command.getCommandSpec()
                .options()
                .forEach(option ->
                        assertThat(out.toString()).contains(option.longestName().substring(2)));
        command.getCommandSpec().options().stream()
                .filter(option -> !option.required() && !option.usageHelp() && !option.versionHelp())
                .forEach(option -> assertThat(String.join(" ", option.description()))
                        .as(option.longestName())
                        .contains("Default:"));
    }

    @Test
    void identityIsMadeOnceAndItsPinPrinted() {
        String where = "--directory=" + directory.resolve("identity");
        assertThat(run("identity", where, "--source-server-id=s-1")).isZero();
        String first = out.toString();
        assertThat(first).matches("sha256:[0-9a-f]{64}\\R");
        assertThat(run("identity", where, "--source-server-id=s-1")).isZero();
        assertThat(out.toString()).isEqualTo(first + first);
    }

    private int replicate(Path source) {
        return run(
                "replicate",
                "--source=sda=" + source,
                "--server=localhost",
                "--source-server-id=s-1",
                "--identity=" + directory.resolve("identity"),
                "--server-pin=" + PIN);
    }

    private int run(String... args) {
        return AgentMain.commandLine(() -> signal::join)
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(args);
    }
}
