package org.replicationserver.demo;

import java.nio.file.Path;
import org.replicationserver.process.RunException;

/** What both disks hold in the end. */
record Comparison(String sourceHash, String replicaHash) {
    static Comparison of(Path source, Path replica, long bytes) throws RunException {
        return new Comparison(DemoDisk.sha256(source, bytes), DemoDisk.sha256(replica, bytes));
    }

    boolean identical() {
        return sourceHash.equals(replicaHash);
    }

    String text() {
        return identical()
                ? "replica identical: sha256=" + replicaHash
                : "REPLICA DIFFERS: source sha256=" + sourceHash + " replica sha256=" + replicaHash;
    }
}
