package org.replicationserver.receiver.control;

import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Semaphore;

/** Appends to the outbox of a directory until it is killed, and prints the number of each report as soon as it is durable. */
final class OutboxMain {
    private static final int WAITING_MAX = 64;

    private OutboxMain() {}

    public static void main(String[] args) throws Exception {
        long first = Long.parseLong(args[1]);
        Outbox outbox = Outbox.open(Path.of(args[0]), 8 << 20, Clock.systemUTC());
        Semaphore waiting = new Semaphore(WAITING_MAX);
        System.out.println("begins");
        for (long i = first; ; i++) {
            waiting.acquire();
            long number = i;
            outbox.append(OutboxLogTest.result("c-" + number)).thenRun(() -> {
                System.out.println(number);
                waiting.release();
            });
            // Enough of what may be given up that files are put together too.
            outbox.append(OutboxLogTest.firstByte("s-1", "x".repeat(20_000)));
        }
    }
}
