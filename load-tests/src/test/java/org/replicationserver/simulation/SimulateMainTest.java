package org.replicationserver.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class SimulateMainTest {
    private record Outcome(int exitCode, String out, String err) {}

    private static Outcome simulate(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command =
                SimulateMain.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        return new Outcome(command.execute(arguments), out.toString(), err.toString());
    }

    @ParameterizedTest
    @CsvSource({
        "--seeds=0, 'allowed: 1 and more'",
        "--threads=0, 'allowed: 1 and more'",
        "--operations=1, 'allowed: only with --exhaustive'",
        "--exhaustive --operations=4, '--operations=4, allowed: 0 to 3'",
        "--scenario=1, 'allowed: only with --exhaustive'",
        "--exhaustive --scenario=-1, '--scenario=-1, allowed: 0 to 14426'",
        "--exhaustive --scenario=14427, '--scenario=14427, allowed: 0 to 14426'",
        "--exhaustive --scenario=first, --scenario",
        "--exhaustive --scenario=1 --operations=1, 'not with --operations'",
        "--exhaustive --scenario=1 --bugs, 'not with --operations, --seed, --bug and --bugs'",
        "--seed=1 --exhaustive, 'allowed: not with --exhaustive'",
        "--bug=none, 'no such bug: none; known are acknowledge-without-force'"
    })
    void aMistakeIsNamed(String arguments, String named) {
        Outcome outcome = simulate(arguments.split(" "));
        assertThat(outcome.exitCode()).isEqualTo(2);
        assertThat(outcome.err().lines().findFirst()).get().asString().contains(named);
    }

    @Test
    void aScenarioIsReplayedWithItsStory() {
        Outcome outcome = simulate("--exhaustive", "--scenario=24");
        assertThat(outcome.exitCode()).isZero();
        assertThat(outcome.out().lines())
                .contains("the agent is to do RECONNECT", "server sends WELCOME", "vol-1: force")
                .last()
                .asString()
                .startsWith("nothing found: one scenario, ");
    }
}
