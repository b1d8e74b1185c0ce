package org.replicationserver.crash;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.replicationserver.harness.Endpoint;
import org.replicationserver.harness.RawAgent;
import org.replicationserver.harness.RawStream;
import org.replicationserver.harness.ServerProcess;
import org.replicationserver.harness.TestSource;
import org.replicationserver.receiver.protocol.Hello;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.protocol.Welcome;

/**
 * A source server that is replicated in sessions, each of which may be ended by whatever befalls the server, and the audit of its replica.
 * What must not be is thrown as an {@link AssertionError}. One thread.
 */
final class Replication {
    /** What is done before a block is sent. */
    interface BeforeBlock {
        void sending() throws IOException, InterruptedException;
    }

    private final TestSource assigned;
    private final DirtySource source;
    private final int streams;
    private final Consumer<RawStream.Sent> whenDurable;

    /** Of volumes that were reopened since the last session. */
    private final Set<Integer> reopened = new HashSet<>();

    private Hello.@Nullable Remembered remembered;
    private int windowBytes;
    private int commits;
    private long resentBytesMax;

    Replication(TestSource assigned, DirtySource source, int streams) {
        this(assigned, source, streams, source::acknowledged);
    }

    /** @param whenDurable told of what is acknowledged, in the place of the source */
    Replication(TestSource assigned, DirtySource source, int streams, Consumer<RawStream.Sent> whenDurable) {
        this.assigned = assigned;
        this.source = source;
        this.streams = streams;
        this.whenDurable = whenDurable;
    }

    DirtySource source() {
        return source;
    }

    /** How often all that was dirty has been committed. */
    int commits() {
        return commits;
    }

    /** The most that a session had to send again. */
    long resentBytesMax() {
        return resentBytesMax;
    }

    /** What the server allows to be unacknowledged. */
    long windowsBytes() {
        return (long) assigned.volumes().size() * streams * windowBytes;
    }

    /** A session in which each volume is resumed, unless this is the first one or the volume was reopened. */
    RawAgent openSession(ServerProcess server) throws IOException, InterruptedException, ProtocolException {
        return openSession(server.endpoint());
    }

    /** The same where something is between agent and server. */
    RawAgent openSession(Endpoint endpoint) throws IOException, InterruptedException, ProtocolException {
        source.sessionBegins();
        RawAgent agent = RawAgent.greet(endpoint, assigned, streams, remembered);
        try {
            Welcome welcome = agent.awaitWelcome();
            requireExpected(welcome);
            reopened.forEach(source::rescan);
            reopened.clear();
            // From here on, also if the server ends before a stream is attached.
            remember(welcome, agent.committedEpoch());
            agent.attachAll(whenDurable);
            windowBytes = agent.streams().getFirst().limits().windowBytes();
            return agent;
        } catch (IOException | InterruptedException | ProtocolException | AssertionError e) {
            agent.close();
            throw e;
        }
    }

    private void requireExpected(Welcome welcome) {
        for (Welcome.Volume volume : welcome.volumes()) {
            boolean rescan = remembered == null || reopened.contains(volume.index());
            Welcome.Action expected = rescan ? Welcome.Action.RESCAN : Welcome.Action.RESUME;
            if (volume.action() != expected) {
                throw new AssertionError(expected + " expected, came " + volume);
            }
        }
    }

    /** From the next session on, all of this volume is sent again. */
    void reopened(int volume) {
        reopened.add(volume);
    }

    private void remember(Welcome welcome, long committedEpoch) {
        List<Hello.RememberedDisk> disks = welcome.volumes().stream()
                .map(volume -> new Hello.RememberedDisk(volume.deviceName(), volume.dataGen(), committedEpoch))
                .toList();
        remembered = new Hello.Remembered(welcome.generation(), disks);
    }

    /** Sends what is dirty. */
    void send(RawAgent agent, BeforeBlock beforeBlock) throws IOException, InterruptedException {
        for (DirtySource.Piece piece : source.dirty()) {
            beforeBlock.sending();
            send(agent, piece);
        }
    }

    /** Sends a block as soon as the window allows it. */
    void send(RawAgent agent, DirtySource.Piece piece) throws IOException, InterruptedException {
        RawStream stream = agent.streamOf(piece.volume(), piece.offsetBytes());
        stream.awaitRoom(piece.volume(), piece.windowBytes());
        source.sending(piece);
        if (piece.isZero()) {
            stream.sendZero(
                    piece.volume(),
                    source.mayDeallocate(piece),
                    piece.offsetBytes(),
                    DirtySource.BLOCK_BYTES,
                    agent.openedEpoch());
        } else {
            agent.send(piece.volume(), piece.offsetBytes(), piece.content());
        }
    }

    /** Sends what is dirty and commits; all is acknowledged then. */
    void cycle(RawAgent agent, BeforeBlock beforeBlock) throws IOException, InterruptedException, ProtocolException {
        agent.openNextEpoch();
        send(agent, beforeBlock);
        agent.commit();
        source.committed();
        commits++;
        remember(agent.welcome(), agent.openedEpoch());
        // The commit is told on another connection, so it may overtake them.
        for (RawStream stream : agent.streams()) {
            stream.awaitAllDurable();
        }
        if (!source.dirty().isEmpty()) {
            throw new AssertionError("all is acknowledged, and blocks are dirty");
        }
    }

    /** A whole session that sends what is left. */
    void replicateOnce(ServerProcess server) throws IOException, InterruptedException, ProtocolException {
        try (RawAgent agent = openSession(server)) {
            cycle(agent, () -> {});
            agent.bye();
        }
        assertResentNoMoreThanTheWindows();
    }

    /** Sends what is left, lets the source change and sends that; then the replica is to be what the source holds. */
    void converge(ServerProcess server, Random random, int blocksChanged)
            throws IOException, InterruptedException, ProtocolException {
        replicateOnce(server);
        source.change(random, blocksChanged);
        replicateOnce(server);
        assertIdentical();
    }

    /** Of the session that is over. */
    void assertResentNoMoreThanTheWindows() {
        resentBytesMax = Math.max(resentBytesMax, source.resentBytes());
        if (windowBytes > 0 && source.resentBytes() > windowsBytes()) {
            throw new AssertionError(
                    source.resentBytes() + " bytes were sent again, the windows allow " + windowsBytes());
        }
    }

    private byte[] replica(int volume) throws IOException {
        Path path = assigned.path(volume);
        // Not there before the server has come so far.
        return Files.exists(path)
                ? Files.readAllBytes(path)
                : new byte[(int) assigned.volume(volume).sizeBytes()];
    }

    void assertNothingAcknowledgedIsMissing() throws IOException {
        for (int volume = 0; volume < assigned.volumes().size(); volume++) {
            source.assertNothingAcknowledgedIsMissing(volume, replica(volume));
        }
    }

    void assertIdentical() throws IOException {
        for (int volume = 0; volume < assigned.volumes().size(); volume++) {
            source.assertIdentical(volume, replica(volume));
        }
    }
}
