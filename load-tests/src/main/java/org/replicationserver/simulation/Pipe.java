package org.replicationserver.simulation;

import java.util.Arrays;
import java.util.function.Consumer;

/** One direction of a connection: bytes arrive in order, in any pieces, after any delay, as long as it is whole. */
final class Pipe {
    private static final long DELAY_NANOS = 100_000;

    private enum State {
        WHOLE,
        SILENT,
        CUT
    }

    private final VirtualTime time;
    private final Dice dice;
    private State state = State.WHOLE;
    private long arrivalNanos;
    private int bytesUnderWay;

    Pipe(VirtualTime time, Dice dice) {
        this.time = time;
        this.dice = dice;
    }

    void send(byte[] bytes, Consumer<byte[]> receiver) {
        bytesUnderWay += bytes.length;
        int from = 0;
        while (from < bytes.length) {
            int to = dice.percent(70) ? bytes.length : dice.between(from + 1, bytes.length);
            byte[] piece = Arrays.copyOfRange(bytes, from, to);
            arrive(() -> receiver.accept(piece));
            from = to;
        }
    }

    /** What follows everything that was sent before. */
    void arrive(Runnable what) {
        arrivalNanos = Math.max(arrivalNanos, time.nanos() + dice.skewed(DELAY_NANOS));
        time.at(arrivalNanos, () -> {
            if (state == State.WHOLE) {
                what.run();
            }
        });
    }

    void taken(int bytes) {
        bytesUnderWay -= bytes;
    }

    /** Sent and not taken by the other side. */
    int bytesUnderWay() {
        return bytesUnderWay;
    }

    /** What is under way is lost, and so is what follows; nobody is told. False if that was so before. */
    boolean fallSilent() {
        boolean wasWhole = state == State.WHOLE;
        if (wasWhole) {
            state = State.SILENT;
        }
        return wasWhole;
    }

    /** What is under way is lost. */
    void cut() {
        state = State.CUT;
    }
}
