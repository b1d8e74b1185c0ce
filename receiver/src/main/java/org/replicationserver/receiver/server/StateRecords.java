package org.replicationserver.receiver.server;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecords;
import org.replicationserver.volume.StateDirectory;

/** Keeps the records of source servers in the state directory. Event loop only. */
final class StateRecords implements SourceRecords {
    private final StateDirectory directory;
    private final Executor eventLoop;

    StateRecords(StateDirectory directory, Executor eventLoop) {
        this.directory = directory;
        this.eventLoop = eventLoop;
    }

    @Override
    public Loaded load(String sourceServerId) {
        try {
            Optional<byte[]> bytes = directory.load(sourceServerId);
            return bytes.isEmpty() ? new Loaded.Missing() : new Loaded.Found(SourceRecord.parse(bytes.get()));
        } catch (IOException | ProtocolException | IllegalArgumentException e) {
            return new Loaded.Unreadable(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public CompletionStage<Void> store(String sourceServerId, SourceRecord record) {
        CompletableFuture<Void> stored = new CompletableFuture<>();
        // A failure is not passed on: the state directory has told the process to end, and nothing may be answered any
        // more.
        directory.store(sourceServerId, record.toBytes()).thenRun(() -> eventLoop.execute(() -> stored.complete(null)));
        return stored;
    }
}
