package org.replicationserver.harness;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.replicationserver.receiver.protocol.Attach;
import org.replicationserver.receiver.protocol.Attached;
import org.replicationserver.receiver.protocol.DurableAck;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;

/** A data connection of a test's agent: sends within what the server allows and knows what is durable. Any thread. */
public final class RawStream implements AutoCloseable {
    /** A block that was sent, with its bytes on the wire. */
    public record Sent(long seq, int volume, long offsetBytes, long lengthBytes, long wireBytes) {}

    private static final class Flow {
        long sentBytes;
        long limitBytes;
        long durableSeq;
    }

    private final RawConnection connection;
    private final Consumer<Sent> whenDurable;
    private final List<Flow> flows = new ArrayList<>();
    private final Deque<Sent> unacknowledged = new ArrayDeque<>();
    private Attached attached = new Attached(0, 0, 0);
    private long durableFrames;
    private long durableWireBytes;
    private long acknowledgements;

    private RawStream(RawConnection connection, Consumer<Sent> whenDurable) {
        this.connection = connection;
        this.whenDurable = whenDurable;
        connection.listen(this::acknowledged);
        connection.ended().whenComplete((reason, failure) -> wake());
    }

    /** Attaches a connection as a stream of a session. */
    public static RawStream attach(
            RawConnection connection, long generation, int number, int volumes, Consumer<Sent> whenDurable)
            throws IOException, InterruptedException, ProtocolException {
        RawStream stream = new RawStream(connection, whenDurable);
        try {
            connection.send(FrameType.ATTACH, new Attach(generation, number));
            stream.attached(Attached.parse(connection.await(FrameType.ATTACHED).json()), volumes);
            return stream;
        } catch (IOException | ProtocolException e) {
            connection.close();
            throw e;
        }
    }

    private synchronized void attached(Attached body, int volumes) {
        attached = body;
        for (int i = 0; i < volumes; i++) {
            Flow flow = new Flow();
            flow.limitBytes = body.windowBytes();
            flows.add(flow);
        }
    }

    public RawConnection connection() {
        return connection;
    }

    public Attached limits() {
        return attached;
    }

    // --- sending

    /** Sends a block as soon as the window allows it. One thread sends on a stream. */
    public Sent send(BlockFrame frame) throws IOException, InterruptedException {
        int lengthBytes = frame.lengthBytes();
        awaitRoom(frame.volume(), lengthBytes);
        long before = connection.wireBytesSent();
        long seq = connection.data(frame);
        long wireBytes = connection.wireBytesSent() - before;
        return note(new Sent(seq, frame.volume(), frame.offsetBytes(), lengthBytes, wireBytes), lengthBytes);
    }

    /** The same for zeros, which count as little in the window. */
    public Sent sendZero(int volume, boolean mayDeallocate, long offsetBytes, long zeroBytes, long epoch)
            throws IOException, InterruptedException {
        awaitRoom(volume, ProtocolLimits.ZERO_WINDOW_BYTES);
        long before = connection.wireBytesSent();
        long seq = connection.zero(volume, mayDeallocate, offsetBytes, zeroBytes, epoch);
        long wireBytes = connection.wireBytesSent() - before;
        return note(new Sent(seq, volume, offsetBytes, zeroBytes, wireBytes), ProtocolLimits.ZERO_WINDOW_BYTES);
    }

    /** Its acknowledgement may be here already: a write may block, and nothing waits for it. */
    private synchronized Sent note(Sent sent, int costBytes) {
        Flow flow = flows.get(sent.volume());
        flow.sentBytes += costBytes;
        if (sent.seq() <= flow.durableSeq) {
            durable(List.of(sent));
        } else {
            unacknowledged.add(sent);
        }
        return sent;
    }

    private void durable(List<Sent> blocks) {
        durableFrames += blocks.size();
        durableWireBytes += blocks.stream().mapToLong(Sent::wireBytes).sum();
        blocks.forEach(whenDurable);
    }

    /** Whether a block of a volume may be sent now. */
    public synchronized boolean hasRoom(int volume, int costBytes) {
        Flow flow = flows.get(volume);
        return flow.sentBytes + costBytes <= flow.limitBytes && unacknowledged.size() < attached.unackedFramesMax();
    }

    /** Waits until a block of a volume may be sent. */
    public synchronized void awaitRoom(int volume, int costBytes) throws IOException, InterruptedException {
        long end = System.nanoTime() + RawConnection.PATIENCE.toNanos();
        while (!hasRoom(volume, costBytes)) {
            waitUntil(end, "room in the window of volume " + volume);
        }
    }

    // --- acknowledgements

    private void acknowledged(ByteBuffer payload) throws ProtocolException {
        List<Sent> durable = new ArrayList<>();
        synchronized (this) {
            acknowledgements++;
            DurableAck.read(payload, (volume, durableSeq, limitBytes) -> {
                Flow flow = flows.get(volume);
                if (durableSeq < flow.durableSeq || limitBytes < flow.limitBytes) {
                    throw new AssertionError("an acknowledgement went back: volume=" + volume);
                }
                flow.durableSeq = durableSeq;
                flow.limitBytes = limitBytes;
            });
            for (Iterator<Sent> each = unacknowledged.iterator(); each.hasNext(); ) {
                Sent sent = each.next();
                if (sent.seq() <= flows.get(sent.volume()).durableSeq) {
                    each.remove();
                    durable.add(sent);
                }
            }
            durable(durable);
            notifyAll();
        }
    }

    private synchronized void wake() {
        notifyAll();
    }

    public synchronized long durableSeq(int volume) {
        return flows.get(volume).durableSeq;
    }

    /** Blocks that were acknowledged since ATTACHED. */
    public synchronized long durableFrames() {
        return durableFrames;
    }

    /** What these blocks were on the wire. */
    public synchronized long durableWireBytes() {
        return durableWireBytes;
    }

    public synchronized long acknowledgements() {
        return acknowledgements;
    }

    public synchronized long unacknowledgedBytes() {
        return unacknowledged.stream().mapToLong(Sent::lengthBytes).sum();
    }

    public synchronized void awaitDurable(Sent sent) throws IOException, InterruptedException {
        long end = System.nanoTime() + RawConnection.PATIENCE.toNanos();
        while (flows.get(sent.volume()).durableSeq < sent.seq()) {
            waitUntil(end, "acknowledgement of " + sent);
        }
    }

    public synchronized long unacknowledgedFrames(int volume) {
        return unacknowledged.stream().filter(sent -> sent.volume() == volume).count();
    }

    public synchronized void awaitVolumeDurable(int volume) throws IOException, InterruptedException {
        long end = System.nanoTime() + RawConnection.PATIENCE.toNanos();
        while (unacknowledgedFrames(volume) > 0) {
            waitUntil(end, "acknowledgement of all blocks of volume " + volume);
        }
    }

    public synchronized void awaitAllDurable() throws IOException, InterruptedException {
        long end = System.nanoTime() + RawConnection.PATIENCE.toNanos();
        while (!unacknowledged.isEmpty()) {
            waitUntil(end, "acknowledgement of " + unacknowledged.size() + " blocks");
        }
    }

    @SuppressWarnings("WaitNotInLoop") // the callers loop
    private void waitUntil(long endNanos, String what) throws IOException, InterruptedException {
        if (connection.isEnded()) {
            throw new IOException("the connection ended before there was " + what);
        }
        long leftMillis = (endNanos - System.nanoTime()) / 1_000_000;
        if (leftMillis <= 0) {
            throw new AssertionError("timed out: " + what);
        }
        wait(leftMillis);
    }

    @Override
    public void close() throws IOException {
        connection.close();
    }
}
