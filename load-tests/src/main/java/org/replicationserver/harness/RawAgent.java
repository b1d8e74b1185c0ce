package org.replicationserver.harness;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.Bye;
import org.replicationserver.receiver.protocol.EpochCommit;
import org.replicationserver.receiver.protocol.EpochOpen;
import org.replicationserver.receiver.protocol.EpochStatus;
import org.replicationserver.receiver.protocol.Features;
import org.replicationserver.receiver.protocol.FrameType;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.ProtocolLimits;
import org.replicationserver.receiver.protocol.Welcome;

/** The agent's side of one session, step by step as the test wants it. One thread of the test uses it. */
public final class RawAgent implements AutoCloseable {
    /** One for all, as an agent that is not restarted has. */
    private static final String INSTANCE =
            HexFormat.of().toHexDigits(new Random().nextLong()) + HexFormat.of().toHexDigits(new Random().nextLong());

    private static final int IMAGE_BLOCK_BYTES = 64 * 1024;

    private final Endpoint endpoint;
    private final TestSource source;
    private final RawConnection control;
    private final List<RawStream> streams = new ArrayList<>();
    private @Nullable Welcome welcome;
    private long epoch;
    private long committed;

    private RawAgent(Endpoint endpoint, TestSource source) throws IOException {
        this.endpoint = endpoint;
        this.source = source;
        this.control = RawConnection.open(endpoint, source.key());
    }

    /** A control connection on which HELLO was sent; WELCOME is still to come. */
    public static RawAgent greet(
            Endpoint endpoint, TestSource source, int streams, Hello.@Nullable Remembered remembers)
            throws IOException {
        return greet(endpoint, source, streams, remembers, List.of());
    }

    private static RawAgent greet(
            Endpoint endpoint,
            TestSource source,
            int streams,
            Hello.@Nullable Remembered remembers,
            List<String> features)
            throws IOException {
        RawAgent agent = new RawAgent(endpoint, source);
        try {
            agent.control.send(
                    FrameType.HELLO,
                    new Hello(
                            List.of(ProtocolLimits.VERSION),
                            features,
                            source.sourceServerId(),
                            INSTANCE,
                            streams,
                            source.disks(),
                            remembers));
        } catch (IOException e) {
            agent.close();
            throw e;
        }
        return agent;
    }

    /** A session of an agent that tells its backlog, with its streams attached. */
    public static RawAgent connectReporting(Endpoint endpoint, TestSource source, int streams)
            throws IOException, InterruptedException, ProtocolException {
        return connectReporting(endpoint, source, streams, null);
    }

    public static RawAgent connectReporting(
            Endpoint endpoint, TestSource source, int streams, Hello.@Nullable Remembered remembers)
            throws IOException, InterruptedException, ProtocolException {
        RawAgent agent = greet(endpoint, source, streams, remembers, List.of(Features.SOURCE_STATUS));
        agent.awaitWelcome();
        agent.attachAll(sent -> {});
        return agent;
    }

    /** A session whose streams are attached. */
    public static RawAgent connect(Endpoint endpoint, TestSource source, int streams)
            throws IOException, InterruptedException, ProtocolException {
        return connect(endpoint, source, streams, null, sent -> {});
    }

    /** The same for an agent that remembers an older session and wants to know what becomes durable. */
    public static RawAgent connect(
            Endpoint endpoint,
            TestSource source,
            int streams,
            Hello.@Nullable Remembered remembers,
            Consumer<RawStream.Sent> whenDurable)
            throws IOException, InterruptedException, ProtocolException {
        RawAgent agent = greet(endpoint, source, streams, remembers);
        try {
            agent.awaitWelcome();
            agent.attachAll(whenDurable);
            return agent;
        } catch (IOException | ProtocolException e) {
            agent.close();
            throw e;
        }
    }

    public Welcome awaitWelcome() throws IOException, InterruptedException, ProtocolException {
        Welcome came = Welcome.parse(
                control.await(FrameType.WELCOME, FrameType.PROGRESS).json());
        welcome = came;
        return came;
    }

    public void attachAll(Consumer<RawStream.Sent> whenDurable)
            throws IOException, InterruptedException, ProtocolException {
        Welcome open = welcome();
        for (int i = 0; i < open.streams(); i++) {
            streams.add(RawStream.attach(
                    RawConnection.open(endpoint, source.key()),
                    open.generation(),
                    i,
                    open.volumes().size(),
                    whenDurable));
        }
    }

    public Welcome welcome() {
        Welcome came = welcome;
        if (came == null) {
            throw new IllegalStateException("no WELCOME yet");
        }
        return came;
    }

    public RawConnection control() {
        return control;
    }

    public List<RawStream> streams() {
        return streams;
    }

    /** Newest that is committed, in this session or before. */
    public long committedEpoch() {
        return Math.max(committed, welcome().volumes().getFirst().committedEpoch());
    }

    /** What the agent remembers of this session in the next one. */
    public Hello.Remembered memory() {
        return new Hello.Remembered(
                welcome().generation(),
                welcome().volumes().stream()
                        .map(volume ->
                                new Hello.RememberedDisk(volume.deviceName(), volume.dataGen(), committedEpoch()))
                        .toList());
    }

    // --- an epoch

    /** Opens the epoch after the newest that is committed. */
    public void openNextEpoch() throws IOException, InterruptedException, ProtocolException {
        openEpoch(Math.max(epoch, committedEpoch()) + 1);
    }

    public void openEpoch(long newEpoch) throws IOException, InterruptedException, ProtocolException {
        openEpoch(newEpoch, true);
    }

    /** The next one, of a source that stands still. */
    public void openNextConsistentEpoch() throws IOException, InterruptedException, ProtocolException {
        openEpoch(Math.max(epoch, committedEpoch()) + 1, false);
    }

    private void openEpoch(long newEpoch, boolean fuzzy) throws IOException, InterruptedException, ProtocolException {
        epoch = newEpoch;
        control.send(FrameType.EPOCH_OPEN, new EpochOpen(epoch, fuzzy, 0));
        awaitStatus(false);
    }

    public long openedEpoch() {
        return epoch;
    }

    private void awaitStatus(boolean committed) throws IOException, InterruptedException, ProtocolException {
        EpochStatus status = EpochStatus.parse(
                control.await(FrameType.EPOCH_STATUS, FrameType.PROGRESS).json());
        if (!status.equals(new EpochStatus(epoch, committed))) {
            throw new AssertionError("epoch=" + epoch + " committed=" + committed + " expected, came " + status);
        }
    }

    public RawStream streamOf(int volume, long offsetBytes) {
        return streams.get((int) ((volume + (offsetBytes >> welcome().regionShift())) % streams.size()));
    }

    public BlockFrame frame(int volume, long offsetBytes, byte[] raw) {
        return BlockFrame.of(volume, offsetBytes, raw, epoch);
    }

    /** Sends a block on the stream of its region, as soon as the window allows it. */
    public RawStream.Sent send(int volume, long offsetBytes, byte[] raw) throws IOException, InterruptedException {
        return streamOf(volume, offsetBytes).send(frame(volume, offsetBytes, raw));
    }

    /** Sends a whole image, its zeros as ZERO. */
    public void sendImage(int volume, byte[] image) throws IOException, InterruptedException {
        for (int at = 0; at < image.length; at += IMAGE_BLOCK_BYTES) {
            byte[] block = Arrays.copyOfRange(image, at, Math.min(image.length, at + IMAGE_BLOCK_BYTES));
            if (Arrays.mismatch(block, new byte[block.length]) < 0) {
                streamOf(volume, at).sendZero(volume, false, at, block.length, epoch);
            } else {
                send(volume, at, block);
            }
        }
    }

    /** Sends a block and waits until it is acknowledged. */
    public void sendDurably(int volume, long offsetBytes, byte[] raw) throws IOException, InterruptedException {
        streamOf(volume, offsetBytes).awaitDurable(send(volume, offsetBytes, raw));
    }

    /** Fences all streams, commits, and waits until the epoch is committed. */
    public void commit() throws IOException, InterruptedException, ProtocolException {
        List<Long> fences = new ArrayList<>();
        for (RawStream stream : streams) {
            fences.add(stream.connection().fence(epoch));
        }
        control.send(FrameType.EPOCH_COMMIT, new EpochCommit(epoch, fences, System.currentTimeMillis()));
        awaitStatus(true);
        committed = epoch;
    }

    public long unacknowledgedBytes() {
        return streams.stream().mapToLong(RawStream::unacknowledgedBytes).sum();
    }

    public long durableFrames() {
        return streams.stream().mapToLong(RawStream::durableFrames).sum();
    }

    /** Ends the session in good order and waits until the server has closed it. */
    public void bye() throws IOException, InterruptedException {
        control.send(FrameType.BYE, new Bye("done"));
        awaitEnd();
    }

    /** All connections that were attached, the control connection first. */
    public List<RawConnection> connections() {
        List<RawConnection> all = new ArrayList<>(List.of(control));
        streams.forEach(stream -> all.add(stream.connection()));
        return all;
    }

    /** Waits until the server has closed every connection. */
    public void awaitEnd() throws InterruptedException {
        for (RawConnection connection : connections()) {
            awaitEnd(connection);
        }
    }

    /**
     * The same after something that only the end of the connections should bring.
     *
     * @throws AssertionError with what it was, if they do not end
     */
    public void awaitEndAfter(IOException broken) throws InterruptedException {
        try {
            awaitEnd();
        } catch (AssertionError e) {
            e.addSuppressed(broken);
            throw new AssertionError(e.getMessage() + ", after: " + broken.getMessage(), e);
        }
    }

    private static void awaitEnd(RawConnection connection) throws InterruptedException {
        try {
            connection.ended().get(RawConnection.PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            throw new AssertionError("the server did not close", e);
        }
    }

    @Override
    public void close() throws IOException {
        control.close();
        for (RawStream stream : streams) {
            stream.close();
        }
    }
}
