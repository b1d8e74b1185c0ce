package org.replicationserver.receiver.preflight;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.replicationserver.receiver.preflight.Finding.Verdict;
import org.replicationserver.receiver.preflight.Preflight.Checked;

/** Checks side by side within one time. */
final class PreflightTest {
    private interface Look {
        Finding look() throws InterruptedException;
    }

    private static PreflightCheck check(String name, Look look) {
        return new PreflightCheck() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Finding look() throws InterruptedException {
                return look.look();
            }
        };
    }

    @Test
    void checksRunSideBySideAndAreToldInTheirOrder() throws Exception {
        CountDownLatch both = new CountDownLatch(2);
        Look meeting = () -> {
            both.countDown();
            both.await();
            return Finding.ok("met");
        };
        List<Checked> found = Preflight.run(List.of(check("one", meeting), check("two", meeting)), Preflight.TIMEOUT);
        assertThat(found).containsExactly(new Checked("one", Finding.ok("met")), new Checked("two", Finding.ok("met")));
    }

    @Test
    void whatIsNotDoneInTimeHasFailedAndTheOthersCount() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        List<Checked> found = Preflight.run(
                List.of(
                        check("slow", () -> {
                            try {
                                never.await();
                            } finally {
                                interrupted.countDown();
                            }
                            return Finding.ok("late");
                        }),
                        check("quick", () -> Finding.ok("done"))),
                Duration.ofMillis(200));
        assertThat(found.get(0).finding().verdict()).isEqualTo(Verdict.FAIL);
        assertThat(found.get(0).finding().text()).startsWith("not done within ");
        assertThat(found.get(1).finding()).isEqualTo(Finding.ok("done"));
        interrupted.await();
    }

    /** As a look-up of a name does, and an open of a device that does not answer. */
    @Test
    void checksThatBlockInTheSystemHoldUpNoOther() throws Exception {
        MethodHandle usleep = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("usleep"),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        List<PreflightCheck> checks = new ArrayList<>();
        for (int i = 0; i < 4 * Runtime.getRuntime().availableProcessors(); i++) {
            checks.add(check("stuck " + i, () -> {
                try {
                    int done = (int) usleep.invokeExact(3_000_000);
                    return Finding.ok("late " + done);
                } catch (Throwable e) {
                    throw new AssertionError(e);
                }
            }));
        }
        checks.add(check("quick", () -> Finding.ok("done")));
        List<Checked> found = Preflight.run(checks, Duration.ofSeconds(1));
        assertThat(found.getFirst().finding().text()).startsWith("not done within ");
        assertThat(found.getLast().finding()).isEqualTo(Finding.ok("done"));
    }

    @Test
    void faultOfACheckIsTellableAndHarmsNoOther() throws Exception {
        List<Checked> found = Preflight.run(
                List.of(
                        check("odd", () -> {
                            throw new IllegalStateException("on purpose");
                        }),
                        check("good", () -> Finding.ok("done"))),
                Preflight.TIMEOUT);
        assertThat(found.get(0).finding().text())
                .contains("the check itself failed")
                .contains("on purpose");
        assertThat(found.get(1).finding().verdict()).isEqualTo(Verdict.OK);
    }
}
