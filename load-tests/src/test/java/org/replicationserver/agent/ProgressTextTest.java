package org.replicationserver.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressTextTest {
    private static final Instant TIME = Instant.parse("2026-01-02T03:04:05.678Z");
    private static final String LONG_NAME =
            "/dev/disk/by-id/nvme-of-a-maker-who-likes-long-names-0123456789abcdef0123456789";

    @Test
    void drawnLinesTakeOneRowEachAndAreTakenBackByTheirNumber() {
        ProgressText text = new ProgressText(new TerminalSize(80, 24));
        AgentReport report = report(AgentReport.Phase.SENDING, disk("sda", null), disk(LONG_NAME, null));
        String first = text.report(report, seconds(1), TIME);
        assertThat(first.lines()).hasSize(2).allMatch(line -> line.length() < 80);
        assertThat(text.report(report, seconds(2), TIME)).startsWith("\033[2A\033[J");
        assertThat(text.event(AgentEvent.warning("x"), TIME)).isEqualTo("\033[2A\033[Jwarning: x\n");
        assertThat(text.event(AgentEvent.state("y"), TIME)).isEqualTo("y\n");
    }

    @Test
    void neverMoreLinesAreDrawnThanTheTerminalHas() {
        ProgressText text = new ProgressText(new TerminalSize(80, 10));
        AgentReport.Disk[] disks = new AgentReport.Disk[64];
        for (int i = 0; i < disks.length; i++) {
            disks[i] = disk("sd" + i, null);
        }
        assertThat(text.report(report(AgentReport.Phase.SENDING, disks), seconds(1), TIME)
                        .lines())
                .hasSize(9)
                .last()
                .isEqualTo("and 56 disks more");
    }

    @Test
    void plainLinesHaveTheTime() {
        ProgressText text = new ProgressText(null);
        assertThat(text.event(AgentEvent.warning("x"), TIME)).isEqualTo("2026-01-02T03:04:05Z warning: x\n");
        assertThat(text.report(report(AgentReport.Phase.SENDING, disk("sda", null)), seconds(1), TIME))
                .startsWith("2026-01-02T03:04:05Z sda epoch 2: 25.0 % of ");
    }

    @Test
    void plainRestIsToldOnceAMinuteAndWhenItChanges() {
        ProgressText text = new ProgressText(null);
        AgentReport rest = report(AgentReport.Phase.RESTING, disk("sda", null), disk("sdb", null));
        List<String> printed = new ArrayList<>();
        for (int second = 0; second < 120; second += 10) {
            printed.add(text.report(rest, seconds(second), TIME));
        }
        assertThat(printed)
                .filteredOn(line -> !line.isEmpty())
                .hasSize(2)
                .allMatch(line -> line.lines().count() == 1);
        AgentReport failed =
                report(AgentReport.Phase.RESTING, disk("sda", null), disk("sdb", "its volume takes no writes: EIO"));
        assertThat(text.report(failed, seconds(121), TIME)).contains("sdb: its volume takes no writes: EIO");
    }

    @Test
    void rateOfAnotherPhaseIsForgotten() {
        ProgressText text = new ProgressText(null);
        AgentReport sending = report(AgentReport.Phase.SENDING, disk("sda", null));
        text.report(sending, seconds(0), TIME);
        assertThat(text.report(sending, seconds(10), TIME)).contains("/s");
        assertThat(text.report(report(AgentReport.Phase.RESTING, disk("sda", null)), seconds(20), TIME))
                .doesNotContain("/s", "left");
        assertThat(text.report(sending, seconds(30), TIME)).doesNotContain("/s", "left");
    }

    @Test
    void nothingIsShownOfAnAgentThatHasEnded() {
        assertThat(new ProgressText(null).report(report(AgentReport.Phase.ENDED, disk("sda", null)), 1, TIME))
                .isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"24 80,80,24", "50 200,200,50", "0 0,80,24", "nonsense,80,24", "'',80,24"})
    void sizeOfATerminalIsTheUsualOneWhereItDoesNotKnow(String stty, int columns, int rows) {
        assertThat(TerminalSize.parse(stty)).isEqualTo(new TerminalSize(columns, rows));
    }

    private static long seconds(long seconds) {
        return TimeUnit.SECONDS.toNanos(seconds);
    }

    private static AgentReport.Disk disk(String name, @Nullable String failure) {
        return new AgentReport.Disk(name, 400, 100, 100, 60, 30, 80, false, 0, 0, 0, failure);
    }

    private static AgentReport report(AgentReport.Phase phase, AgentReport.Disk... disks) {
        return new AgentReport(phase, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, List.of(disks), List.of(), null, null);
    }
}
