package org.replicationserver.receiver.preflight;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
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
