package org.replicationserver.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.replicationserver.process.ProcessUsage;
import org.replicationserver.process.RunException;
import org.replicationserver.receiver.config.ByteSize;

/** The arithmetic of what is printed. */
final class FiguresTest {
    @Test
    void spreadIsSmallestMiddleLargest() {
        assertThat(Spread.of(List.of(3.0, 1.0, 2.0))).isEqualTo(new Spread(1, 2, 3));
        assertThat(Spread.of(List.of(4.0, 1.0, 2.0, 3.0))).isEqualTo(new Spread(1, 2.5, 4));
        assertThat(Spread.of(List.of(7.0))).isEqualTo(new Spread(7, 7, 7));
    }

    @Test
    void ratiosAreOfPairsAndNotOfMedians() {
        BenchResult.Series series = new BenchResult.Series();
        series.add(new Sample(1, 1), new Sample(1, 1));
        series.add(new Sample(2, 1), new Sample(4, 1));
        series.add(new Sample(9, 1), new Sample(3, 1));
        assertThat(series.ratio()).isEqualTo(new Spread(0.5, 1, 3));
    }

    @Test
    void withoutAFloorThereIsNoRatio() {
        BenchResult.Series series = new BenchResult.Series();
        series.add(new Sample(1, 1), null);
        assertThat(series.ratio()).isNull();
    }

    @Test
    void cpuIsReadBehindNamesThatHoldAnything() {
        String stat = "42 (C2 ) Thread#1) S 1 42 42 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
        assertThat(ProcessUsage.seconds(stat)).isEqualTo(3.0, within(1e-9));
        assertThat(ProcessUsage.threadName(stat)).isEqualTo("C2 ) Thread");
        assertThat(ProcessUsage.threadName("42 (vert.x-eventloo) S")).isEqualTo("vert.x-eventloo");
        assertThat(ProcessUsage.threadName("42 (worker-12) S")).isEqualTo("worker");
    }

    @Test
    void threadsAreCalledByNamesThatTheKernelHasCut() {
        assertThat(BenchResult.readable("vert.x-eventloo")).isEqualTo("event loop");
        assertThat(BenchResult.readable("volume-writer-v")).isEqualTo("volume writer");
        assertThat(BenchResult.readable("C2 CompilerThre")).isEqualTo("C2 compiler");
        assertThat(BenchResult.readable("main")).isEqualTo("main");
    }

    @Test
    void usageIsTheDifferenceOfTwoMoments() {
        ProcessUsage before = new ProcessUsage(5, Map.of("a", 2.0, "gone", 1.0, "idle", 1.0));
        ProcessUsage after = new ProcessUsage(9, Map.of("a", 3.5, "new", 0.5, "idle", 1.0));
        assertThat(after.since(before)).isEqualTo(new ProcessUsage(4, Map.of("a", 1.5, "new", 0.5)));
    }

    @Test
    void theOwnProcessHasCpuAndMemory() throws RunException {
        long pid = ProcessHandle.current().pid();
        assertThat(ProcessUsage.of(pid).threadSeconds()).isNotEmpty();
        assertThat(ProcessUsage.peakResidentBytes(pid)).isGreaterThan(ByteSize.MIB);
    }
}
