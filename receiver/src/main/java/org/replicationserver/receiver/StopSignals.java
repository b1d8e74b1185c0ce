package org.replicationserver.receiver;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.CompletableFuture;

/**
 * SIGTERM and SIGINT: the first asks the program to stop in good order, the second ends it at once. Nothing that was acknowledged is
 * at risk either way.
 *
 * <p>A shutdown hook would not do: while one runs, the JVM does not look at further signals.
 */
public final class StopSignals {
    /** What shells add to a signal's number to make an exit code. */
    private static final int EXIT_CODE_BASE = 128;

    private final CompletableFuture<Integer> first = new CompletableFuture<>();

    private StopSignals() {}

    /** Takes over the two signals for the rest of the process. */
    public static StopSignals install() {
        StopSignals signals = new StopSignals();
        signals.handle("TERM");
        signals.handle("INT");
        return signals;
    }

    /**
     * Only sun.misc.Signal tells of a signal more than once. It is in module jdk.unsupported, which every JDK has, and reached by
     * reflection because the compiler's warning about it cannot be turned off for one place.
     */
    private void handle(String name) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Method number = signal.getMethod("getNumber");
            Object told =
                    Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (self, method, args) -> {
                        received((int) number.invoke(args[0]));
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), told);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("this JDK has no sun.misc.Signal", e);
        }
    }

    private void received(int number) {
        if (!first.complete(EXIT_CODE_BASE + number)) {
            Runtime.getRuntime().halt(EXIT_CODE_BASE + number);
        }
    }

    /** Waits for the first signal; gives the exit code that goes with it, 143 for SIGTERM and 130 for SIGINT. */
    public int await() {
        return first.join();
    }
}
