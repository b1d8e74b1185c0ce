package org.replicationserver.receiver.control;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.replicationserver.fuzz.FuzzTarget;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.receiver.protocol.ProtocolException;
import org.replicationserver.receiver.server.KeptCheckpoints;
import org.replicationserver.receiver.session.SourceRecord;
import org.replicationserver.receiver.snapshot.SnapshotStore;
import org.replicationserver.volume.StateDirectory;

/**
 * Records of the state directory. The first byte of an input chooses: of a source server's sessions, of commands, of associations, of
 * snapshot groups, of a replication's counters.
 *
 * <p>Rules: a record that cannot be read is told, and the server starts all the same; what was read is the same when it is written and
 * read again.
 */
public final class KeptRecords implements FuzzTarget, AutoCloseable {
    private static final int REFUSAL_CHARS_MAX = 2048;

    private final Path directory;
    private final StateDirectory state;

    /** With files in a directory of its own. */
    public KeptRecords(Path directory) {
        this.directory = directory.resolve("state");
        try {
            state = StateDirectory.open(this.directory, cause -> {});
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void run(byte[] input) throws IOException {
        if (input.length == 0) {
            return;
        }
        byte[] record = Arrays.copyOfRange(input, 1, input.length);
        switch (Byte.toUnsignedInt(input[0]) % 5) {
            case 0 -> sessions(record);
            case 1 -> {
                put(CommandJournal.RECORD, record);
                CommandJournal.load(state);
            }
            case 2 -> associations(record);
            case 3 -> {
                put("snapshots", record);
                SnapshotStore.load(state).standings();
            }
            default -> KeptCheckpoints.requireReadAgain(record);
        }
    }

    private void put(String name, byte[] record) throws IOException {
        Files.write(directory.resolve(name + ".json"), record);
    }

    private static void sessions(byte[] record) {
        SourceRecord read;
        try {
            read = SourceRecord.parse(record);
        } catch (ProtocolException e) {
            Rules.requireLine(e.getMessage(), REFUSAL_CHARS_MAX);
            return;
        }
        try {
            Rules.requireSame(read, SourceRecord.parse(read.toBytes()), "a record is the same when it is read again");
        } catch (ProtocolException e) {
            throw new AssertionError("what was written cannot be read", e);
        }
    }

    private void associations(byte[] record) throws IOException {
        put(AssociationStore.RECORD, record);
        AssociationStore store = new AssociationStore(state);
        AssociationStore.Kept kept = store.load();
        if (kept != null) {
            String again = kept.associations()
                    .toJson()
                    .put("answeredDateTime", kept.answered().toString())
                    .encode();
            put(AssociationStore.RECORD, again.getBytes(StandardCharsets.UTF_8));
            Rules.requireSame(kept, store.load(), "associations are the same when they are read again");
        }
    }

    @Override
    public void close() throws IOException {
        state.close();
    }
}
