package org.replicationserver.receiver.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecords;
import org.replicationserver.volume.StateDirectory;

/** Keeps the records of source servers in the state directory. Event loop only, but for {@link #read}. */
public final class StateRecords implements SourceRecords {
    private final StateDirectory directory;
    private final Executor eventLoop;
    private final BiConsumer<String, String> onLost;
    private final Function<String, CompletionStage<Void>> alsoLoad;

    /**
     * @param onLost told the source server and the cause when a record cannot be read
     * @param alsoLoad what else must be known of a source server before its record is handed out; never fails
     */
    StateRecords(
            StateDirectory directory,
            Executor eventLoop,
            BiConsumer<String, String> onLost,
            Function<String, CompletionStage<Void>> alsoLoad) {
        this.directory = directory;
        this.eventLoop = eventLoop;
        this.onLost = onLost;
        this.alsoLoad = alsoLoad;
    }

    /** Where the records are. */
    static Path directoryIn(Path stateDirectory) {
        return stateDirectory.resolve("sources");
    }

    /** The record that a server would begin with, which does not run; nothing is changed. Any thread. */
    public static SourceRecord read(Path stateDirectory, String sourceServerId) {
        try {
            return parse(StateDirectory.load(directoryIn(stateDirectory), sourceServerId));
        } catch (IOException | CompletionException e) {
            return SourceRecord.lost();
        }
    }

    @Override
    public CompletionStage<SourceRecord> load(String sourceServerId) {
        return directory
                .loadLater(sourceServerId)
                .thenApplyAsync(StateRecords::parse, eventLoop)
                .exceptionallyComposeAsync(failure -> lost(sourceServerId, failure), eventLoop)
                .thenCompose(record -> alsoLoad.apply(sourceServerId).thenApply(done -> record));
    }

    private static SourceRecord parse(Optional<byte[]> bytes) {
        try {
            return bytes.isEmpty() ? SourceRecord.initial() : SourceRecord.parse(bytes.get());
        } catch (ProtocolException e) {
            throw new CompletionException(e);
        }
    }

    /**
     * That a record is lost is stored at once: should the old one be readable some day, it would speak of content that is gone, and
     * should it be missing, volumes would seem to be new.
     */
    private CompletionStage<SourceRecord> lost(String sourceServerId, Throwable failure) {
        Throwable cause = failure.getCause() == null ? failure : failure.getCause();
        onLost.accept(sourceServerId, String.valueOf(cause.getMessage()));
        SourceRecord lost = SourceRecord.lost();
        return store(sourceServerId, lost).thenApply(stored -> lost);
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
