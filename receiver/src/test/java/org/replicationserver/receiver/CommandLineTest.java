package org.replicationserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a wrong command line is answered with. */
class CommandLineTest {
    private static String mistakeOf(String... args) {
        CommandRun run = CommandRun.of(args);
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).hasLineCount(1);
        return run.err();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            volume   | lst            | list          | list, reopen
            source   | accept         | accept-agents | accept-agents, hold, release, rescan
            software | ftch           | fetch         | buckets, fetch, list, policy, rollback, verify
            """)
    void unknownCommandOfAGroupIsAnsweredWithTheNearestAndAll(String group, String word, String nearest, String all) {
        assertThat(mistakeOf(group, word))
                .contains("'" + word + "'; nearest known: " + nearest + "; known: " + all + "; help: ");
        assertThat(mistakeOf(group)).contains("; known: " + all + "; help: ");
    }

    @Test
    void boundsAndFormOfAHoldAreTold() {
        assertThat(mistakeOf("source", "hold", "s-1", "--seconds", "601")).contains("--seconds=601; allowed: 1 to 600");
        assertThat(mistakeOf("source", "hold", "s-1", "--seconds", "0")).contains("--seconds=0; allowed: 1 to 600");
        assertThat(mistakeOf("source", "hold", "s-1", "--commit-timeout-seconds", "3601"))
                .contains("--commit-timeout-seconds=3601; allowed: 1 to 3600");
        assertThat(mistakeOf("source", "hold", "s 1")).contains("SOURCE-SERVER-ID=");
        assertThat(mistakeOf("source", "release", "s-1", "12ab"))
                .contains("TOKEN=12ab; allowed: 32 hexadecimal digits, as `source hold` prints them");
    }

    @Test
    void numberWithAUnitIsAnsweredWithWhatIsAllowedAndAnExample() {
        assertThat(mistakeOf("throttle", "5Mbps"))
                .contains("MBPS=5Mbps; allowed: a whole number without a unit, for example 5."
                        + " Megabits per second on the wire, 0 to 10000; 0 is no limit; help: ");
        assertThat(mistakeOf("throttle", "fast")).contains("MBPS=fast; allowed: a whole number without a unit. Mega");
        assertThat(mistakeOf("throttle", "10001")).contains("MBPS=10001; allowed: 0 to 10000");
    }
}
