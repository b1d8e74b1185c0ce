package org.replicationserver.agent;

import io.netty.buffer.PooledByteBufAllocator;
import io.vertx.core.Context;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Sockets, disks, clock and mark command for the state machine. Called on the event loop; answers come back on it.
 *
 * <p>Disks are read by {@link BlockReaders}, and opened and closed, in order, by the thread {@code agent-source}.
 */
final class VertxIo implements AgentIo {
    private final Context eventLoop;
    private final Executor sourceThread;
    private final Executor helper;
    private final ServerDialer dialer;
    private final Source source;
    private final BlockReaders readers;
    private final Consumer<AgentEvent> events;
    private final Consumer<AgentOutcome> end;
    private @Nullable Replication replication;

    VertxIo(
            Context eventLoop,
            Executor sourceThread,
            Executor helper,
            ServerDialer dialer,
            List<DiskFile> files,
            int readerThreads,
            @Nullable MarkCommand mark,
            Consumer<AgentEvent> events,
            Consumer<AgentOutcome> end) {
        this.eventLoop = eventLoop;
        this.sourceThread = sourceThread;
        this.helper = helper;
        this.dialer = dialer;
        this.source = new Source(files, mark, Runtime.getRuntime().maxMemory());
        this.events = events;
        this.end = end;
        this.readers =
                new BlockReaders(readerThreads, files, new NettyFrames(PooledByteBufAllocator.DEFAULT), this::readDone);
    }

    /** Makes the state machine that this is the world of. Event loop. */
    Replication begin(Replication newReplication) {
        replication = newReplication;
        readers.start();
        return newReplication;
    }

    /** Ends the reader threads and lets the source go, if that was not done yet; waits for both. Not on the event loop. */
    void close() throws InterruptedException {
        readers.stop();
        source.cutShort();
        CompletableFuture.runAsync(source::close, sourceThread).join();
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public void connect(AgentLink link) {
        dialer.dial(link);
    }

    @Override
    public void read(DiskRead read) {
        readers.submit(read);
    }

    private void readDone(DiskRead read) {
        eventLoop.runOnContext(_ -> machine().readDone(read));
    }

    /** Not on the thread of the source, where a mark command may run for long. */
    @Override
    public void lookAtSource() {
        helper.execute(() -> {
            List<DiskLook> disks = source.lookOrSayWhyNot();
            eventLoop.runOnContext(_ -> machine().sourceSeen(disks));
        });
    }

    @Override
    public void openSource() {
        sourceThread.execute(() -> {
            SourceOpening opening = source.open();
            eventLoop.runOnContext(_ -> machine().sourceOpened(opening));
        });
    }

    @Override
    public void closeSource() {
        sourceThread.execute(() -> {
            String warning = source.close();
            eventLoop.runOnContext(_ -> machine().sourceClosed(warning));
        });
    }

    @Override
    public void cutMarkShort() {
        source.cutShort();
    }

    @Override
    public void event(AgentEvent event) {
        events.accept(event);
    }

    @Override
    public void ended(AgentOutcome outcome) {
        end.accept(outcome);
    }

    private Replication machine() {
        Replication running = replication;
        if (running == null) {
            throw new IllegalStateException("not begun");
        }
        return running;
    }
}
