package org.replicationserver.crash;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One way of a connection of a {@link FaultyNetwork}. A thread of its own passes bytes on; what it is told may come from any. */
final class FaultyFlow {
    /** What is kept of it, for who wants to see it or to send it again. */
    private static final int RECORDED_BYTES_MAX = 4 << 20;

    private static final int READ_BYTES = 64 * 1024;

    private enum Pace {
        PASSING,
        /** A byte a second. */
        DRIBBLING,
        /** Nothing is read any more. */
        HELD,
        /** What comes is thrown away. */
        SILENT
    }

    private final FaultyNetwork.Link link;
    private final Socket from;
    private final Socket to;
    private final CountDownLatch released = new CountDownLatch(1);
    private volatile Pace pace = Pace.PASSING;
    private volatile long endedNanos;
    private volatile boolean ended;

    // its thread only
    private long passedBytes;

    // under the monitor
    private final ByteArrayOutputStream recorded = new ByteArrayOutputStream();
    private final TlsRecords records = new TlsRecords();
    private FaultyNetwork.@Nullable Fault fault;

    FaultyFlow(FaultyNetwork.Link link, Socket from, Socket to, FaultyNetwork.@Nullable Fault fault) {
        this.link = link;
        this.from = from;
        this.to = to;
        this.fault = fault;
    }

    // --- what is told it

    void silence() {
        pace = Pace.SILENT;
    }

    void dribble() {
        pace = Pace.DRIBBLING;
    }

    /** Reads no more, until {@link #resume}: the sender can send no more than the sockets hold. */
    synchronized void hold() {
        pace = Pace.HELD;
    }

    synchronized void resume() {
        pace = Pace.PASSING;
        notifyAll();
    }

    void release() {
        released.countDown();
        synchronized (this) {
            notifyAll();
        }
    }

    // --- what it tells

    /** Whether its sender has ended the connection. */
    boolean hasEnded() {
        return ended;
    }

    /** When its sender ended the connection, on the clock of {@link System#nanoTime}. */
    long endedNanos() {
        return endedNanos;
    }

    /** The first few MiB of what was passed on. */
    synchronized byte[] recorded() {
        return recorded.toByteArray();
    }

    /** Records that were passed on up to the newest with application data. */
    synchronized int recordsOfSession() {
        return records.untilApplicationData();
    }

    /** Bytes of these records. */
    synchronized long bytesOfSession() {
        return records.endOf(records.untilApplicationData());
    }

    /** Where a byte is that was passed on. */
    synchronized FaultyNetwork.Place placeOf(long at) {
        return records.placeOf(at);
    }

    // --- the thread

    void run() {
        byte[] buffer = new byte[READ_BYTES];
        try {
            InputStream in = from.getInputStream();
            pass(buffer, 0);
            while (true) {
                awaitRoom();
                int n = in.read(buffer);
                if (n < 0) {
                    break;
                }
                awaitRoom();
                pass(buffer, n);
            }
            ended();
            if (pace != Pace.SILENT) {
                FaultyNetwork.Link.shutDown(to);
            }
        } catch (IOException e) {
            ended();
            if (pace != Pace.SILENT) {
                link.reset();
            }
        } catch (InterruptedException e) {
            ended();
        }
        link.flowEnded();
    }

    private void ended() {
        endedNanos = System.nanoTime();
        ended = true;
    }

    private synchronized void awaitRoom() throws InterruptedException {
        while (pace == Pace.HELD && released.getCount() > 0) {
            wait();
        }
    }

    /** Passes bytes on, and does at its place what is to happen. */
    private void pass(byte[] buffer, int n) throws IOException, InterruptedException {
        int done = 0;
        FaultyNetwork.Fault due;
        long at;
        synchronized (this) {
            records.read(buffer, n);
            due = fault;
            at = due == null ? -1 : records.byteAt(due.place());
        }
        if (due != null && at >= 0 && at - passedBytes <= (due.kind() == FaultyNetwork.Kind.FLIP ? n - 1 : n)) {
            done = (int) Math.max(0, at - passedBytes);
            write(buffer, 0, done);
            synchronized (this) {
                fault = null;
            }
            happen(due, buffer, done);
        }
        write(buffer, done, n - done);
    }

    private void happen(FaultyNetwork.Fault due, byte[] buffer, int at) throws IOException, InterruptedException {
        link.happened(due);
        switch (due.kind()) {
            case CUT -> link.cut();
            case RESET -> link.reset();
            case SILENCE -> silence();
            case DRIBBLE -> dribble();
            case FLIP -> buffer[at] ^= (byte) (1 << due.bit());
            case REPEAT -> {
                byte[] again;
                synchronized (this) {
                    again = records.last(recorded.toByteArray(), due.place().records());
                }
                to.getOutputStream().write(again);
            }
        }
    }

    private void write(byte[] buffer, int offset, int length) throws IOException, InterruptedException {
        if (length == 0) {
            return;
        }
        passedBytes += length;
        synchronized (this) {
            if (recorded.size() + length <= RECORDED_BYTES_MAX) {
                recorded.write(buffer, offset, length);
            }
        }
        try {
            switch (pace) {
                case SILENT -> {}
                case DRIBBLING -> {
                    for (int i = 0; i < length && !released.await(1, TimeUnit.SECONDS); i++) {
                        to.getOutputStream().write(buffer, offset + i, 1);
                    }
                }
                case PASSING, HELD -> to.getOutputStream().write(buffer, offset, length);
            }
        } catch (IOException e) {
            if (pace != Pace.SILENT) {
                throw e;
            }
        }
    }
}
