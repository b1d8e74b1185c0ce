package org.replicationserver.simulation;

import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** {@code ./run simulate}. */
public final class SimulateMain implements Callable<Integer> {
    @Option(names = "--seed")
    @Nullable
    Long seed;

    @Option(names = "--seeds")
    int seeds = 100;

    @Option(names = "--from")
    long from = 1;

    @Option(names = "--keep-going")
    boolean keepGoing;

    private SimulateMain() {}

    public static void main(String[] args) {
        System.exit(new CommandLine(new SimulateMain()).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        Long one = seed;
        if (one != null) {
            System.out.println(new Simulation(one, System.out).run());
            return 0;
        }
        AtomicLong next = new AtomicLong(from);
        AtomicInteger sessions = new AtomicInteger();
        AtomicReference<@Nullable String> failed = new AtomicReference<>();
        long began = System.nanoTime();
        Thread[] threads = new Thread[Runtime.getRuntime().availableProcessors()];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.startVirtualThread(() -> {
                while (failed.get() == null) {
                    long mine = next.getAndIncrement();
                    if (mine >= from + seeds) {
                        return;
                    }
                    try {
                        sessions.addAndGet(new Simulation(mine, null).run().sessions());
                    } catch (RuntimeException | Error e) {
                        System.out.println("seed " + mine + ": " + e);
                        if (!keepGoing) {
                            failed.compareAndSet(null, "seed " + mine + ": " + e);
                        }
                    }
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
        double seconds = (System.nanoTime() - began) / 1e9;
        System.out.printf(
                "%d runs, %d sessions, %.1f s, %.0f sessions/s%n",
                next.get() - from, sessions.get(), seconds, sessions.get() / seconds);
        System.out.println(failed.get());
        return failed.get() == null ? 0 : 1;
    }
}
