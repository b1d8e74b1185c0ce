package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.replicationserver.agent.AgentStartException;
import org.replicationserver.cert.CertificateStoreException;
import org.replicationserver.harness.AdminRequests;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.process.RunException;

/**
 * Holds of source servers whose disks are written all the time, at random moments, by the administrator's socket of a server process.
 * While held, all volumes are read twice and are to be what the disks were at the mark; what the release says is to be true, and
 * replication is to go on. What must not be is thrown as an {@link AssertionError}.
 */
public final class HoldRun {
    private static final int SOURCES = 2;

    /** What was done. */
    public static final class Done {
        // under the monitor of this
        private final Map<HoldKind, Integer> kinds = new EnumMap<>(HoldKind.class);
        private final List<Double> secondsToHeld = new ArrayList<>();
        private final List<Double> secondsHeld = new ArrayList<>();
        private long bytesWritten;
        private long bytesDurableOfOther;

        synchronized void add(
                HoldKind kind, double toHeld, double held, long newBytesWritten, long newBytesDurableOfOther) {
            kinds.merge(kind, 1, Integer::sum);
            secondsToHeld.add(toHeld);
            secondsHeld.add(held);
            bytesWritten += newBytesWritten;
            bytesDurableOfOther += newBytesDurableOfOther;
        }

        /** Released while they were there. */
        public synchronized int valid() {
            return secondsHeld.size() - expired();
        }

        /** Not released in time, on purpose. */
        public synchronized int expired() {
            return kinds.getOrDefault(HoldKind.EXPIRED, 0);
        }

        /** That another source made durable while one was held. */
        public synchronized long bytesDurableOfOther() {
            return bytesDurableOfOther;
        }

        public synchronized String text() {
            return String.format(
                    Locale.ROOT,
                    "%d VALID, %d EXPIRED, %d cut; HELD after %.3f s (median), %.3f s (max); held for %.3f s (median), %.3f s (max);"
                            + " meanwhile %.1f MiB written to the source, %.1f MiB replicated of the other",
                    valid(),
                    expired(),
                    kinds.getOrDefault(HoldKind.CUT_BEFORE, 0) + kinds.getOrDefault(HoldKind.CUT_WHILE_HELD, 0),
                    median(secondsToHeld),
                    max(secondsToHeld),
                    median(secondsHeld),
                    max(secondsHeld),
                    mib(bytesWritten),
                    mib(bytesDurableOfOther));
        }

        private static double median(List<Double> values) {
            return values.isEmpty() ? 0 : values.stream().sorted().toList().get(values.size() / 2);
        }

        private static double max(List<Double> values) {
            return values.stream().mapToDouble(value -> value).max().orElse(0);
        }

        private static double mib(long bytes) {
            return bytes / (double) (1 << 20);
        }
    }

    private final Path directory;
    private final long seed;
    private final Done done = new Done();
    private final AtomicInteger left = new AtomicInteger();

    /** Of those that wait for the other source, so that they do not wait for each other. */
    private final Semaphore waiting = new Semaphore(1);

    private volatile @Nullable Throwable found;

    /** @param directory that of the server, which is started with it */
    public HoldRun(Path directory, long seed) {
        this.directory = directory;
        this.seed = seed;
    }

    /** Holds so often, in turns of its own of each source server. */
    public Done run(ServerProcess.Plan plan, int holds) throws IOException, InterruptedException, RunException {
        left.set(holds);
        List<HeldSource> sides = new ArrayList<>();
        try {
            for (int i = 0; i < SOURCES; i++) {
                sides.add(new HeldSource(directory, seed, i, done, waiting));
            }
            TestSource[] assigned = sides.stream().map(side -> side.assigned).toArray(TestSource[]::new);
            try (ServerProcess server = plan.set("memory.budget-bytes=16MiB").start(assigned);
                    AdminRequests admin = new AdminRequests(directory)) {
                for (HeldSource side : sides) {
                    side.begin(server.endpoint(), admin, sides.get((side.number + 1) % SOURCES));
                }
                List<Thread> drivers = sides.stream().map(side -> driver(side)).toList();
                for (Thread driver : drivers) {
                    driver.join();
                }
                throwWhatWasFound(holds);
                for (HeldSource side : sides) {
                    side.end();
                }
            }
        } catch (CertificateStoreException | AgentStartException e) {
            throw new RunException(String.valueOf(e.getMessage()), e);
        } finally {
            for (HeldSource side : sides) {
                side.close();
            }
        }
        return done;
    }

    private Thread driver(HeldSource side) {
        return Thread.ofPlatform().daemon().name("holds-" + side.id).start(() -> {
            try {
                while (found == null && left.getAndDecrement() > 0) {
                    side.hold();
                }
            } catch (IOException | InterruptedException | RuntimeException | AssertionError e) {
                found = found == null ? e : found;
            }
        });
    }

    private void throwWhatWasFound(int holds) throws IOException {
        Throwable what = found;
        if (what instanceof AssertionError e) {
            int over = done.valid() + done.expired();
            throw new AssertionError(
                    "after " + over + " of " + holds + " holds, seed " + seed + ": " + e.getMessage(), e);
        }
        if (what != null) {
            throw new IOException("a hold could not be asked for: " + what, what);
        }
    }
}
