package org.replicationserver.receiver.server;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecords;
import org.replicationserver.volume.StateDirectory;

/**
 * Keeps the records of source servers in the state directory. {@link #load} and {@link #forgetVolume} are the start's, which may
 * wait; {@link #store} is the event loop's.
 */
final class StateRecords implements SourceRecords {
    private final StateDirectory directory;
    private final Executor eventLoop;
    private final BiConsumer<String, String> onLost;

    /** What was read, so that all of a start goes by the same answer. */
    private final Map<String, SourceRecord> loaded = new HashMap<>();

    /** @param onLost told the source server and the cause when a record cannot be read */
    StateRecords(StateDirectory directory, Executor eventLoop, BiConsumer<String, String> onLost) {
        this.directory = directory;
        this.eventLoop = eventLoop;
        this.onLost = onLost;
    }

    @Override
    public SourceRecord load(String sourceServerId) {
        return loaded.computeIfAbsent(sourceServerId, this::read);
    }

    /**
     * That a record is lost is stored at once: should the old one be readable some day, it would speak of content that is gone, and
     * should it be missing, volumes would seem to be new.
     */
    private SourceRecord read(String sourceServerId) {
        try {
            Optional<byte[]> bytes = directory.load(sourceServerId);
            return bytes.isEmpty() ? SourceRecord.initial() : SourceRecord.parse(bytes.get());
        } catch (IOException | ProtocolException e) {
            onLost.accept(sourceServerId, String.valueOf(e.getMessage()));
            return storeNow(sourceServerId, SourceRecord.lost());
        }
    }

    /** Forgets a volume whose content is gone, durably. */
    void forgetVolume(String sourceServerId, String volumeId) {
        SourceRecord record = load(sourceServerId);
        if (record.volumes().containsKey(volumeId)) {
            loaded.put(sourceServerId, storeNow(sourceServerId, record.withoutVolume(volumeId)));
        }
    }

    private SourceRecord storeNow(String sourceServerId, SourceRecord record) {
        directory.store(sourceServerId, record.toBytes()).toCompletableFuture().join();
        return record;
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
