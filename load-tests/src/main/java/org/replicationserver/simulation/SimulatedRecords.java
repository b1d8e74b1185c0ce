package org.replicationserver.simulation;

import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.session.SourceRecords;

/** A state directory as one process uses it: each change is there whole or not at all, in order. */
final class SimulatedRecords implements SourceRecords {
    /** What outlives processes. */
    static final class Directory {
        private final Map<String, byte[]> files = new HashMap<>();

        /** What is on stable storage of a source server, or null. */
        @Nullable
        SourceRecord durable(String sourceServerId) {
            byte[] file = files.get(sourceServerId);
            try {
                return file == null ? null : SourceRecord.parse(file);
            } catch (ProtocolException e) {
                return null;
            }
        }

        /** The bytes of a file, or null. */
        byte @Nullable [] file(String sourceServerId) {
            return files.get(sourceServerId);
        }

        void put(String sourceServerId, byte[] file) {
            files.put(sourceServerId, file);
        }

        void addTo(MessageDigest digest) {
            files.forEach((id, file) -> digest.update(file));
        }

        Directory copy() {
            Directory copy = new Directory();
            copy.files.putAll(files);
            return copy;
        }

        void damage() {
            files.replaceAll((id, file) -> new byte[] {'{'});
        }

        void lose() {
            files.clear();
        }
    }

    private static final long CALL_NANOS = 200_000;

    private final Directory directory;
    private final SimulatedProcess process;
    private final BooleanSupplier killedByChance;
    private final Dice dice;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();

    /** @param killedByChance asked before and after each change: perhaps the process is killed right there */
    SimulatedRecords(Directory directory, SimulatedProcess process, BooleanSupplier killedByChance, Dice dice) {
        this.directory = directory;
        this.process = process;
        this.killedByChance = killedByChance;
        this.dice = dice;
    }

    @Override
    public CompletionStage<SourceRecord> load(String sourceServerId) {
        CompletableFuture<SourceRecord> loaded = new CompletableFuture<>();
        enqueue(() -> {
            byte[] file = directory.files.get(sourceServerId);
            try {
                loaded.complete(file == null ? SourceRecord.initial() : SourceRecord.parse(file));
            } catch (ProtocolException e) {
                SourceRecord lost = SourceRecord.lost();
                store(sourceServerId, lost).thenRun(() -> loaded.complete(lost));
            }
        });
        return loaded;
    }

    @Override
    public CompletionStage<Void> store(String sourceServerId, SourceRecord record) {
        CompletableFuture<Void> stored = new CompletableFuture<>();
        byte[] file = record.toBytes();
        enqueue(() -> {
            if (killedByChance.getAsBoolean()) {
                return;
            }
            directory.files.put(sourceServerId, file);
            if (killedByChance.getAsBoolean()) {
                return;
            }
            process.later(dice.skewed(CALL_NANOS / 10), () -> stored.complete(null));
        });
        return stored;
    }

    private void enqueue(Runnable call) {
        waiting.add(call);
        if (waiting.size() == 1) {
            next();
        }
    }

    private void next() {
        process.later(dice.skewed(CALL_NANOS), () -> {
            waiting.element().run();
            waiting.remove();
            if (!waiting.isEmpty()) {
                next();
            }
        });
    }
}
