package org.replicationserver.receiver.server;

import java.nio.charset.StandardCharsets;
import org.replicationserver.fuzz.Rules;
import org.replicationserver.receiver.replication.ReplicationCheckpoint;

/** Records of a replication's counters. Pure. */
public final class KeptCheckpoints {
    private KeptCheckpoints() {}

    /** A record that is none of ours is refused by any exception, and counters begin again; another one is the same when it is read again. */
    public static void requireReadAgain(byte[] record) {
        ReplicationCheckpoint read;
        try {
            read = Checkpoints.parse(record);
        } catch (RuntimeException e) {
            return;
        }
        byte[] again = Checkpoints.toJson(read).encode().getBytes(StandardCharsets.UTF_8);
        Rules.requireSame(read, Checkpoints.parse(again), "counters are the same when they are read again");
    }
}
