package org.replicationserver.agent;

import io.netty.buffer.PooledByteBufAllocator;
import io.vertx.core.Context;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sockets, disks, clock and mark command for the state machine. Called on the event loop; answers come back on it.
 *
 * <p>Disks are read by {@link BlockReaders}; what may block otherwise is done, in order, by one helper thread.
 */
final class VertxIo implements AgentIo {
    private static final Logger LOG = LoggerFactory.getLogger(VertxIo.class);

    private final Context eventLoop;
    private final Executor helper;
    private final ServerDialer dialer;
    private final List<DiskFile> files;
    private final BlockReaders readers;
    private final @Nullable MarkCommand mark;
    private final Consumer<AgentEvent> events;
    private final Consumer<AgentOutcome> end;
    private @Nullable Replication replication;

    VertxIo(
            Context eventLoop,
            Executor helper,
            ServerDialer dialer,
            List<DiskFile> files,
            int readerThreads,
            @Nullable MarkCommand mark,
            Consumer<AgentEvent> events,
            Consumer<AgentOutcome> end) {
        this.eventLoop = eventLoop;
        this.helper = helper;
        this.dialer = dialer;
        this.files = files;
        this.mark = mark;
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

    /** Ends the reader threads and closes the disks; waits for both. Not on the event loop. */
    void close() throws InterruptedException {
        readers.stop();
        closeFiles();
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
    public void read(BlockRead read) {
        readers.submit(read);
    }

    private void readDone(BlockRead read) {
        eventLoop.runOnContext(_ -> machine().readDone(read));
    }

    @Override
    public void mark(MarkPhase phase) {
        helper.execute(() -> {
            // A mark command may take the disk's snapshot away, which nobody must hold open then.
            closeFiles();
            boolean succeeded = mark != null && mark.run(phase);
            eventLoop.runOnContext(_ -> machine().markDone(phase, succeeded));
        });
    }

    @Override
    public void event(AgentEvent event) {
        events.accept(event);
    }

    @Override
    public void ended(AgentOutcome outcome) {
        end.accept(outcome);
    }

    private void closeFiles() {
        for (DiskFile file : files) {
            try {
                file.close();
            } catch (IOException e) {
                LOG.warn("{}: cannot be closed: {}", file.path(), e.getMessage());
            }
        }
    }

    private Replication machine() {
        Replication running = replication;
        if (running == null) {
            throw new IllegalStateException("not begun");
        }
        return running;
    }
}
