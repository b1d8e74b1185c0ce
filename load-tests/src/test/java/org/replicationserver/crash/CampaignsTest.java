package org.replicationserver.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.replicationserver.integration.Seeds;
import org.replicationserver.process.Cleanup;
import org.replicationserver.simulation.BugBuild;
import org.replicationserver.simulation.KnownBug;

/** A part of each campaign, which finds nothing, and servers with known bugs, which are found. */
final class CampaignsTest {
    /** Each has lengths and numbers of calls that were measured, so that few may miss. */
    private static final int CASES_PER_MISSED_MIN = 5;

    @TempDir
    private Path directory = Path.of("");

    @SuppressWarnings("SystemOut")
    private Tally run(String name, int count, String bug) throws Exception {
        Campaign campaign = CrashTestMain.CAMPAIGNS.stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
        long seed = Seeds.seed(name);
        Path classes = directory.resolve("bug/classes");
        if (!bug.isEmpty()) {
            new BugBuild(Path.of("..")).build(KnownBug.named(bug), classes);
        }
        Tally tally = new Tally(0, count);
        try (Cleanup cleanup = new Cleanup()) {
            Workshop workshop = new Workshop(directory, seed, cleanup, bug.isEmpty() ? null : classes);
            String missing = campaign.missing(workshop);
            assumeTrue(missing == null, () -> "skipped: " + missing);
            campaign.run(workshop, tally);
        }
        System.out.println(name + ": " + tally.details());
        return tally;
    }

    @Test
    @Timeout(180)
    void powerLossesOfAShortReplicationLoseNothingThatWasAcknowledged() throws Exception {
        assertThat(run("write-log", 50, "").done()).isEqualTo(50);
    }

    /** All cases are done, of each of these kinds at least one, and in all but a few of them the trouble has happened. */
    private static void assertDone(Tally tally, int count, List<String> kinds) {
        assertThat(tally.done()).isEqualTo(count);
        assertThat(tally.kinds()).containsKeys(kinds.toArray(String[]::new));
        int missed = tally.kinds().entrySet().stream()
                .filter(kind -> kind.getKey().endsWith(Tally.NOT_REACHED))
                .mapToInt(Map.Entry::getValue)
                .sum();
        assertThat(missed).as(tally.details()).isLessThanOrEqualTo(count / CASES_PER_MISSED_MIN);
    }

    /** A round but for what takes long. */
    @Test
    @Timeout(180)
    void cutsResetsAndFlippedBitsLoseNothingThatWasAcknowledged() throws Exception {
        assertDone(
                run("network", 20, ""),
                20,
                List.of("cuts at a record", "cuts at a byte", "flipped bits with bad_record_mac", "resets"));
    }

    @ParameterizedTest
    @CsvSource({
        "kill-at-call, 64, at volume write;at volume zero;at volume force;at answer;at state write;at state force;"
                + "at state rename;at state directory force",
        "fault-at-call, 60, force eio;write eio;write enospc;write of nothing;write eintr;short write;zero eio;zero enospc;"
                + "zero eintr;zero unsupported;state force eio;state write enospc",
        "write-log, 100, ''",
        "kill-at-random, 5, ''",
        "storage, 10, full file system;full below a device;failed region;stall of a minute;smaller than assigned",
        "network, 100, cuts at a record;cuts at a byte;flipped bits with bad_record_mac;resets;replayed sessions;"
                + "agents that read nothing;times six half-open sessions;times five slow peers",
        "holds, 10, ''"
    })
    @Tag("long")
    @Timeout(1800)
    void nothingIsFound(String campaign, int count, String kinds) throws Exception {
        assertDone(run(campaign, count, ""), count, kinds.isEmpty() ? List.of() : List.of(kinds.split(";")));
    }

    @ParameterizedTest
    @CsvSource({
        "write-log, 100, acknowledge-without-force, flushes",
        "write-log, 100, settle-before-force, power lost",
        "write-log, 300, commit-before-blocks-are-durable, power lost",
        "kill-at-call, 8, zero-as-discard, volume",
        "fault-at-call, 1, ignore-failed-force, force eio was not told",
        "fault-at-call, 1, retry-failed-force, force eio was not told",
        "fault-at-call, 2, ignore-failed-write, write eio was not told",
        "kill-at-call, 70, welcome-before-the-record, 'RESUME expected, came'",
        "kill-at-call, 70, answer-commit-before-the-record, EPOCH_STATUS did not come",
        "kill-at-random, 30, answer-commit-before-the-record, EPOCH_STATUS did not come",
        "storage, 1, ignore-failed-write, has committed all",
        "network, 70, wait-for-ever-for-a-silent-stream, not noticed",
        "holds, 20, open-an-epoch-during-a-hold, epoch"
    })
    @Tag("long")
    @Timeout(600)
    void aKnownBugIsFound(String campaign, int count, String bug, String found) {
        assertThatThrownBy(() -> run(campaign, count, bug))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(found);
    }
}
